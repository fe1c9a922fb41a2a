"""What music videos look like from outside, put together."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.assets.service import Download, keep_s, sign_download
from api.extensions import get_settings, get_storage
from api.jobs.models import Job, Step
from api.jobs.states import JobState
from api.videos.models import MusicVideo, VideoClip, VideoSection
from api.videos.orders import plan_of, planned_of
from api.videos.progress import Part, Standing, stand
from api.videos.service import require_result
from api.videos.terms import foresee
from tasks.workflows.videos import COMPOSE

COLUMNS = (
    "id",
    "organisation_id",
    "song_id",
    "job_id",
    "title",
    "state",
    "provider",
    "cap_usd",
    "spent_usd",
    "result_asset_id",
    "finalized_at",
    "created_at",
    "updated_at",
)
WISH = ("width", "height", "video_type", "transition", "captions", "container", "audio")


def describe_video(session: Session, video: MusicVideo) -> dict[str, Any]:
    """Return what a video looks like from outside."""
    own, job = f"/api/v1/videos/{video.id}", f"/api/v1/jobs/{video.job_id}" if video.job_id else None
    plan = plan_of(video)
    links = {
        "self": own,
        "clips": f"{own}/clips",
        "job": job,
        "events": f"{job}/events" if job else None,
        "download": f"{own}/download" if video.result_asset_id else None,
    }
    standing = standing_of(session, video)
    return {
        **{name: getattr(video, name) for name in COLUMNS},
        **{name: video.wish[name] for name in WISH},
        "duration_s": plan.duration_s,
        "frame_count": plan.frame_count,
        "film": {name: told for name, told in video.film.items() if name != "keys"} if video.film else None,
        "percent": standing.percent,
        "stage": standing.stage,
        "clips_made": standing.clips_made,
        "clips_total": standing.clips_total,
        "error": video.job.error if video.job is not None else None,
        "links": links,
    }


def standing_of(session: Session, video: MusicVideo) -> Standing:
    """Tell where a video stands."""
    parts: list[Part] = []
    failed = video.job is not None and video.job.state in (JobState.FAILED, JobState.CANCELLED)
    if video.job_id is not None and (video.is_busy or failed):
        chosen = select(Step.name, Step.state, Step.fraction).where(Step.job_id == video.job_id)
        parts = [Part(*row) for row in session.execute(chosen)]
    purpose = video.job.subject.get("purpose", "") if video.job is not None and video.is_busy else ""
    made = sum(clip.is_made for clip in video.clips) if video.finalized_at is None else len(video.clips)
    return stand(parts, made=made, total=len(video.clips), purpose=purpose, state=video.state)


def describe_clips(video: MusicVideo) -> dict[str, Any]:
    """Return the sections and clips of a video, and the sheet of them."""
    return {
        "video_id": video.id,
        "sections": [describe_section(video, section) for section in video.sections],
        "items": [describe_clip(video, clip) for clip in video.clips],
        "sheet_url": show(video.sheet_key, "sheet.png", "image/png"),
    }


def describe_section(video: MusicVideo, section: VideoSection) -> dict[str, Any]:
    """Return one section of a video."""
    planned = plan_of(video).sections[section.number]
    told = {name: getattr(section, name) for name in ("id", "number", "label", "note", "remakes_left")}
    return {**told, "start": planned.start_s, "end": planned.end_s}


def describe_clip(video: MusicVideo, clip: VideoClip) -> dict[str, Any]:
    """Return one clip of a video, with addresses at which its still and itself can be seen."""
    planned, fps, made = planned_of(clip), plan_of(video).fps, clip.made or {}
    return {
        **planned.to_json(),
        "id": clip.id,
        "section_id": video.sections[clip.section].id,
        "start": round(float(planned.start_frame / fps), 6),
        "duration": round(float(planned.frame_count / fps), 6),
        "state": "made" if clip.is_made else "planned",
        "remakes_left": clip.remakes_left,
        "cost_usd": made.get("cost_usd"),
        "same_as": made.get("same_as"),
        "url": show(clip.object_key, f"clip-{clip.number}.mp4", "video/mp4"),
        "still_url": show(clip.still_key, f"still-{clip.number}.png", "image/png"),
    }


def show(key: str | None, filename: str, content_type: str) -> str | None:
    """Return a URL that shows an object, None where there is none."""
    if key is None:
        return None
    cache_s = keep_s(content_type)
    return get_storage().presign_get(key, filename=filename, content_type=content_type, inline=True, cache_s=cache_s)


def describe_work(video: MusicVideo, job: Job) -> dict[str, Any]:
    """Return an order of work on a video."""
    path = f"/api/v1/jobs/{job.id}"
    return {
        "video_id": video.id,
        "job_id": job.id,
        "remakes_left": {
            "sections": {str(one.id): one.remakes_left for one in video.sections},
            "clips": {str(one.id): one.remakes_left for one in video.clips},
        },
        "links": {"video": f"/api/v1/videos/{video.id}", "job": path, "events": f"{path}/events"},
    }


def describe_composing(job: Job, steps: list[Part]) -> dict[str, Any]:
    """Return how far the composition by one job is."""
    if job.state == JobState.SUCCEEDED:
        return {"job_id": job.id, "state": job.state, "percent": 100.0, "stage": "ready", "error": None}
    here = [part for part in steps if part.name != "make"]
    standing = stand(here, made=1, total=1, purpose="compose", state="working")
    return {
        "job_id": job.id,
        "state": job.state,
        "percent": standing.percent,
        "stage": standing.stage,
        "error": job.error,
    }


def parts_of(session: Session, job: Job) -> list[Part]:
    """Return the steps of a job, as far as they are."""
    chosen = select(Step.name, Step.state, Step.fraction).where(Step.job_id == job.id)
    return [Part(*row) for row in session.execute(chosen)]


def is_composing(session: Session, job: Job) -> bool:
    """Tell whether a job makes a film."""
    return any(part.name == COMPOSE for part in parts_of(session, job))


def sign_film(video: MusicVideo) -> Download:
    """Return a URL that downloads the film; raise ``video.not_composed``."""
    return sign_download(require_result(video), storage=get_storage(), settings=get_settings())


def describe_cost(video: MusicVideo) -> dict[str, Any]:
    """Return what a video has cost and what the rest of it would."""
    left = frozenset(clip.number for clip in video.clips if not clip.is_made)
    foreseen = foresee(plan_of(video), video.provider, stills=False, numbers=left)
    return {"spent_usd": video.spent_usd, "cap_usd": video.cap_usd, "left_usd": foreseen.cost_usd}
