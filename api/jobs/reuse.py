"""Jobs whose work was done before: they begin and end in one transaction, and no worker hears of them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from api.jobs.change import Change
from api.jobs.engine import begin_change, emit, finish_if_done, read_steps, settle
from api.jobs.models import Job
from api.jobs.service import build_job, build_step, insert_job, insert_steps
from api.jobs.states import StepState
from tasks.names import Priority
from tasks.workflows.plan import StepSpec


def create_done_job(
    session: Session,
    *,
    owner_id: UUID,
    organisation_id: UUID | None,
    kind: str,
    steps: list[StepSpec],
    subject: dict[str, Any],
) -> Job:
    """Add a job all of whose steps have succeeded; the caller adds what hangs on it, then calls :func:`end_done_job`.

    What the steps' success would change is the caller's to do: no step effect runs, and the steps have no attempt.
    """
    job = build_job(
        owner_id=owner_id, organisation_id=organisation_id, kind=kind, priority=Priority.NORMAL, subject=subject
    )
    heard = insert_job(session, job)
    rows = [build_step(job.id, position, spec) for position, spec in enumerate(steps)]
    for row in rows:
        row.state, row.fraction = StepState.SUCCEEDED.value, 1.0
        row.finished_at = job.created_at
    insert_steps(session, rows, queued_at=job.created_at)
    change = Change(session, job, job.created_at, heard=heard)
    emit(change, "job.queued")
    settle(change)
    return job


def end_done_job(session: Session, job: Job) -> None:
    """Move the job to its end, with all that its end causes."""
    change = begin_change(session, job)
    finish_if_done(change, read_steps(session, job))
    settle(change)
