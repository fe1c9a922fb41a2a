"""What steps and jobs of videos change; called by the engine inside its finishing transaction."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from api.assets.models import Asset
from api.assets.service import delete_asset
from api.credits.foresight import CutShort, on_cut_short
from api.credits.prices import Action
from api.credits.work import charge, charge_share, give_back, price
from api.errors import ConflictError, NotFoundError
from api.extensions import get_storage
from api.jobs.effects import on_job_ended, on_job_retried, on_step_succeeded, on_step_told
from api.jobs.models import Job, Step
from api.jobs.states import JobState, StepState
from api.quotas.service import release, settle
from api.renders.effects import charge_render
from api.uploads.effects import own_key
from api.users.models import User
from api.videos.keeping import count_clip, remove_unshared
from api.videos.models import MusicVideo, Prediction, VideoClip
from api.videos.orders import content_of, plan_of
from api.videos.remake import want
from api.videos.terms import foresee, require_affordable
from api.videos.work import JOB_KIND, reserve
from tasks.contracts.clips import PlannedClip
from tasks.contracts.making import ListenResult, MadeClip, MakeOrder, SheetResult
from tasks.errors import PermanentError
from tasks.names import TaskName
from tasks.workflows.videos import MAKE


@on_step_succeeded(TaskName.CLIPS_LISTEN)
def store_score(session: Session, job: Job, step: Step, result: dict[str, Any]) -> None:
    """Remember where lies what the song sounds like."""
    video = find_video(session, job)
    if video is not None:
        video.score_key = own_key(job, ListenResult.from_json(result).score_key)


@on_step_told(TaskName.CLIPS_MAKE, "prediction")
def store_prediction(session: Session, job: Job, step: Step, data: dict[str, Any]) -> None:
    """Keep the id of what an attempt has ordered, so that the next one waits for it instead of ordering again.

    An empty id says that what was ordered is of no use.
    """
    ref, order = data.get("ref"), MakeOrder.from_json(step.input)
    if not isinstance(ref, str) or len(ref) > 120:
        raise PermanentError("contract.invalid", "A prediction has an id of at most 120 characters")
    if not ref:
        session.execute(update(Prediction).where(Prediction.ref == order.known_ref).values(given_up=True))
    elif session.get(Prediction, ref) is None:
        session.add(
            Prediction(
                ref=ref,
                owner_id=job.owner_id,
                video_id=UUID(job.subject["video_id"]) if find_video(session, job) else None,
                clip_number=order.clip.number,
                is_still=order.still,
                given_up=False,
            )
        )
    step.input = {**step.input, "known_ref": ref}
    session.flush()


@on_step_succeeded(TaskName.CLIPS_MAKE)
def store_clip(session: Session, job: Job, step: Step, result: dict[str, Any]) -> None:
    """Put a clip or still in its place; what was there before is removed. A second call changes nothing."""
    told, order = MadeClip.from_json(result), MakeOrder.from_json(step.input)
    key, video = own_key(job, told.object_key), find_video(session, job)
    if video is None:
        return
    clip = next((one for one in video.clips if one.number == told.number), None)
    if clip is None or key in (clip.object_key, clip.still_key):
        return
    if told.prediction_ref:
        paid = update(Prediction).where(Prediction.ref == told.prediction_ref)
        session.execute(paid.values(cost_usd=told.cost_usd))
    video.spent_usd = round(float(video.spent_usd) + told.cost_usd, 6)
    old = clip.still_key if order.still else clip.object_key
    if order.still:
        clip.still_key = key
    else:
        clip.object_key, clip.made_content = key, content_of(video, order.clip)
        clip.made = {**told.to_json(), "same_as": find_same(video, clip, told)}
        count_clip(session, video, clip)
    remove_unshared(session, [old], storage=get_storage(), but=[clip])


def find_same(video: MusicVideo, clip: VideoClip, told: MadeClip) -> int | None:
    """Return the number of another clip of the video that is the very same file: a provider may give one twice."""
    others = (one for one in video.clips if one is not clip and (one.made or {}).get("sha256") == told.sha256)
    return next((one.number for one in others), None)


@on_step_succeeded(TaskName.CLIPS_SHEET)
def store_sheet(session: Session, job: Job, step: Step, result: dict[str, Any]) -> None:
    """Remember where the sheet of all clips lies."""
    video = find_video(session, job)
    if video is not None:
        key, old = own_key(job, SheetResult.from_json(result).object_key), video.sheet_key
        video.sheet_key = key
        remove_unshared(session, [old] if old != key else [], storage=get_storage())


@on_job_ended(JOB_KIND)
def settle_video(session: Session, job: Job) -> None:
    """Charge for what was made, give back the rest; a remake that failed leaves the clips as they were."""
    video = find_video(session, job)
    if job.state == JobState.SUCCEEDED:
        settle(session, job.id)
        seconds = seconds_made(job)
        charge(session, job, Action.CLIPS, price(Action.CLIPS, seconds))
        if "render_id" in job.subject:
            charge_render(session, job)
        if video is not None:
            count_remake(job, video)
            finish_film(video, captioned="render_id" in job.subject)
            drop_replaced(session, job, video)
        return
    release(session, job.id)
    work = measure_clips(session, job)
    charge_share(session, job, work.action, done=work.done, kept=work.kept)
    give_back(session, job, Action.COMPOSITION)
    give_back(session, job, Action.RENDER_1080)
    if video is not None and video.job_id == job.id:
        take_back(job, video)


@on_cut_short(JOB_KIND)
def measure_clips(session: Session, job: Job) -> CutShort:
    """Tell how much of a job's clips is made."""
    made, wanted = seconds_made(job), seconds_made(job, also_open=True)
    share = made / wanted if wanted else 0.0
    return CutShort(Action.CLIPS, share, share)


