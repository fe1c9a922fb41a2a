"""What the steps of an extraction change; called by the engine inside its finishing transaction."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from api.assets.models import Asset, AssetKind, AssetState
from api.credits.prices import Action
from api.credits.work import charge, give_back, hold, price
from api.errors import ConflictError, NotFoundError
from api.extensions import get_storage
from api.extractions.models import Extraction, ExtractionState
from api.extractions.service import JOB_KIND, alone_with, find_same, tell_duplicate
from api.ids import new_id
from api.jobs.effects import on_job_ended, on_job_retried, on_step_succeeded
from api.jobs.models import Job, Step
from api.jobs.states import JobState
from api.ownership import in_place
from api.samples.leftovers import drop_leftovers, is_refused_for_good
from api.samples.models import REF_LENGTH, SERVICE_LENGTH
from api.samples.room import count_storage
from api.sounds.models import TITLE_LENGTH, Sound, SoundType
from api.sounds.service import searched
from api.uploads.effects import own_key
from api.uploads.types import clean_filename
from tasks.contracts.samples import LinkInfo, LinkMedia
from tasks.contracts.sounds import SoundReady
from tasks.errors import PermanentError
from tasks.names import TaskName
from tasks.workflows.samples import DOWNLOAD


@on_step_succeeded(TaskName.LINKS_RESOLVE)
def store_told(session: Session, job: Job, step: Step, result: dict[str, Any]) -> None:
    """Keep what the service told; raise ``extraction.duplicate`` for a sound that is there or on its way."""
    extraction = find_extraction(session, job)
    if extraction is None:
        return
    info = LinkInfo.from_json(result)
    place = in_place(Extraction, extraction.owner_id, extraction.organisation_id)
    service, media_ref = info.service[:SERVICE_LENGTH], info.media_ref[:REF_LENGTH]
    if same := find_same(session, place, service, media_ref, but=extraction.id):
        raise PermanentError(*tell_duplicate(same))
    with alone_with(session, extraction, service, media_ref, error=PermanentError):
        extraction.service, extraction.media_ref = service, media_ref
    extraction.told = info.to_json()
    extraction.title = extraction.title or info.title[:TITLE_LENGTH]


@on_step_succeeded(TaskName.LINKS_LEVEL)
def make_sound(session: Session, job: Job, step: Step, result: dict[str, Any]) -> None:
    """Make a sound of what came, at its loudness, and charge it; raise ``sound.duplicate`` when it is one already."""
    extraction = find_extraction(session, job)
    if extraction is None or extraction.sound_id is not None:
        return
    told = SoundReady.from_json(result)
    asset = keep_original(session, job, extraction)
    title = extraction.title or asset.filename
    row = {
        "id": new_id(),
        "owner_id": extraction.owner_id,
        "organisation_id": extraction.organisation_id,
        "asset_id": asset.id,
        "job_id": job.id,
        "type": SoundType.EXT.value,
        "title": title,
        "tags": extraction.tags,
        "words": searched(title, extraction.tags),
        "sha256": asset.sha256,
        "duration_s": told.duration_s,
        "levelled": told.to_json(),
        "object_key": own_key(job, told.object_key),
        "waveform_key": own_key(job, told.waveform_key),
    }
    sound_id = session.execute(insert(Sound).values(row).on_conflict_do_nothing().returning(Sound.id)).scalar()
    if sound_id is None:
        place = in_place(Sound, extraction.owner_id, extraction.organisation_id)
        existing = session.scalars(select(Sound).where(place, Sound.sha256 == asset.sha256)).first()
        extra = {"sound_id": str(existing.id), "title": existing.title} if existing is not None else {}
        raise PermanentError("sound.duplicate", "The same file is a sound already", extra)
    count_storage(session, extraction.owner_id, asset.size_bytes, asset.quota_ref)
    extraction.sound_id, extraction.state = sound_id, ExtractionState.READY.value
    charge(session, job, Action.EXTRACTION, price(Action.EXTRACTION, 1))


def keep_original(session: Session, job: Job, extraction: Extraction) -> Asset:
    """Make an asset of the media as it came."""
    downloaded = select(Step.result).where(Step.job_id == job.id, Step.name == DOWNLOAD)
    told = LinkMedia.from_json(session.execute(downloaded).scalar_one())
    asset = Asset(
        id=new_id(),
        owner_id=extraction.owner_id,
        organisation_id=extraction.organisation_id,
        kind=(AssetKind.VIDEO if told.media.video else AssetKind.AUDIO).value,
        state=AssetState.READY.value,
        filename=clean_filename(told.filename),
        content_type=told.content_type,
        object_key=own_key(job, told.object_key),
        size_bytes=told.media.size_bytes,
        sha256=told.media.sha256,
        media=told.media.to_json(),
        poster_key=own_key(job, told.thumbnail_key) if told.thumbnail_key else None,
    )
    session.add(asset)
    session.flush()
    return asset


@on_job_ended(JOB_KIND)
def settle_extraction(session: Session, job: Job) -> None:
    """Mark an extraction failed that brought no sound, and give its credits back; what no retry needs is removed."""
    give_back(session, job, Action.EXTRACTION)
    if job.state == JobState.SUCCEEDED:
        return
    extraction = find_extraction(session, job)
    if extraction is not None:
        extraction.state = ExtractionState.FAILED.value
    if extraction is None or is_refused_for_good(job):
        drop_leftovers(session, job, keep=(), storage=get_storage())


@on_job_retried(JOB_KIND)
def reopen_extraction(session: Session, job: Job) -> None:
    """Let an extraction start again; raise ``extraction.not_found refused duplicate``, ``credits.insufficient``."""
    extraction = find_extraction(session, job)
    if extraction is None:
        raise NotFoundError("extraction.not_found", "The extraction was deleted")
    if is_refused_for_good(job):
        raise ConflictError("extraction.refused", "What the link leads to was refused for good")
    place = in_place(Extraction, extraction.owner_id, extraction.organisation_id)
    if find_same(session, place, extraction.service, extraction.media_ref, but=extraction.id) is not None:
        raise ConflictError("extraction.duplicate", "The sound behind the link is there by now, or on its way")
    extraction.state = ExtractionState.WAITING.value
    hold(session, job, Action.EXTRACTION, price(Action.EXTRACTION, 1), again=True)


def find_extraction(session: Session, job: Job) -> Extraction | None:
    """Return the extraction of a job, locked; None when it is gone or the job is another thing's."""
    if job.kind != JOB_KIND:
        return None
    return session.get(Extraction, UUID(job.subject["extraction_id"]), with_for_update=True)
