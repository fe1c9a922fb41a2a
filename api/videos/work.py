"""Ordering the work on videos: one job for stills, clips, film, or a part that is made again with the film after it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from api.assets.models import Asset
from api.credits.prices import Action, render_action
from api.credits.work import hold, price
from api.ids import new_id
from api.jobs.models import Job
from api.jobs.service import create_job
from api.quotas.line import reserve_in_line
from api.quotas.service import reserve_render
from api.renders.service import require_room
from api.users.models import User
from api.videos.models import MusicVideo, VideoClip
from api.videos.orders import build_compose_order, build_listen_order, build_make_order, plan_of, planned_of, size_of
from api.videos.source import build_captions, require_song
from tasks.contracts.making import OFFLINE
from tasks.names import Priority
from tasks.workflows.plan import StepSpec
from tasks.workflows.videos import CAPTION, MAKE, build_compose_steps, build_make_steps

JOB_KIND = "video"
STILLS, CLIPS, COMPOSE, REMAKE = "stills", "clips", "compose", "remake"
"""What a job is for; a remake makes clips again and, where there was a film, joins it anew."""


def start(
    session: Session,
    user: User,
    video: MusicVideo,
    purpose: str,
    *,
    clips: Sequence[VideoClip],
    remake: dict[str, Any] | None = None,
) -> Job:
    """Order work on a video that nothing works on.

    :param clips: those to make. :param remake: which part is made again, and what it was before.
    Raises ``song.not_found``, ``asset.*``, ``quota.*``, ``credits.insufficient``.
    """
    asset = require_song(video)
    session.refresh(asset, with_for_update={"read": True})  # a delete waits, and then sees the job
    require_room(session, user)
    joins = purpose == COMPOSE or (purpose == REMAKE and video.result_asset_id is not None)
    captions = joins and build_captions(session, video) is not None
    rate = plan_of(video).fps
    subject: dict[str, Any] = {"video_id": str(video.id), "purpose": purpose}
    subject |= {"fps": [rate.numerator, rate.denominator]}
    subject |= {"render_id": str(new_id())} if captions else {}
    subject |= {"remake": remake} if remake else {}
    job = create_job(
        session,
        owner_id=user.id,
        organisation_id=video.organisation_id,
        kind=JOB_KIND,
        steps=plan_steps(video, asset, clips, stills=purpose == STILLS, joins=joins, captions=captions),
        priority=Priority.NORMAL,
        subject=subject,
    )
    reserve(session, user, job, video, seconds=seconds_of(video, clips, stills=purpose == STILLS))
    video.job_id = job.id
    session.flush()
    session.refresh(video)
    return job


def plan_steps(
    video: MusicVideo, asset: Asset, clips: Sequence[VideoClip], *, stills: bool, joins: bool, captions: bool
) -> list[StepSpec]:
    """Return the steps of a job."""
    steps: list[StepSpec] = []
    if clips:
        needs_score = video.provider == OFFLINE and video.score_key is None
        orders = [build_make_order(video, planned_of(clip), still=stills) for clip in clips]
        steps += build_make_steps(
            orders, build_listen_order(video, asset) if needs_score else None, sheet=len(clips) == len(video.clips)
        )
    if joins:
        order = build_compose_order(video, asset, making=frozenset(clip.number for clip in clips))
        steps += build_compose_steps(order, captions=captions, after=(MAKE,) if clips else ())
    return steps


def seconds_of(video: MusicVideo, clips: Sequence[VideoClip], *, stills: bool) -> float:
    """Return how many seconds of clips are made; stills count as none."""
    fps = plan_of(video).fps
    return 0.0 if stills else float(sum(planned_of(clip).frame_count for clip in clips) / fps)


def reserve(
    session: Session, user: User, job: Job, video: MusicVideo, *, seconds: float, again: bool = False
) -> datetime | None:
    """Reserve quota and credits of a job by its steps; raise ``quota.*``, ``credits.insufficient``.

    Returns when it may begin: one that is done again waits for a slot of the plan's renders at a time.
    """
    begins_at: datetime | None = None
    duration_s = plan_of(video).duration_s
    names = {step.name for step in job.steps}
    if MAKE in names:
        hold(session, job, Action.CLIPS, price(Action.CLIPS, seconds), again=again)
    if COMPOSE in names:
        hold(session, job, Action.COMPOSITION, price(Action.COMPOSITION, duration_s), again=again)
    if CAPTION in names:
        if again:
            begins_at = reserve_in_line(session, user, job)
        else:
            reserve_render(session, user, job.id)
        action = render_action(*size_of(video))
        hold(session, job, action, price(action, duration_s), again=again)
    return begins_at
