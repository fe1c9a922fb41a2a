"""Use cases of jobs: make, ring at once, cancel, retry, list."""

from __future__ import annotations

import logging
from collections import Counter
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from flask import g
from sqlalchemy import Select, bindparam, func, insert, select
from sqlalchemy.orm import Session, make_transient_to_detached, selectinload
from sqlalchemy.orm.attributes import set_committed_value

from api.errors import ConflictError
from api.extensions import db, get_settings
from api.ids import new_id
from api.jobs import effects, outbox, poison
from api.jobs.change import Change
from api.jobs.engine import (
    begin_change,
    cancel_open_steps,
    emit,
    finish_if_done,
    lock_job,
    move_job,
    move_step,
    read_steps,
    ready_steps,
    ring,
    settle,
    show_progress,
)
from api.jobs.models import Job, Step, note_steps_added
from api.jobs.publish import BROKER_ERRORS, bell_id, get_publisher, revoke_after_commit, send_canvas
from api.jobs.states import RETRYABLE, RETRYABLE_STEP, TERMINAL, JobState, StepState
from api.ownership import visible_to
from api.prepared import PREPARED
from api.turns.line import may_ring_now
from tasks import tracing
from tasks.names import Priority
from tasks.workflows.plan import StepSpec, levels

logger = logging.getLogger(__name__)


def create_job(
    session: Session,
    *,
    owner_id: UUID,
    organisation_id: UUID | None = None,
    kind: str,
    steps: list[StepSpec],
    priority: Priority,
    subject: dict[str, Any],
) -> Job:
    """Add a job, its steps and the bells of those that can start. The caller commits, then calls :func:`publish_soon`.

    Raises ValueError when the steps wait for each other or for nobody.
    """
    if not steps:
        raise ValueError("a job needs at least one step")
    levels(steps)
    job = build_job(owner_id=owner_id, organisation_id=organisation_id, kind=kind, priority=priority, subject=subject)
    heard = insert_job(session, job)
    rows = [build_step(job.id, position, spec) for position, spec in enumerate(steps)]
    insert_steps(session, rows, queued_at=job.created_at)
    change = Change(session, job, job.created_at, heard=heard)
    soon = change.now + timedelta(seconds=get_settings().ring_grace_s)
    first = {step.id for step in ready_steps(rows)}
    for row in rows:
        if row.id in first:
            ring(change, [row], row.run_after or soon)
    emit(change, "job.queued")
    settle(change)
    g.job_id = job.id
    return job


def build_job(
    *, owner_id: UUID, organisation_id: UUID | None, kind: str, priority: Priority, subject: dict[str, Any]
) -> Job:
    """Return the row of a new job, but for when it is made."""
    empty: dict[str, Any] = dict.fromkeys(
        ("eta_s", "error_code", "error_message", "error_details", "lost_at", "progress_event_at", "started_at")
    )
    return Job(
        id=new_id(), owner_id=owner_id, organisation_id=organisation_id, kind=kind,
        state=JobState.QUEUED.value, priority=int(priority),
        subject=subject, run=1, cancel_requested=False, percent=0.0, stage="", done=0.0, total=0.0, unit="",
        event_seq=0, losses=0, trimmed_run=0, finished_at=None, traceparent=tracing.current_traceparent(), **empty,
    )  # fmt: skip


INSERT_JOB = (
    insert(Job.__table__)
    .values(created_at=func.clock_timestamp())
    .returning(Job.__table__.c.created_at)
    .execution_options(**PREPARED)
)


@lru_cache(maxsize=1)
def select_heard() -> Select[bool]:
    """Select whether anybody listens to the events of a job."""
    heard = select(effects.is_heard()).select_from(Job).where(Job.id == bindparam("job_id"))
    return heard.execution_options(**PREPARED)


def insert_job(session: Session, job: Job) -> bool:
    """Add a job's row, its moment being now; tell whether anybody listens to its events.

    Without the unit of work, which would cost more than all that is written.
    """
    session.flush()  # what the job refers to
    made_at = session.execute(INSERT_JOB, values_of(job)).scalar_one()
    make_transient_to_detached(job)
    session.add(job)
    set_committed_value(job, "created_at", made_at)
    return bool(session.scalar(select_heard(), {"job_id": job.id}))


def insert_steps(session: Session, steps: list[Step], *, queued_at: datetime) -> None:
    """Add the rows of steps."""
    for step in steps:
        step.queued_at = queued_at
    session.execute(insert(Step.__table__), [values_of(step) for step in steps])
    note_steps_added(session)


def values_of(row: Job | Step) -> dict[str, Any]:
    """Return the columns that are set on a row that is in no session."""
    return {name: value for name, value in vars(row).items() if name in type(row).__table__.columns}


def build_step(job_id: UUID, position: int, spec: StepSpec) -> Step:
    """Return the row of a planned step."""
    return Step(
        id=new_id(), job_id=job_id, position=position, name=spec.name, part=spec.part, task=spec.task.value,
        after=list(spec.after), limits=list(spec.limits), input=spec.input, run_after=spec.not_before,
        state=StepState.QUEUED.value, attempt=0,
        charged=0, faults=0, handbacks=0, nonce="", node="", fraction=0.0, stage="", done=0.0, total=0.0, unit="",
    )  # fmt: skip


