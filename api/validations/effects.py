"""What the end of a validation changes; called by the engine inside its finishing transaction."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from api.jobs.effects import on_step_succeeded
from api.jobs.models import Job, Step
from api.validations.models import Validation
from api.validations.service import JOB_KIND
from tasks.contracts.check import CheckResult
from tasks.names import TaskName


@on_step_succeeded(TaskName.RENDER_CHECK)
def store_findings(session: Session, job: Job, step: Step, result: dict[str, Any]) -> None:
    """Keep what was found; a second call changes nothing. What looks before a render keeps nothing."""
    if job.kind != JOB_KIND:
        return
    validation = session.get(Validation, UUID(job.subject["validation_id"]), with_for_update=True)
    if validation is not None and validation.result is None:
        validation.result = CheckResult.from_json(result).to_json()
