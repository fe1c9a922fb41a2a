"""What the end of a render changes; called by the engine inside its finishing transaction."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from api.assets.models import Asset, AssetKind, AssetState
from api.assets.service import require_ready
from api.credits.foresight import CutShort, on_cut_short
from api.credits.prices import Action, render_action
from api.credits.work import charge, charge_share, give_back, hold, price
from api.errors import QuotaError
from api.ids import new_id
from api.jobs.effects import on_job_ended, on_job_retried, on_step_succeeded, on_step_told
from api.jobs.models import Job, Step
from api.jobs.states import JobState
from api.quotas.line import reserve_in_line
from api.quotas.service import release, reserve_storage, settle
from api.renders.chunks import PREFIX
from api.renders.estimate import measure_render
from api.renders.flaws import require_none
from api.renders.models import OutputOfRender, Render
from api.renders.pricing import largest_action, price_of, price_together
from api.renders.service import JOB_KIND
from api.renders.share import measure_share
from api.uploads.effects import own_key
from api.users.models import User
from tasks.contracts import AudioInfo, MediaInfo, RenderOutput, RenderReceipt, VideoInfo
from tasks.contracts.check import CheckResult
from tasks.contracts.chunk import ChunkResult
from tasks.contracts.outputs import MIME_TYPES, SUFFIXES
from tasks.errors import PermanentError
from tasks.names import TaskName


@on_step_succeeded(TaskName.RENDER_VIDEO)
@on_step_succeeded(TaskName.RENDER_JOIN)
def store_result(session: Session, job: Job, step: Step, result: dict[str, Any]) -> None:
    """Make each output's result an asset of its own and keep its receipt; a second call changes nothing."""
    render = session.get(Render, UUID(job.subject["render_id"]), with_for_update=True)
    if render is None or render.asset_id is not None:
        return
    results = result.get("outputs", [result])
    if len(results) != len(render.outputs):
        raise PermanentError("contract.invalid", f"{len(render.outputs)} outputs were ordered, {len(results)} came")
    source = session.get_one(Asset, render.source_asset_id)
    for output, one in zip(render.outputs, results, strict=True):
        receipt = RenderReceipt.from_json(one["receipt"])
        asset = build_result(job, output, source, one, receipt)
        session.add(asset)
        session.flush()
        output.asset_id, output.receipt = asset.id, receipt.to_json()
        count_storage(session, asset)


@on_step_told(TaskName.RENDER_VIDEO, "first_look")
@on_step_told(TaskName.RENDER_CHUNK, "first_look")
def store_first_look(session: Session, job: Job, step: Step, data: dict[str, Any]) -> None:
    """Remember where poster and animatic of a running attempt lie."""
    keys = {name: data.get(name) for name in ("poster_key", "animatic_key")}
    if not all(isinstance(key, str) for key in keys.values()):
        raise PermanentError("contract.invalid", "A first look has the keys of a poster and an animatic")
    render = session.get(Render, UUID(job.subject["render_id"]), with_for_update=True)
    if render is not None:
        render.first_look_keys = {name: own_key(job, str(key)) for name, key in keys.items()}


@on_step_succeeded(TaskName.RENDER_CHUNK)
def check_chunk(session: Session, job: Job, step: Step, result: dict[str, Any]) -> None:
    """Refuse pieces that do not lie among those of the job's owner."""
    pieces = ChunkResult.from_json(result).pieces
    if not all(piece.key.startswith(f"{PREFIX}{step.input['owner']}/") for piece in pieces):
        raise PermanentError("step.foreign_key", "The piece does not belong to the job")


@on_step_succeeded(TaskName.RENDER_CHECK)
def require_no_flaw(session: Session, job: Job, step: Step, result: dict[str, Any]) -> None:
    """Fail a render that was ordered with mode ``block`` when its captions have flaws: nothing is drawn or charged."""
    if job.kind == JOB_KIND:
        require_none(CheckResult.from_json(result).findings)


def count_storage(session: Session, asset: Asset) -> None:
    """Count a result to its owner's storage, up to the limit.

    Work that is done is never thrown away for want of space: what does not fit goes uncounted, and no new render is
    accepted while the storage is full.
    """
    owner = session.get_one(User, asset.owner_id)
    try:
        reserve_storage(session, owner, asset.size_bytes, asset.quota_ref)
    except QuotaError as error:
        room = int(error.extra["cap"]) - int(error.extra["used"])
        if room > 0:
            with suppress(QuotaError):  # another result took the room meanwhile
                reserve_storage(session, owner, room, asset.quota_ref)


