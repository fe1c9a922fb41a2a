"""What the end of a font's check changes; called by the engine inside its finishing transaction."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from api.assets.cleanup import delete_objects_after_commit
from api.errors import NotFoundError
from api.extensions import get_storage
from api.fonts.models import Font, FontState
from api.fonts.service import JOB_KIND
from api.jobs.effects import on_job_ended, on_job_retried, on_step_succeeded
from api.jobs.models import Job, Step
from api.quotas.service import release
from api.uploads.effects import own_key
from tasks.names import TaskName

FOUND = ("family", "style", "weight_min", "weight_max", "glyphs", "may_subset", "characters", "sha256", "size_bytes")


@on_step_succeeded(TaskName.INGEST_FONT)
def store_font(session: Session, job: Job, step: Step, result: dict[str, Any]) -> None:
    """Make the font ready with what the worker found; a second call changes nothing."""
    font = lock_font(session, job)
    if font is None or font.state != FontState.CHECKING:
        return
    font.object_key = own_key(job, result["object_key"])
    for name in FOUND:
        setattr(font, name, result[name])
    font.state = FontState.READY.value
    delete_objects_after_commit(session, get_storage(), [font.source_key])


@on_job_ended(JOB_KIND)
def settle_font(session: Session, job: Job) -> None:
    """Refuse a font whose check failed; a file at fault is removed and its storage freed."""
    font = lock_font(session, job)
    if font is None or font.state != FontState.CHECKING:
        return
    error = job.error or {}
    font.state = FontState.REFUSED.value
    font.error = {"code": error.get("code") or f"job.{job.state}", "message": error.get("message") or ""}
    if str(font.error["code"]).startswith("font."):
        release(session, font.quota_ref)
        delete_objects_after_commit(session, get_storage(), [font.source_key])


@on_job_retried(JOB_KIND)
def reopen_font(session: Session, job: Job) -> None:
    """Check again a font whose bytes are still there; raise ``font.not_found``."""
    font = lock_font(session, job)
    if font is None or str((font.error or {}).get("code", "")).startswith("font."):
        raise NotFoundError("font.not_found", "The font's file is gone; send it again")
    font.state, font.error = FontState.CHECKING.value, None


def lock_font(session: Session, job: Job) -> Font | None:
    """Return the font of a job, locked, or None when it was deleted."""
    return session.get(Font, UUID(job.subject["font_id"]), with_for_update=True)
