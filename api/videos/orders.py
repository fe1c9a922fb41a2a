"""From the rows of a video to what workers are ordered to do, and back: which clips need not be made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.assets.models import Asset
from api.ownership import in_place
from api.videos.models import MusicVideo, VideoClip
from api.videos.terms import terms_of
from tasks.contracts.clips import ClipPlan, ComposedVideo, PlannedClip
from tasks.contracts.making import OFFLINE, ClipKey, ComposeOrder, ListenOrder, MakeOrder
from tasks.contracts.music import SongAnalysis


def plan_of(video: MusicVideo) -> ClipPlan:
    """Return a video's plan with its clips as they are wanted now."""
    plan = ClipPlan.from_json(video.plan)
    return replace(plan, clips=tuple(planned_of(clip) for clip in video.clips))


def planned_of(clip: VideoClip) -> PlannedClip:
    """Return what shall be in a clip."""
    return PlannedClip.from_json(clip.planned)


def size_of(video: MusicVideo) -> tuple[int, int]:
    """Return width and height of the film."""
    return video.wish["width"], video.wish["height"]


def build_make_order(video: MusicVideo, planned: PlannedClip, *, still: bool) -> MakeOrder:
    """Return how one clip, or a still of it, is ordered."""
    width, height = size_of(video)
    paid = video.provider != OFFLINE
    plan = ClipPlan.from_json(video.plan)
    return MakeOrder(
        clip=planned,
        provider=video.provider,
        video_type=video.wish["video_type"],
        width=width,
        height=height,
        still=still,
        score_key=video.score_key or "",
        terms=terms_of(video.provider, planned, plan, size=(width, height), still=still) if paid else None,
    )


def content_of(video: MusicVideo, planned: PlannedClip) -> str:
    """Name all that decides the pictures of a clip; prices and addresses do not."""
    order = build_make_order(video, planned, still=False)
    document: dict[str, Any] = {"provider": order.provider, "seed": planned.seed}
    if order.terms is not None:
        told = (order.terms.model, order.terms.length_s, order.terms.aspect_ratio)
        document |= {"prompt": planned.prompt, "terms": told}
    else:
        document |= {
            "clip": {name: value for name, value in planned.to_json().items() if name != "prompt"},
            "type": order.video_type,
            "size": [order.width, order.height],
            "song": video.song,
            "sound": video.wish["sound"],
            "plan": {name: video.plan[name] for name in ("fps_num", "fps_den", "frame_count", "sections")},
        }
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def reuse_made(session: Session, video: MusicVideo, clips: Sequence[VideoClip]) -> list[VideoClip]:
    """Give clips what was made for another clip with the same content in the same place; return those left to make.

    The rows it is taken from are locked, so that what they show is not removed meanwhile.
    """
    left = []
    for clip in clips:
        query = select(VideoClip).join(MusicVideo, MusicVideo.id == VideoClip.video_id)
        query = query.where(VideoClip.made_content == clip.content, VideoClip.object_key.is_not(None))
        query = query.where(in_place(MusicVideo, video.owner_id, video.organisation_id), VideoClip.id != clip.id)
        found = session.scalar(query.limit(1).with_for_update(of=VideoClip))
        if found is None:
            left.append(clip)
            continue
        clip.object_key, clip.made_content = found.object_key, found.made_content
        clip.made = {**(found.made or {}), "cost_usd": 0.0, "reused": True}
    return left


def build_listen_order(video: MusicVideo, asset: Asset) -> ListenOrder:
    """Return how a video's song is heard."""
    song, plan = SongAnalysis.from_json(video.song), plan_of(video)
    return ListenOrder(asset.object_key, song, plan, asset.size_bytes)


def build_compose_order(video: MusicVideo, asset: Asset, *, making: frozenset[int]) -> ComposeOrder:
    """Return how a video's clips are joined; those in ``making`` come with the results of the same job."""
    width, height = size_of(video)
    there = [clip for clip in video.clips if clip.number not in making]
    before = video.film_asset if video.film_asset is not None and video.film_asset.deleted_at is None else None
    return ComposeOrder(
        asset.object_key,
        plan_of(video),
        tuple(ClipKey(clip.number, str(clip.object_key)) for clip in there),
        width,
        height,
        video.wish["transition"],
        video.wish["container"],
        video.wish["audio"],
        asset.size_bytes,
        before.object_key if before is not None else "",
        ComposedVideo.from_json(video.film) if before is not None and video.film else None,
    )
