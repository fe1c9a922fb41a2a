"""Use cases of music videos: plan and make, approve, join, look up, finish, delete."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from api.assets.models import Asset, AssetState
from api.assets.service import delete_asset, require_ready
from api.errors import ConflictError, NotFoundError, QuotaError
from api.extensions import get_settings
from api.ids import get_owned, new_id
from api.jobs.models import Job
from api.ownership import in_place, visible_to
from api.songs.clip_routes import sections_of
from api.songs.clip_schemas import RATES
from api.songs.models import Song
from api.songs.service import current_analysis
from api.users.models import User
from api.videos.keeping import free_everything
from api.videos.models import MusicVideo, VideoClip, VideoSection
from api.videos.orders import content_of, plan_of, reuse_made
from api.videos.terms import choose_provider, foresee, require_affordable
from api.videos.work import CLIPS, COMPOSE, STILLS, start
from tasks.contracts.clips import ClipPlan
from tasks.scenario.build import find_preset
from tasks.storage.base import Storage
from tasks.workflows.clip_plan import plan_clips

WISHES = ("width", "height", "transition", "captions", "container", "audio")
JOINING = ("transition", "captions", "container", "audio")
"""What may be said anew when a film is joined again."""


def select_videos(*, organisation_id: UUID | None = None) -> Select[tuple[MusicVideo]]:
    """Select the videos that the caller may see."""
    return select(MusicVideo).where(visible_to(MusicVideo, organisation_id))


def get_video(video_id: UUID) -> MusicVideo:
    """Return the caller's video as the request's method may treat it."""
    return get_owned(MusicVideo, video_id)


def lock_video(session: Session, video_id: UUID) -> MusicVideo:
    """Return the caller's video, locked and as it is now."""
    video = get_video(video_id)
    session.refresh(video, with_for_update={"of": MusicVideo})
    return video


def find_newest(session: Session, song: Song) -> MusicVideo:
    """Return the newest video of a song; raise ``video.not_found``."""
    query = select_videos().where(MusicVideo.song_id == song.id)
    found: Any = session.scalars(query.order_by(MusicVideo.created_at.desc(), MusicVideo.id).limit(1)).first()
    if found is None:
        raise NotFoundError("video.not_found", "No video was made of the song")
    video: MusicVideo = found
    return video


def plan_video(song: Song, body: dict[str, Any]) -> ClipPlan:
    """Plan the clips of a song; raise ``song.not_analyzed``, ``clips.*``."""
    analysis = current_analysis(song)
    return plan_clips(
        analysis,
        sections_of(song, analysis),
        fps=Fraction(*RATES[body["fps"]]),
        overall=body["prompt"],
        seed=body["seed"],
    )


def generate(session: Session, user: User, song: Song, body: dict[str, Any]) -> MusicVideo:
    """Make a video of a locked song: plan it, hold its cost against the cap, and order clips or, first, stills.

    Raises ``song.not_analyzed``, ``clips.*``, ``provider.*``, ``quota.*``, ``credits.insufficient``,
    ``scenario.unknown_preset``; nothing is ordered or kept then.
    """
    asset = require_ready(song.asset)
    plan, provider = plan_video(song, body), choose_provider(body["provider"])
    if body["captions"] is not None:
        find_preset(body["captions"])
    require_affordable(foresee(plan, provider, stills=body["stills"]).cost_usd, spent_usd=0.0, cap_usd=body["cap_usd"])
    require_count(session, song)
    video = build_video(song, plan, provider, body=body, asset=asset)
    session.add(video)
    session.flush()
    add_parts(video, plan)
    session.flush()
    if body["stills"]:
        start(session, user, video, STILLS, clips=list(video.clips))
        return video
    left = reuse_made(session, video, video.clips)
    if left:
        start(session, user, video, CLIPS, clips=left)
    return video


def build_video(song: Song, plan: ClipPlan, provider: str, *, body: dict[str, Any], asset: Asset) -> MusicVideo:
    """Return the row of a new video; its parts come after it."""
    analysis = current_analysis(song)
    wish = {name: body[name] for name in WISHES}
    wish |= {"video_type": body["video_type"] or analysis.video_type.name, "sound": asset.sha256}
    return MusicVideo(
        id=new_id(),
        owner_id=song.owner_id,
        organisation_id=song.organisation_id,
        song_id=song.id,
        title=song.title,
        provider=provider,
        wish=wish,
        song=analysis.to_json(),
        plan=plan.to_json(),
        cap_usd=body["cap_usd"],
        spent_usd=0.0,
        wants_approval=body["stills"],
        created_at=datetime.now(UTC),
    )


