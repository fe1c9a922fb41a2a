"""Which unfinished jobs were given something: what they still need must not be taken away."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from api.errors import ConflictError
from api.jobs.models import Job, Step
from api.jobs.states import ACTIVE

UNFINISHED = Job.state.in_(ACTIVE)


def given(*parts: dict[str, Any]) -> ColumnElement[bool]:
    """Return the condition that a job has a step whose input holds one of these parts."""
    holding = or_(*(Step.input.contains(part) for part in parts))
    return select(Step.id).where(Step.job_id == Job.id, holding).exists()


def refuse_if_used(session: Session, code: str, what: str, used: ColumnElement[bool]) -> None:
    """Raise ConflictError with the ids of unfinished jobs of which a condition holds."""
    jobs: list[UUID] = list(session.scalars(select(Job.id).where(UNFINISHED, used)))
    if jobs:
        ids = [str(job_id) for job_id in jobs]
        raise ConflictError(code, f"Jobs are working on the {what}; cancel them first", {"job_ids": ids})