def seconds_made(job: Job, *, also_open: bool = False) -> float:
    """Return how many seconds of clips a job has made, or with ``also_open`` was to make; stills count as none."""
    steps = [step for step in job.steps if step.name == MAKE and (also_open or step.state == StepState.SUCCEEDED)]
    orders = [MakeOrder.from_json(step.input) for step in steps]
    clips = [order.clip for order in orders if not order.still]
    rate = job.subject["fps"][0] / job.subject["fps"][1]
    return float(sum(clip.frame_count for clip in clips) / rate)


def count_remake(job: Job, video: MusicVideo) -> None:
    """Count that a section or clip was made again."""
    remade = job.subject.get("remake", {})
    for kind, parts in (("section", video.sections), ("clip", video.clips)):
        for part in parts:
            if remade.get(kind) == part.number:
                part.remakes += 1


def finish_film(video: MusicVideo, *, captioned: bool) -> None:
    """Hand out the newest film: with captions where there are any."""
    render = video.render
    asset_id = render.asset_id if captioned and render is not None else video.film_asset_id
    video.result_asset_id = asset_id or video.result_asset_id


def drop_replaced(session: Session, job: Job, video: MusicVideo) -> None:
    """Delete the film of before now that there is another; one that is being worked with stays its owner's."""
    for asset_id in job.subject.get("replaced", []):
        asset = session.get(Asset, UUID(asset_id))
        if asset is not None and asset.id not in (video.film_asset_id, video.result_asset_id):
            with suppress(ConflictError, NotFoundError):
                delete_asset(session, asset, storage=get_storage())


def take_back(job: Job, video: MusicVideo) -> None:
    """Want again what was wanted before a remake that came to nothing; clips that are there stay."""
    for number, planned in job.subject.get("remake", {}).get("before", {}).items():
        clip = next((one for one in video.clips if one.number == int(number)), None)
        if clip is not None and not clip.is_made:
            want(video, clip, PlannedClip.from_json(planned))


@on_job_retried(JOB_KIND)
def reopen_video(session: Session, job: Job) -> datetime | None:
    """Reserve again what the end gave back, and hold what is left to pay against the cap; return when it may begin.

    Raises ``video.not_found``, ``video.*``, ``clips.over_budget``, ``quota.*``, ``credits.insufficient``.
    """
    video = find_video(session, job)
    if video is None or video.job_id != job.id or video.finalized_at is not None:
        raise NotFoundError("video.not_found", "The video was deleted, finished, or worked on since")
    left = [step for step in job.steps if step.name == MAKE and step.state != StepState.SUCCEEDED]
    orders = [MakeOrder.from_json(step.input) for step in left]
    numbers = frozenset(order.clip.number for order in orders if not order.known_ref)
    cost = foresee(plan_of(video), video.provider, stills=False, numbers=numbers).cost_usd if orders else 0.0
    require_affordable(cost, spent_usd=float(video.spent_usd), cap_usd=float(video.cap_usd))
    for order in orders:
        clip = next((one for one in video.clips if one.number == order.clip.number), None)
        if clip is not None and not order.still:
            want(video, clip, order.clip)
    seconds = seconds_made(job, also_open=True)
    return reserve(session, session.get_one(User, job.owner_id), job, video, seconds=seconds, again=True)


def find_video(session: Session, job: Job) -> MusicVideo | None:
    """Return the video of a job, locked, or None when it is gone."""
    return session.get(MusicVideo, UUID(job.subject["video_id"]), with_for_update={"of": MusicVideo})
