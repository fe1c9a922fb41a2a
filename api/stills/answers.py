"""What is asked of a render node and answered within seconds: found again by its content, else asked once."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.assets.models import Asset
from api.assets.service import require_ready
from api.errors import ConflictError
from api.idempotency import forget_key
from api.ids import get_visible
from api.jobs.models import Job
from api.jobs.states import JobState
from api.ownership import in_place

USABLE = (JobState.QUEUED.value, JobState.RUNNING.value, JobState.SUCCEEDED.value)


class Answer(Protocol):
    """A row of such a table."""

    id: Any
    job: Any
    job_id: Any
    result: Any


A = TypeVar("A", bound=Answer)


def hash_question(**parts: Any) -> str:
    """Name a question by everything that decides its answer."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def find_answer(
    session: Session, table: type[A], owner_id: UUID, source: Asset | None, *, content_hash: str
) -> A | None:
    """Return the newest answer to the same question that is there or on its way, in the place of its source."""
    columns: Any = table
    query = select(table).join(Job, Job.id == columns.job_id)
    place = in_place(table, owner_id, source.organisation_id if source else None)
    query = query.where(place, columns.content_hash == content_hash, Job.state.in_(USABLE))
    found: A | None = session.scalar(query.order_by(columns.created_at.desc()).limit(1))
    return found


def read_source(asset_id: UUID | None) -> Asset | None:
    """Return the ready asset that is to be drawn over, if any; raise ``asset.*``."""
    return require_ready(get_visible(Asset, asset_id)) if asset_id is not None else None


def require_success(answer: Answer, code: str) -> None:
    """Raise ConflictError with the job's own reason when there will be no answer; an Idempotency-Key is free again."""
    job = answer.job
    if job.state in (JobState.FAILED, JobState.CANCELLED):
        forget_key()
        reason = job.error or {"code": "job.cancelled", "message": "The job was cancelled"}
        details = {**reason, "job_id": str(answer.job_id)}
        raise ConflictError(code, f"It did not work: {reason['message']}", details)
