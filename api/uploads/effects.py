"""What the results of the ingest steps change; called by the engine inside its finishing transaction.

Each may be called again for the same step and then changes nothing.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from api.assets.cleanup import delete_objects_after_commit
from api.assets.models import Asset, AssetKind, AssetState
from api.credits.prices import Action
from api.credits.work import charge, give_back, hold, price, raise_to
from api.errors import ConflictError, NotFoundError
from api.extensions import get_storage
from api.jobs.effects import on_job_ended, on_job_retried, on_step_succeeded
from api.jobs.models import Job, Step
from api.jobs.service import build_step
from api.jobs.states import StepState
from api.prepared import PREPARED
from api.quotas.service import release
from api.transcripts.hearing import keep_heard, keep_translation
from api.uploads.models import Upload
from api.uploads.service import JOB_KIND, LEAST_HEARD_S, PICTURE_KIND
from tasks.contracts import MediaInfo, Transcript
from tasks.errors import PermanentError
from tasks.names import TaskName
from tasks.workflows.captions import PROBE, TRANSCRIBE
from tasks.workflows.speech import HEAR, plan_hearing


@on_step_succeeded(TaskName.INGEST_PROBE)
def store_probe(session: Session, job: Job, step: Step, result: dict[str, Any]) -> None:
    """Make the asset ready with what the probe told, unless the bytes are not the declared ones."""
    asset = lock_asset(session, job)
    if asset is None:
        return
    media = check_declared_hash(session, job, MediaInfo.from_json(result))
    asset.media, asset.sha256, asset.size_bytes = media.to_json(), media.sha256, media.size_bytes
    asset.kind = (AssetKind.VIDEO if media.video else AssetKind.AUDIO).value
    raise_to(session, job, Action.TRANSCRIPTION, price_to_hear(media))
    share_out(session, job, media)
    asset.accept()


def share_out(session: Session, job: Job, media: MediaInfo) -> None:
    """Have a long file heard by several workers side by side; its transcription waits for them and joins."""
    join = next((step for step in job.steps if step.name == TRANSCRIBE), None)
    if join is None or media.audio is None or HEAR in join.after or join.state != StepState.QUEUED:
        return
    plan = plan_hearing(join.input, duration_s=media.duration_s, after=(PROBE,))
    if not plan:
        return
    position = 1 + max(step.position for step in job.steps)
    session.add_all(build_step(job.id, position + number, spec) for number, spec in enumerate(plan))
    join.after = [*join.after, HEAR]
    session.flush()


@on_step_succeeded(TaskName.INGEST_IMAGE)
def store_picture(session: Session, job: Job, step: Step, result: dict[str, Any]) -> None:
    """Make a picture ready; what is shown and drawn is the clean copy, never the bytes that came."""
    asset = lock_asset(session, job)
    if asset is None:
        return
    media = check_declared_hash(session, job, MediaInfo.from_json(result["media"]))
    asset.media, asset.sha256, asset.size_bytes = media.to_json(), media.sha256, media.size_bytes
    asset.kind, asset.poster_key = AssetKind.IMAGE.value, own_key(job, result["object_key"])
    asset.accept()


@on_step_succeeded(TaskName.INGEST_POSTER)
def store_poster(session: Session, job: Job, step: Step, result: dict[str, Any]) -> None:
    """Remember where the still picture lies; audio has none."""
    asset = lock_asset(session, job)
    key = result.get("object_key")
    if asset is not None and key:
        asset.poster_key = own_key(job, key)


@on_step_succeeded(TaskName.SPEECH_TRANSCRIBE)
def store_transcript(session: Session, job: Job, step: Step, result: dict[str, Any]) -> None:
    """Store what was heard as version 1 of a new transcript; silence is an empty transcript, not a failure."""
    asset = lock_asset(session, job)
    if asset is not None:
        transcript = Transcript.from_json(result)
        keep_heard(session, job, asset, transcript)
        charge(session, job, Action.TRANSCRIPTION, price_to_hear(asset.media_info))


@on_step_succeeded(TaskName.SPEECH_TRANSLATE)
def store_translation(session: Session, job: Job, step: Step, result: dict[str, Any]) -> None:
    """Store a translation as a transcript of its own."""
    asset = lock_asset(session, job)
    if asset is not None:
        keep_translation(session, job, asset, Transcript.from_json(result))


def check_declared_hash(session: Session, job: Job, media: MediaInfo) -> MediaInfo:
    """Return what the probe told if the bytes are those that were declared; raise ``media.checksum_mismatch``."""
    upload = session.get(Upload, UUID(job.subject["upload_id"]))
    declared = upload.sha256 if upload else ""
    if declared and declared != media.sha256:
        raise PermanentError("media.checksum_mismatch", f"The file's SHA-256 is {media.sha256}, not {declared}")
    return media


def price_to_hear(media: MediaInfo | None) -> int:
    """Return the credits for transcribing media; what has no sound costs nothing."""
    return price(Action.TRANSCRIPTION, media.duration_s) if media is not None and media.audio is not None else 0


@on_job_ended(JOB_KIND)
def end_ingest(session: Session, job: Job) -> None:
    """Settle the asset, and give back the credits of a transcript that never came."""
    settle_ingest(session, job)
    give_back(session, job, Action.TRANSCRIPTION)


@on_job_ended(PICTURE_KIND)
def end_picture(session: Session, job: Job) -> None:
    """Settle the asset of a picture."""
    settle_ingest(session, job)


def settle_ingest(session: Session, job: Job) -> None:
    """Refuse an asset whose analysis ended before the probe could vouch for it.

    A file that is at fault (``media.*``) is removed and its storage freed; after a fault of the machine or a
    cancellation the bytes stay, so that the job can be tried again.
    """
    asset = lock_asset(session, job)
    if asset is None or asset.state != AssetState.PROBING:
        return
    asset.refuse(*reason_of(job))
    if asset.is_refused_for_good:
        release(session, asset.quota_ref)
        delete_objects_after_commit(session, get_storage(), [asset.object_key, asset.poster_key])


@on_job_retried(JOB_KIND)
def reopen_ingest(session: Session, job: Job) -> None:
    """Let the analysis start again unless the bytes are gone.

    Raises ``asset.not_found``, ``asset.refused`` or ``credits.insufficient``.
    """
    known = reopen_asset(session, job).media_info
    if all(step.name != TRANSCRIBE for step in job.steps):
        return
    credits = price_to_hear(known) if known is not None else price(Action.TRANSCRIPTION, LEAST_HEARD_S)
    hold(session, job, Action.TRANSCRIPTION, credits, again=True)


@on_job_retried(PICTURE_KIND)
def reopen_picture(session: Session, job: Job) -> None:
    """Let the check of a picture start again unless the bytes are gone."""
    reopen_asset(session, job)


def reopen_asset(session: Session, job: Job) -> Asset:
    """Open a job's asset again and return it; raise ``asset.not_found`` or ``asset.refused``."""
    asset = lock_asset(session, job)
    if asset is None:
        raise NotFoundError("asset.not_found", "The asset was deleted")
    if asset.is_refused_for_good:
        raise ConflictError("asset.refused", f"The asset was refused for good: {asset.refused_message}")
    if asset.state == AssetState.REFUSED:
        asset.probe_again()
    return asset


def lock_asset(session: Session, job: Job) -> Asset | None:
    """Return the asset a job is about, locked, or None when it was deleted meanwhile."""
    asset_id = UUID(job.subject["asset_id"])
    asset = session.get(Asset, asset_id, with_for_update=True, execution_options=PREPARED)
    return None if asset is None or asset.state == AssetState.DELETED else asset


def reason_of(job: Job) -> tuple[str, str]:
    """Return code and sentence of why a job ended without success."""
    error = job.error or {}
    return error.get("code") or f"job.{job.state}", error.get("message") or f"The analysis was {job.state}"


def own_key(job: Job, key: str) -> str:
    """Return the key if it lies under the job's own prefix; a worker can name no other object."""
    if not key.startswith(f"jobs/{job.id}/"):
        raise PermanentError("step.foreign_key", f"The object {key[:100]} does not belong to the job")
    return key
