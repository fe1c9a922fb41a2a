"""Use cases of uploads: start, complete, abort, expire."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.assets.cleanup import delete_objects_after_commit
from api.assets.models import Asset, AssetKind, AssetState
from api.config import ApiSettings
from api.credits.prices import Action
from api.credits.work import hold, price
from api.errors import ConflictError
from api.extensions import get_storage
from api.ids import new_id
from api.jobs.service import create_job
from api.ownership import placed_in
from api.quotas.service import release, reserve_storage
from api.uploads.models import Upload, UploadState
from api.uploads.types import ACCEPTED_TYPES, SOUND, clean_filename, guess_kind
from api.users.models import User
from tasks.errors import InvalidInputError, PermanentError
from tasks.names import Priority
from tasks.storage.base import ObjectInfo, PresignedUpload, Storage
from tasks.workflows.captions import build_image_steps, build_ingest_steps, build_probe_steps

JOB_KIND = "transcription"
PICTURE_KIND = "picture"
EXPIRE_BATCH = 200
LEAST_HEARD_S = 60.0
"""Held for a transcription until the probe has told how long the media is."""


@dataclass(frozen=True)
class Part:
    """One PUT of a transfer; sizes and offsets in bytes."""

    number: int
    url: str
    offset_bytes: int
    size_bytes: int


@dataclass(frozen=True)
class Transfer:
    """How a client sends its bytes."""

    parts: tuple[Part, ...]
    part_size_bytes: int
    headers: dict[str, str]
    expires_at: datetime
    method: str = "PUT"


@dataclass(frozen=True)
class UploadTicket:
    """What a client gets for announcing an upload."""

    id: UUID
    asset_id: UUID
    state: str
    expires_at: datetime
    upload: Transfer


def create_upload(
    session: Session, user: User, declared: dict[str, Any], *, storage: Storage, settings: ApiSettings
) -> UploadTicket:
    """Reserve storage for the declared size, make the rows and presign where the bytes go.

    :param declared: loaded by ``UploadRequest``. Raises ``upload.type_refused``, ``upload.too_large``,
        ``organisation.*``, ``quota.storage_bytes``.
    """
    check_declared(declared["content_type"], declared["size_bytes"], settings.max_upload_bytes)
    now = datetime.now(UTC)
    upload_id, asset_id, organisation_id = new_id(), new_id(), placed_in(declared["organisation_id"])
    key = f"uploads/{user.id}/{upload_id}/source"
    asset = Asset(
        id=asset_id,
        owner_id=user.id,
        organisation_id=organisation_id,
        kind=guess_kind(declared["content_type"]).value,
        state=AssetState.PENDING.value,
        filename=clean_filename(declared["filename"]),
        content_type=declared["content_type"],
        object_key=key,
        size_bytes=declared["size_bytes"],
    )
    reserve_storage(session, user, declared["size_bytes"], asset.quota_ref)
    presigned = storage.presign_put(
        key,
        content_type=declared["content_type"],
        size_bytes=declared["size_bytes"],
        part_size_bytes=settings.multipart_bytes,
        sha256=declared["sha256"],
    )
    upload = Upload(
        id=upload_id,
        owner_id=user.id,
        organisation_id=organisation_id,
        asset_id=asset_id,
        content_type=declared["content_type"],
        size_bytes=declared["size_bytes"],
        sha256=declared["sha256"],
        language=declared["language"],
        object_key=key,
        upload_ref=presigned.upload_ref,
        expires_at=now + timedelta(seconds=settings.upload_expire_s),
    )
    session.add_all([asset, upload])
    session.flush()
    transfer = describe_transfer(presigned, upload.size_bytes, now + timedelta(seconds=settings.storage.presign_s))
    return UploadTicket(upload_id, asset_id, upload.state, upload.expires_at, transfer)


def sign_again(upload: Upload, *, storage: Storage, settings: ApiSettings) -> Transfer:
    """Presign once more where a pending upload's bytes go; raise ``upload.closed``, ``upload.expired``."""
    check_pending(upload)
    presigned = storage.presign_put(
        upload.object_key,
        content_type=upload.content_type,
        size_bytes=upload.size_bytes,
        part_size_bytes=settings.multipart_bytes,
        upload_ref=upload.upload_ref,
        sha256=upload.sha256,
    )
    return describe_transfer(
        presigned, upload.size_bytes, datetime.now(UTC) + timedelta(seconds=settings.storage.presign_s)
    )


def check_declared(content_type: str, size_bytes: int, max_bytes: int) -> None:
    """Raise unless a transfer of this type and size may start."""
    if content_type not in ACCEPTED_TYPES:
        raise InvalidInputError(
            "upload.type_refused", f"Files of type {content_type} are not accepted", {"accepted": list(ACCEPTED_TYPES)}
        )
    if size_bytes > max_bytes:
        raise InvalidInputError(
            "upload.too_large",
            f"The file has {size_bytes} bytes; at most {max_bytes} are accepted",
            {"size_bytes": size_bytes, "max_bytes": max_bytes},
        )


def describe_transfer(presigned: PresignedUpload, size_bytes: int, expires_at: datetime) -> Transfer:
    """Say which bytes go to which URL."""
    step = presigned.part_size_bytes if len(presigned.parts) > 1 else size_bytes
    parts = tuple(
        Part(number, url, (number - 1) * step, min(step, size_bytes - (number - 1) * step))
        for number, url in enumerate(presigned.parts, start=1)
    )
    return Transfer(parts, step, dict(presigned.headers), expires_at)