def build_result(
    job: Job, output: OutputOfRender, source: Asset, result: dict[str, Any], receipt: RenderReceipt
) -> Asset:
    """Describe a finished file as an asset."""
    render, container = output.render, output.output["container"]
    mark = f"-{output.number + 1}-{receipt.width}x{receipt.height}" if len(render.outputs) > 1 else ""
    poster_key = result.get("poster_key")
    return Asset(
        id=new_id(),
        owner_id=render.owner_id,
        organisation_id=render.organisation_id,
        kind=AssetKind.RENDER.value,
        state=AssetState.READY.value,
        filename=result_filename(source.filename, container, mark),
        content_type=MIME_TYPES[container],
        object_key=own_key(job, result["object_key"]),
        size_bytes=result["size_bytes"],
        sha256=result["sha256"],
        media=describe_media(source, output.output, result, receipt).to_json(),
        poster_key=own_key(job, poster_key) if poster_key else None,
        source_asset_id=source.id,
    )


def describe_media(source: Asset, output: dict[str, Any], result: dict[str, Any], receipt: RenderReceipt) -> MediaInfo:
    """Say what the receipt proves about the finished file."""
    video = VideoInfo(
        codec=output["codec"],
        width=receipt.width,
        height=receipt.height,
        fps_num=receipt.fps_num,
        fps_den=receipt.fps_den,
        frame_count=receipt.frame_count,
    )
    info = source.media_info
    audio: AudioInfo | None = info.audio if info and receipt.audio != "none" else None
    return MediaInfo(output["container"], receipt.duration_s, result["size_bytes"], result["sha256"], video, audio)


def result_filename(source: str, container: str, mark: str = "") -> str:
    """Name the result after its source; :param mark: what tells outputs of one order apart."""
    stem = source.rpartition(".")[0] or source
    return f"{stem[:200]}-captioned{mark}{SUFFIXES[container]}"


@on_job_ended(JOB_KIND)
def settle_render(session: Session, job: Job) -> None:
    """Keep the quota of a render that succeeded and charge what it used; give back all of one that failed.

    One that was cancelled is charged for the frames that were done, and gives back the rest.
    """
    ref = job.id
    if job.state == JobState.SUCCEEDED:
        settle(session, ref)
        charge_render(session, job)
        measure_render(session, job)
        return
    release(session, ref)
    if job.state == JobState.CANCELLED:
        charge_frames(session, job)
    else:
        give_back(session, job, Action.RENDER_1080)


def charge_frames(session: Session, job: Job) -> None:
    """Charge a cancelled render for the frames that were done."""
    work = measure_frames(session, job)
    charge_share(session, job, work.action, done=work.done, kept=work.kept)


@on_cut_short(JOB_KIND)
def measure_frames(session: Session, job: Job) -> CutShort:
    """Tell how many of a render's frames are done."""
    source = session.get(Asset, UUID(job.subject["source_asset_id"]))
    media = source.media_info if source else None
    share = measure_share(session, job, media.duration_s if media else 0.0)
    return CutShort(Action.RENDER_1080, share.done, share.kept)


def charge_render(session: Session, job: Job) -> None:
    """Charge for the durations and sizes that the receipts prove."""
    render = session.get(Render, UUID(job.subject["render_id"]))
    receipts = [
        RenderReceipt.from_json(output.receipt) for output in (render.outputs if render else ()) if output.receipt
    ]
    if not receipts:
        give_back(session, job, Action.RENDER_1080)
        return
    largest = max(receipts, key=lambda receipt: receipt.width * receipt.height)
    prices = [price(render_action(receipt.width, receipt.height), receipt.duration_s) for receipt in receipts]
    charge(session, job, render_action(largest.width, largest.height), price_together(prices))


@on_job_retried(JOB_KIND)
def reopen_render(session: Session, job: Job) -> datetime | None:
    """Reserve again what the end gave back, less what was paid for pieces that are there; return when it may begin.

    Raises ``quota.*``, ``credits.insufficient`` or ``asset.*`` when it cannot start any more.
    """
    render = session.get_one(Render, UUID(job.subject["render_id"]))
    source = session.get_one(Asset, render.source_asset_id, with_for_update={"read": True})
    media = require_ready(source).media_info
    begins_at = reserve_in_line(session, session.get_one(User, render.owner_id), job)
    if media is not None:
        outputs = [RenderOutput.from_json(output.output) for output in render.outputs]
        hold(session, job, largest_action(media, outputs), price_of(media, outputs), again=True)
    return begins_at
