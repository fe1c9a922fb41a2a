"""What the end of a still changes; called by the engine inside its finishing transaction."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from api.credits.prices import Action
from api.credits.work import charge, give_back, hold, price
from api.jobs.effects import on_job_ended, on_job_retried, on_step_succeeded
from api.jobs.models import Job, Step
from api.jobs.states import JobState
from api.stills.models import Still
from api.stills.service import JOB_KIND
from api.uploads.effects import own_key
from tasks.contracts.still import StillResult
from tasks.names import TaskName


@on_step_succeeded(TaskName.RENDER_STILL)
def store_still(session: Session, job: Job, step: Step, result: dict[str, Any]) -> None:
    """Keep what was drawn; a second call changes nothing."""
    still = find_still(session, job)
    if still is not None and still.result is None:
        told = StillResult.from_json(result)
        own_key(job, told.object_key)
        still.result = told.to_json()


@on_job_ended(JOB_KIND)
def settle_still(session: Session, job: Job) -> None:
    """Charge pictures that were drawn, give back the credits of those that were not."""
    still = find_still(session, job)
    if job.state == JobState.SUCCEEDED and still is not None and still.result is not None:
        charge(session, job, Action.STILL, price(Action.STILL, len(still.result["times"])))
    else:
        give_back(session, job, Action.STILL)


@on_job_retried(JOB_KIND)
def reopen_still(session: Session, job: Job) -> None:
    """Reserve again what the failure gave back; raise ``credits.insufficient``."""
    hold(session, job, Action.STILL, price(Action.STILL, 1), again=True)


def find_still(session: Session, job: Job) -> Still | None:
    """Return the still of a job, locked, or None when its owner is gone."""
    return session.get(Still, UUID(job.subject["still_id"]), with_for_update=True)