@lru_cache(maxsize=1)
def select_left() -> Select[*tuple[Any, ...]]:
    """Select what a canvas says of the steps of the job ``job_id`` that have not succeeded."""
    columns = (Step.id, Step.name, Step.part, Step.task, Step.after, Step.attempt, Job.priority)
    chosen = select(*columns).join(Job).where(Step.job_id == bindparam("job_id"))
    chosen = chosen.where(Step.state != StepState.SUCCEEDED.value).order_by(Step.position)
    return chosen.execution_options(**PREPARED)


def publish_soon(job_id: UUID) -> bool:
    """Ring a committed job at once; tell whether that worked. Redis may be away: the dispatcher rings what is left.

    The whole plan goes out as one canvas, so that steps follow each other without waiting for the dispatcher. Where
    others stand in line, or there is no room, the job stands in line, too.
    """
    publisher = get_publisher()
    if publisher.breaker.is_open:
        return False
    session = db.session
    rung = outbox.lock_unrung(session(), job_id)
    if not rung:
        session.rollback()
        return False
    rows = session.execute(select_left(), {"job_id": job_id}).all()
    if not rows:  # bells of a job that ended while they hung: the dispatcher takes them down
        session.rollback()
        return False
    unrung = set(rung)
    first = Counter(outbox.queue_of(row.task) for row in rows if row.id in unrung)
    if not may_ring_now(session(), rows[0].priority, first):
        outbox.hurry(session(), rung)
        session.commit()
        return False
    try:
        with tracing.span("dispatch", kind="producer", job_id=job_id):
            send_canvas(job_id, rows[0].priority, rows)
    except BROKER_ERRORS as error:
        publisher.breaker.failed()
        session.rollback()
        logger.warning("job not rung at once", extra={"job_id": str(job_id), "error": type(error).__name__})
        return False
    outbox.mark_rung(session(), rung, rering_s=get_settings().rering_s)
    session.commit()
    publisher.breaker.succeeded()
    return True


def request_cancel(session: Session, job: Job) -> Job:
    """Cancel a job for good: queued steps never start, a running one hears 409 at its next call, its quota goes back.

    Cancelling a cancelled job changes nothing; one that ended otherwise raises ``job.finished``.
    """
    locked = require_job(session, job)
    if locked.state == JobState.CANCELLED:
        return locked
    if locked.state in TERMINAL:
        raise ConflictError("job.finished", f"The job has {locked.state} already", {"state": locked.state})
    change = begin_change(session, locked)
    locked.cancel_requested = True
    steps = read_steps(session, locked)
    bells = [bell_id(step.id, step.attempt - 1) for step in steps if step.state == StepState.RUNNING]
    cancel_open_steps(change, steps)
    finish_if_done(change, steps)
    settle(change)
    revoke_after_commit(session, bells)
    return locked


def retry(session: Session, job: Job) -> Job:
    """Queue a failed or cancelled job again from where it stopped; finished steps are kept, quota is taken anew.

    Retrying a job that is queued or running changes nothing; one that succeeded raises ``job.finished``. What
    registered with ``on_job_retried`` may refuse by raising, or put the job off.
    """
    locked = require_job(session, job)
    if locked.state == JobState.SUCCEEDED:
        raise ConflictError("job.finished", "The job has succeeded already", {"state": locked.state})
    if locked.state not in RETRYABLE:
        return locked
    begins_at = effects.run_job_retried(session, locked)
    change = begin_change(session, locked)
    steps = read_steps(session, locked)
    for step in steps:
        if step.state in RETRYABLE_STEP:
            reset_step(change, step, begins_at)
    locked.run += 1
    poison.clear(locked)
    locked.cancel_requested = False
    locked.error_code = locked.error_message = locked.error_details = None
    locked.stage, locked.done, locked.total, locked.unit = "", 0.0, 0.0, ""
    show_progress(locked, steps)
    move_job(change, JobState.QUEUED)
    ring(change, ready_steps(steps), begins_at or change.now + timedelta(seconds=get_settings().ring_grace_s))
    settle(change)
    return locked


def reset_step(change: Change, step: Step, begins_at: datetime | None) -> None:
    """Let a failed or cancelled step start afresh; the number of its next attempt still counts on."""
    cleared: dict[str, Any] = dict.fromkeys(
        ("started_at", "finished_at", "seen_at", "error_code", "error_message", "error_details")
    )
    cleared["run_after"] = begins_at
    counters = dict.fromkeys(("charged", "faults", "handbacks"), 0)
    progress = {"fraction": 0.0, "stage": "", "done": 0.0, "total": 0.0, "unit": ""}
    move_step(change, step, StepState.QUEUED, queued_at=change.now, **cleared, **counters, **progress)


def require_job(session: Session, job: Job) -> Job:
    """Return a job's row locked and as it is now; one deleted meanwhile raises ``job.finished``."""
    session.flush()
    locked = lock_job(session, job.id)
    if locked is None:
        raise ConflictError("job.finished", "The job is gone", {})
    return locked


def with_history(session: Session, job: Job) -> Job:
    """Read a job's steps with all their attempts: three statements, however many they are."""
    history = selectinload(Job.steps).options(selectinload(Step.attempts))
    chosen = select(Job).where(Job.id == job.id).options(history).execution_options(populate_existing=True)
    return session.scalars(chosen).one()


def select_jobs(
    *, organisation_id: UUID | None = None, kind: str | None = None, state: str | None = None
) -> Select[Any]:
    """Select the jobs that the caller may see."""
    query = select(Job).where(visible_to(Job, organisation_id))
    if kind:
        query = query.where(Job.kind == kind)
    return query.where(Job.state == state) if state else query
