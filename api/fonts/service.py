"""Use cases of uploaded fonts: announce, complete, delete, and which of them a scenario may name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from api.assets.cleanup import delete_objects_after_commit
from api.config import ApiSettings
from api.errors import ConflictError
from api.fonts.models import Font, FontState
from api.ids import new_id
from api.jobs.inputs import given, refuse_if_used
from api.jobs.models import Job
from api.jobs.service import create_job
from api.quotas.service import release, reserve_storage
from api.uploads.service import Transfer, describe_transfer
from api.uploads.types import clean_filename
from api.users.models import User
from tasks.errors import InvalidInputError
from tasks.names import Priority
from tasks.storage.base import Storage
from tasks.workflows.captions import build_font_steps

JOB_KIND = "font"
MAX_BYTES = 8 * 1024 * 1024
MAX_FONTS = 50
CONTENT_TYPE = "application/octet-stream"


def create_font(
    session: Session, user: User, declared: dict[str, Any], *, storage: Storage, settings: ApiSettings
) -> tuple[Font, Transfer]:
    """Reserve storage for the declared size and say where the bytes go.

    Raises ``font.too_large``, ``font.too_many``, ``quota.storage_bytes``.
    """
    size_bytes = declared["size_bytes"]
    if size_bytes > MAX_BYTES:
        detail = f"The font has {size_bytes} bytes; at most {MAX_BYTES} are accepted"
        raise InvalidInputError("font.too_large", detail, {"max_bytes": MAX_BYTES})
    font_id = new_id()
    key = f"uploads/{user.id}/{font_id}/font"
    filename = clean_filename(declared["filename"])[:255]
    font = Font(id=font_id, owner_id=user.id, filename=filename, reserved_bytes=size_bytes, source_key=key)
    reserve_storage(session, user, size_bytes, font.quota_ref)  # locks the account's counter: the count below is safe
    if session.scalars(select(func.count()).where(Font.owner_id == user.id)).one() >= MAX_FONTS:
        release(session, font.quota_ref)
        raise ConflictError("font.too_many", f"An account keeps at most {MAX_FONTS} fonts", {"max_fonts": MAX_FONTS})
    session.add(font)
    session.flush()
    presigned = storage.presign_put(
        key, content_type=CONTENT_TYPE, size_bytes=size_bytes, part_size_bytes=max(size_bytes, settings.multipart_bytes)
    )
    expires_at = datetime.now(UTC) + timedelta(seconds=settings.storage.presign_s)
    return font, describe_transfer(presigned, size_bytes, expires_at)


def complete_font(session: Session, font: Font, *, storage: Storage) -> Job:
    """Start the job that makes a font safe. Raises ``font.closed``, ``font.not_sent``, ``font.size_mismatch``."""
    session.refresh(font, with_for_update=True)
    if font.state != FontState.PENDING:
        raise ConflictError("font.closed", f"The font is {font.state} already", {"state": font.state})
    found = storage.head(font.source_key)
    if found is None:
        raise ConflictError("font.not_sent", "Nothing has been sent to the font's URL yet")
    if found.size_bytes != font.reserved_bytes:
        detail = f"{found.size_bytes} bytes arrived, {font.reserved_bytes} were declared"
        delete_font(session, font, storage=storage)
        session.commit()
        raise InvalidInputError("font.size_mismatch", detail)
    job = create_job(
        session,
        owner_id=font.owner_id,
        kind=JOB_KIND,
        steps=build_font_steps(font.source_key, size_bytes=found.size_bytes),
        priority=Priority.HIGH,
        subject={"font_id": str(font.id)},
    )
    font.job_id, font.state = job.id, FontState.CHECKING.value
    return job


def delete_font(session: Session, font: Font, *, storage: Storage) -> None:
    """Forget a font: its quota is freed now, its objects once committed; raise ``font.in_use`` while a job needs it."""
    session.refresh(font, with_for_update=True)
    if font.object_key:
        refuse_if_used(session, "font.in_use", "font", given({"fonts": [{"object_key": font.object_key}]}))
    release(session, font.quota_ref)
    delete_objects_after_commit(session, storage, [font.source_key, font.object_key])
    session.delete(font)


def select_fonts(owner_id: UUID) -> Select[tuple[Font]]:
    """Select an account's fonts."""
    return select(Font).where(Font.owner_id == owner_id)


def describe(font: Font) -> dict[str, Any]:
    """Return what a font looks like from outside."""
    names = ("id", "job_id", "state", "filename", "family", "style", "weight_min", "weight_max", "glyphs", "error")
    told = {name: getattr(font, name) for name in (*names, "size_bytes", "created_at")}
    return {**told, "characters": sum(last - first + 1 for first, last in font.characters or [])}
