"""Having an asset heard again, keeping the edits of its transcript; and having a transcript translated."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.assets.models import Asset
from api.assets.service import require_ready
from api.credits.prices import Action
from api.credits.work import hold, price
from api.errors import ConflictError
from api.jobs.inputs import UNFINISHED
from api.jobs.models import Job
from api.jobs.service import create_job
from api.transcripts import history
from api.transcripts.models import TranscriptRecord, TranscriptVersion
from api.transcripts.service import (
    add_first_version,
    add_version,
    current_document,
    get_version,
    list_history,
    store_heard,
)
from api.users.models import User
from tasks.contracts import Transcript
from tasks.contracts.translation import TranslateOrder
from tasks.errors import InvalidInputError
from tasks.names import Priority
from tasks.transcripts.patches import rebase_patches
from tasks.workflows.captions import build_hearing_steps, build_translation_steps

HEARING_KIND, TRANSLATION_KIND = "transcription", "translation"


def order_hearing(session: Session, user: User, asset: Asset, wish: dict[str, Any]) -> Job:
    """Order another transcription of an asset; the edits of its newest transcript are kept.

    Raises ``asset.*``, ``transcript.no_sound``, ``transcript.busy``, ``credits.insufficient``.
    """
    session.refresh(asset, with_for_update={"read": True})
    media = require_ready(asset).media_info
    if media is None or media.audio is None:
        raise InvalidInputError("transcript.no_sound", "The asset has no sound")
    refuse_if_heard(session, asset)
    before = newest(session, asset.id)
    given = {"object_key": asset.object_key, "size_bytes": asset.size_bytes, **wish}
    job = create_job(
        session,
        owner_id=user.id,
        organisation_id=asset.organisation_id,
        kind=HEARING_KIND,
        steps=build_hearing_steps(given, duration_s=media.duration_s),
        priority=Priority.NORMAL,
        subject={"asset_id": str(asset.id), "edits_of": str(before.id) if before else None},
    )
    hold(session, job, Action.TRANSCRIPTION, price(Action.TRANSCRIPTION, media.duration_s))
    return job


def refuse_if_heard(session: Session, asset: Asset) -> None:
    """Raise ``transcript.busy`` while a job hears the asset."""
    about = Job.subject["asset_id"].astext == str(asset.id)
    found = session.scalar(select(Job.id).where(UNFINISHED, Job.kind == HEARING_KIND, about))
    if found is not None:
        raise ConflictError("transcript.busy", "A job is hearing the asset", {"job_id": str(found)})


def newest(session: Session, asset_id: UUID) -> TranscriptRecord | None:
    """Return the newest transcript of an asset that is no translation."""
    first = TranscriptVersion.__table__.alias("first")
    translated = (
        select(first.c.transcript_id)
        .where(first.c.transcript_id == TranscriptRecord.id, first.c.version == 1, first.c.kind == history.TRANSLATED)
        .exists()
    )
    chosen = select(TranscriptRecord).where(TranscriptRecord.asset_id == asset_id, ~translated)
    found: TranscriptRecord | None = session.scalar(chosen.order_by(TranscriptRecord.created_at.desc()).limit(1))
    return found


def keep_heard(session: Session, job: Job, asset: Asset, transcript: Transcript) -> None:
    """Store what was heard as a new transcript, and do the edits of the one before again on it."""
    record = store_heard(session, asset=asset, job_id=job.id, transcript=transcript)
    before_id = job.subject.get("edits_of")
    before = session.get(TranscriptRecord, UUID(before_id)) if before_id else None
    if before is None or record.current_version != 1:
        return
    patches = history.patches_in_force(list_history(session, before))
    if not patches:
        return
    rebased = rebase_patches(Transcript.from_json(get_version(session, record, 1).document), patches)
    add_version(
        session,
        record,
        expected=1,
        transcript=rebased.transcript,
        note=f"Edits of {before.id}",
        kind=history.REBASE,
        patches=rebased.patches,
    )


def order_translation(session: Session, user: User, record: TranscriptRecord, target: str) -> Job:
    """Order the translation of a transcript's current version; raise ``transcript.same_language``."""
    transcript = current_document(session, record)
    if transcript.language == target:
        raise InvalidInputError("transcript.same_language", f"The transcript is in {target} already")
    return create_job(
        session,
        owner_id=user.id,
        organisation_id=record.organisation_id,
        kind=TRANSLATION_KIND,
        steps=build_translation_steps(TranslateOrder(transcript, target)),
        priority=Priority.NORMAL,
        subject={"asset_id": str(record.asset_id), "transcript_id": str(record.id), "language": target},
    )


def keep_translation(session: Session, job: Job, asset: Asset, transcript: Transcript) -> None:
    """Store a translation as a transcript of its own; a second call changes nothing."""
    if session.scalar(select(TranscriptRecord.id).where(TranscriptRecord.job_id == job.id)) is not None:
        return
    record = TranscriptRecord(
        owner_id=asset.owner_id,
        organisation_id=asset.organisation_id,
        asset_id=asset.id,
        job_id=job.id,
        current_version=1,
        language=transcript.language,
    )
    session.add(record)
    session.flush()
    add_first_version(session, record, transcript, author="engine", kind=history.TRANSLATED)
