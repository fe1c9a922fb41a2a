"""What the steps of a sample change; called by the engine inside its finishing transaction.

Each may be called again for the same step and then changes nothing. The steps that fetch are those of extractions,
too: what is not a sample's is left alone.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from api.credits.prices import Action
from api.credits.work import charge, give_back, hold, price
from api.errors import ConflictError, NotFoundError
from api.extensions import get_settings, get_storage
from api.jobs.effects import on_job_ended, on_job_retried, on_step_claimed, on_step_succeeded
from api.jobs.models import Job, Step
from api.jobs.states import JobState
from api.samples import creators
from api.samples.alike import find_duplicate
from api.samples.leftovers import drop_leftovers, is_refused_for_good
from api.samples.models import REF_LENGTH, SERVICE_LENGTH, TITLE_LENGTH, Creator, Sample, SampleState
from api.samples.room import count_storage
from api.samples.service import JOB_KIND, alone_with, words_of
from api.uploads.effects import own_key
from tasks.contracts.music import UNKNOWN
from tasks.contracts.samples import (
    CreatorFound,
    LinkInfo,
    LinkMedia,
    SampleExtracted,
    SampleHeard,
    SampleLooped,
    SampleSaved,
)
from tasks.errors import PermanentError
from tasks.names import TaskName


@on_step_succeeded(TaskName.LINKS_RESOLVE)
def store_told(session: Session, job: Job, step: Step, result: dict[str, Any]) -> None:
    """Keep what the service told; raise ``sample.duplicate`` for media that is a sample already."""
    sample = find_sample(session, job)
    if sample is None:
        return
    info = LinkInfo.from_json(result)
    name_media(session, sample, info)
    creator = creators.note_creator(session, info.service, info.creator)
    sample.told, sample.views, sample.likes = info.to_json(), info.views, info.likes
    sample.creator_id = creator.id if creator is not None else None
    sample.title = sample.title or info.title[:TITLE_LENGTH]
    session.flush()
    session.refresh(sample, ["creator"])
    sample.words = words_of(sample)


def name_media(session: Session, sample: Sample, info: LinkInfo) -> None:
    """Give a sample the name of its media; raise ``sample.duplicate`` when another has it."""
    service, media_ref = info.service[:SERVICE_LENGTH], info.media_ref[:REF_LENGTH]
    with alone_with(session, sample, service, media_ref, error=PermanentError):
        sample.service, sample.media_ref = service, media_ref


@on_step_claimed(TaskName.LINKS_CREATOR)
def decide_look(session: Session, job: Job, step: Step) -> dict[str, Any]:
    """Tell the worker whether to ask the service about the creator."""
    sample = find_sample(session, job)
    if sample is None or sample.creator_id is None:
        return {"look": False}
    creator = session.get_one(Creator, sample.creator_id)
    return {"look": creators.claim_look(session, creator, days=get_settings().creator_days)}


@on_step_succeeded(TaskName.LINKS_CREATOR)
def store_creator(session: Session, job: Job, step: Step, result: dict[str, Any]) -> None:
    """Keep what the service told of the creator."""
    sample, found = find_sample(session, job), CreatorFound.from_json(result)
    if sample is None or sample.creator_id is None or found.creator is None:
        return
    creators.keep_creator(session, session.get_one(Creator, sample.creator_id), found.creator)
    sample.words = words_of(sample)


@on_step_succeeded(TaskName.LINKS_DOWNLOAD)
def store_media(session: Session, job: Job, step: Step, result: dict[str, Any]) -> None:
    """Note what came."""
    media = LinkMedia.from_json(result)
    own_key(job, media.object_key)
    sample = find_sample(session, job)
    if sample is not None:
        sample.sha256, sample.duration_s = media.media.sha256, media.media.duration_s


@on_step_succeeded(TaskName.SAMPLES_EXTRACT)
def store_extracted(session: Session, job: Job, step: Step, result: dict[str, Any]) -> None:
    """Note the fingerprint."""
    made, sample = SampleExtracted.from_json(result), find_sample(session, job)
    try:
        known_by = bytes.fromhex(made.fingerprint)
    except ValueError as error:
        raise PermanentError("contract.invalid", "A fingerprint is written in hexadecimal") from error
    if sample is not None:
        sample.duration_s, sample.fingerprint = made.duration_s, known_by


@on_step_succeeded(TaskName.SAMPLES_ANALYZE)
def store_heard(session: Session, job: Job, step: Step, result: dict[str, Any]) -> None:
    """Note tempo and key."""
    heard, sample = SampleHeard.from_json(result), find_sample(session, job)
    if sample is not None:
        sample.heard, sample.bpm = heard.to_json(), heard.tempo.bpm
        sample.key = None if heard.key.name == UNKNOWN else heard.key.name


@on_step_succeeded(TaskName.SAMPLES_LOOP)
def store_loops(session: Session, job: Job, step: Step, result: dict[str, Any]) -> None:
    """Note the loops."""
    looped, sample = SampleLooped.from_json(result), find_sample(session, job)
    if sample is not None:
        sample.loops = [loop.to_json() for loop in looped.loops]


@on_step_succeeded(TaskName.SAMPLES_SAVE)
def publish(session: Session, job: Job, step: Step, result: dict[str, Any]) -> None:
    """Make the sample ready, charge it, and remove the media that it was made of."""
    sample = find_sample(session, job)
    if sample is None:
        return
    saved = SampleSaved.from_json(result)
    sample.files = {
        name: {"key": own_key(job, file.key), "size_bytes": file.size_bytes} for name, file in saved.files.items()
    }
    sample.duplicate = find_duplicate(session, sample)
    sample.state = SampleState.READY.value
    count_storage(session, sample.owner_id, sum(file.size_bytes for file in saved.files.values()), sample.quota_ref)
    charge(session, job, Action.SAMPLE, price(Action.SAMPLE, 1))
    drop_leftovers(session, job, keep=[file.key for file in saved.files.values()], storage=get_storage())


@on_job_ended(JOB_KIND)
def settle_sample(session: Session, job: Job) -> None:
    """Mark a sample failed that did not become ready, and give its credits back; what no retry needs is removed."""
    give_back(session, job, Action.SAMPLE)
    sample = find_sample(session, job)
    if job.state == JobState.SUCCEEDED:
        return
    if sample is not None:
        sample.state = SampleState.FAILED.value
    if sample is None or is_refused_for_good(job):
        drop_leftovers(session, job, keep=(), storage=get_storage())


@on_job_retried(JOB_KIND)
def reopen_sample(session: Session, job: Job) -> None:
    """Let a sample be made again; raise ``sample.not_found``, ``sample.refused``, ``credits.insufficient``."""
    sample = find_sample(session, job)
    if sample is None:
        raise NotFoundError("sample.not_found", "The sample was deleted")
    if is_refused_for_good(job):
        raise ConflictError("sample.refused", "What the link leads to was refused for good")
    with alone_with(session, sample, sample.service, sample.media_ref):
        sample.state = SampleState.PROCESSING.value
    hold(session, job, Action.SAMPLE, price(Action.SAMPLE, 1), again=True)


def find_sample(session: Session, job: Job) -> Sample | None:
    """Return the sample of a job, locked; None when it is gone or the job is another thing's."""
    if job.kind != JOB_KIND:
        return None
    return session.get(Sample, UUID(job.subject["sample_id"]), with_for_update=True)