def add_parts(video: MusicVideo, plan: ClipPlan) -> None:
    """Add the rows of sections and clips."""
    video.sections = [
        VideoSection(id=new_id(), number=number, label=one.label, note=one.note, remakes=0)
        for number, one in enumerate(plan.sections)
    ]
    video.clips = [
        VideoClip(
            id=new_id(),
            number=clip.number,
            section=clip.section,
            planned=clip.to_json(),
            content=content_of(video, clip),
            made_content="",
            remakes=0,
        )
        for clip in plan.clips
    ]


def require_count(session: Session, song: Song) -> None:
    """Raise ``quota.videos`` when its owner or organisation keeps as many videos as one may."""
    limit = get_settings().clips.most_videos
    here = in_place(MusicVideo, song.owner_id, song.organisation_id)
    used = session.scalar(select(func.count()).select_from(MusicVideo).where(here)) or 0
    if used >= limit:
        detail = f"{limit} music videos may be kept; delete one first"
        raise QuotaError("quota.videos", detail, {"kind": "videos", "used": used, "cap": limit, "requested": 1})


def require_editable(video: MusicVideo) -> None:
    """Raise ``video.finalized`` or ``video.busy`` unless a video may be changed now."""
    if video.finalized_at is not None:
        raise ConflictError("video.finalized", "The video is finished; nothing of it changes any more")
    if video.is_busy:
        raise ConflictError("video.busy", "A job is at work on the video", {"job_id": str(video.job_id)})


def approve(session: Session, user: User, video: MusicVideo) -> Job | None:
    """Order the clips of a locked video whose stills were looked at; raise ``video.*``, ``clips.over_budget``, …

    None where all of them are there from another video.
    """
    require_editable(video)
    if video.state != "waiting":
        raise ConflictError("video.not_waiting", f"The video is {video.state}; nothing waits to be approved")
    cost = foresee(plan_of(video), video.provider, stills=False).cost_usd
    require_affordable(cost, spent_usd=video.spent_usd, cap_usd=video.cap_usd)
    video.approved_at = datetime.now(UTC)
    left = reuse_made(session, video, video.clips)
    return start(session, user, video, CLIPS, clips=left) if left else None


def compose(session: Session, user: User, video: MusicVideo, body: dict[str, Any]) -> Job:
    """Order the film of a locked video; what the body says replaces what was wished before.

    Raises ``video.*``, ``song.not_found``, ``scenario.unknown_preset``, ``quota.*``, ``credits.insufficient``.
    """
    require_editable(video)
    missing = [clip.number for clip in video.clips if not clip.is_made]
    if missing:
        detail = f"{len(missing)} of {len(video.clips)} clips are not made yet"
        raise ConflictError("video.clips_missing", detail, {"numbers": missing})
    said = {name: body[name] for name in JOINING if name in body}
    if said.get("captions") is not None:
        find_preset(said["captions"])
    video.wish = {**video.wish, **said}
    return start(session, user, video, COMPOSE, clips=[])


def require_result(video: MusicVideo) -> Asset:
    """Return the film of a video; raise ``video.not_composed``."""
    asset = video.result
    if asset is None or asset.state == AssetState.DELETED:
        raise ConflictError("video.not_composed", "The video has no film yet", {"state": video.state})
    return asset


def finalize(session: Session, video: MusicVideo, *, storage: Storage) -> None:
    """Finish a locked video: what it was made of is deleted, nothing changes any more; raise ``video.*``."""
    require_editable(video)
    result = require_result(video)
    free_everything(session, video, storage=storage)
    film = video.film_asset
    if film is not None and film.id != result.id and film.state != AssetState.DELETED:
        delete_asset(session, film, storage=storage)
    video.finalized_at = datetime.now(UTC)
    session.flush()


def delete_video(session: Session, video: MusicVideo, *, storage: Storage) -> None:
    """Delete a locked video with its film, clips and links; the song stays. Raises ``video.busy``, ``asset.in_use``."""
    if video.is_busy:
        raise ConflictError("video.busy", "A job is at work on the video; cancel it", {"job_id": str(video.job_id)})
    free_everything(session, video, storage=storage)
    for asset in {one.id: one for one in (video.film_asset, video.result) if one is not None}.values():
        if asset.state != AssetState.DELETED:
            delete_asset(session, asset, storage=storage)
    session.delete(video)