def complete_upload(session: Session, upload: Upload, wish: dict[str, Any], *, storage: Storage) -> Upload:
    """Look at what arrived and start the job that probes and transcribes it; a second call changes nothing.

    :param wish: how speech is to be heard: ``hotwords diarize speakers``; ``purpose`` sound: not at all.

    Raises ``upload.not_found_in_storage`` (nothing changed, the client may go on sending), ``upload.expired`` and,
    with the refusal already committed, ``upload.size_mismatch``. ``credits.insufficient`` leaves the upload as it is.
    """
    session.refresh(upload, with_for_update=True)
    if upload.state == UploadState.COMPLETED:
        return upload
    check_pending(upload)
    found = find_arrived(upload, storage)
    if found.size_bytes != upload.size_bytes:
        refuse_size(session, upload, found, storage)
    is_picture = upload.asset.kind == AssetKind.IMAGE
    hears = not is_picture and wish.get("purpose") != SOUND
    if is_picture:
        steps = build_image_steps(upload.object_key, size_bytes=found.size_bytes)
    elif hears:
        heard = {name: value for name, value in wish.items() if name != "purpose"}
        steps = build_ingest_steps(upload.object_key, size_bytes=found.size_bytes, language=upload.language, wish=heard)
    else:
        steps = build_probe_steps(upload.object_key, size_bytes=found.size_bytes)
    subject = {"asset_id": str(upload.asset_id), "upload_id": str(upload.id)}
    job = create_job(
        session,
        owner_id=upload.owner_id,
        organisation_id=upload.organisation_id,
        kind=PICTURE_KIND if is_picture else JOB_KIND,
        steps=steps,
        priority=Priority.NORMAL,
        subject=subject,
    )
    if hears:
        hold(session, job, Action.TRANSCRIPTION, price(Action.TRANSCRIPTION, LEAST_HEARD_S))
    upload.job_id = job.id
    upload.state, upload.completed_at = UploadState.COMPLETED.value, datetime.now(UTC)
    upload.asset.state = AssetState.PROBING.value
    session.flush()
    return upload


def check_pending(upload: Upload) -> None:
    """Raise the typed error of an upload that cannot be completed any more."""
    if upload.state == UploadState.EXPIRED or (
        upload.state == UploadState.PENDING and upload.expires_at <= datetime.now(UTC)
    ):
        raise ConflictError("upload.expired", "The upload was not completed in time; start a new one")
    if upload.state != UploadState.PENDING:
        raise ConflictError("upload.closed", f"The upload was {upload.state}; start a new one", {"state": upload.state})


def find_arrived(upload: Upload, storage: Storage) -> ObjectInfo:
    """Return the object that arrived, its parts joined.

    Raises ``upload.not_found_in_storage`` or, when parts are missing, ``upload.incomplete``.
    """
    if upload.upload_ref:
        try:
            storage.complete_parts(upload.object_key, upload.upload_ref)
        except PermanentError as error:
            if storage.head(upload.object_key) is None:
                raise ConflictError("upload.incomplete", error.detail, error.extra) from error
    found = storage.head(upload.object_key)
    if found is None:
        raise ConflictError("upload.not_found_in_storage", "Nothing has been sent to the upload's URL yet")
    return found


def refuse_size(session: Session, upload: Upload, found: ObjectInfo, storage: Storage) -> None:
    """Refuse an upload of another size than declared, for good, and raise."""
    detail = f"{found.size_bytes} bytes arrived, {upload.size_bytes} were declared"
    close_upload(session, upload, UploadState.REFUSED, storage=storage)
    upload.asset.refuse("upload.size_mismatch", detail)
    session.commit()
    extra = {"declared_bytes": upload.size_bytes, "arrived_bytes": found.size_bytes}
    raise InvalidInputError("upload.size_mismatch", detail, extra)


def abort_upload(session: Session, upload: Upload, *, storage: Storage) -> None:
    """Give up a transfer that is not completed: quota and bytes are freed. Raises ``upload.closed``."""
    session.refresh(upload, with_for_update=True)
    if upload.state in (UploadState.ABORTED, UploadState.EXPIRED):
        return
    if upload.state != UploadState.PENDING:
        raise ConflictError("upload.closed", f"The upload was {upload.state} already", {"state": upload.state})
    close_upload(session, upload, UploadState.ABORTED, storage=storage)
    upload.asset.mark_deleted()


def close_upload(session: Session, upload: Upload, state: UploadState, *, storage: Storage) -> None:
    """End a pending upload without an asset: free its quota, forget its bytes once committed."""
    upload.state = state.value
    release(session, upload.asset.quota_ref)
    delete_objects_after_commit(session, storage, [upload.object_key], parts_ref=upload.upload_ref)


def expire_uploads(session: Session, *, storage: Storage | None = None) -> int:
    """Give up uploads that nobody completed in time; return how many. Commits."""
    storage = storage or get_storage()
    due = select(Upload).where(Upload.state == UploadState.PENDING.value, Upload.expires_at <= datetime.now(UTC))
    rows = session.scalars(due.limit(EXPIRE_BATCH).with_for_update(skip_locked=True)).all()
    for upload in rows:
        close_upload(session, upload, UploadState.EXPIRED, storage=storage)
        upload.asset.mark_deleted()
    session.commit()
    return len(rows)
