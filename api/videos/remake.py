"""Making a section or a clip again, once each: other seeds, only what is touched, and then the film anew."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from api.errors import ConflictError, NotFoundError
from api.jobs.models import Job
from api.users.models import User
from api.videos.models import MusicVideo, VideoClip, VideoSection
from api.videos.orders import content_of, plan_of, planned_of
from api.videos.service import require_editable
from api.videos.terms import foresee, require_affordable
from api.videos.work import REMAKE, start
from tasks.contracts.clips import PlannedClip


def remake_section(session: Session, user: User, video: MusicVideo, section_id: UUID, said: dict[str, Any]) -> Job:
    """Order all clips of a section of a locked video anew.

    Raises ``section.not_found``, ``video.*``, ``clips.over_budget``, ``quota.*``, ``credits.insufficient``.
    """
    section = next((one for one in video.sections if one.id == section_id), None)
    if section is None:
        raise NotFoundError("section.not_found", "The video has no such section")
    clips = [clip for clip in video.clips if clip.section == section.number]
    return remake(session, user, video, section, clips=clips, said=said)


def remake_clip(session: Session, user: User, video: MusicVideo, clip_id: UUID, said: dict[str, Any]) -> Job:
    """Order one clip of a locked video anew; raises ``clip.not_found`` and what sections do."""
    clip = next((one for one in video.clips if one.id == clip_id), None)
    if clip is None:
        raise NotFoundError("clip.not_found", "The video has no such clip")
    return remake(session, user, video, clip, clips=[clip], said=said)


def remake(
    session: Session,
    user: User,
    video: MusicVideo,
    part: VideoSection | VideoClip,
    *,
    clips: list[VideoClip],
    said: dict[str, Any],
) -> Job:
    """Order clips anew, with other seeds and the prompt that is said; the part is counted when they are there."""
    require_editable(video)
    missing = [clip.number for clip in video.clips if not clip.is_made]
    if missing:
        raise ConflictError("video.clips_missing", "The video's clips are not all made yet", {"numbers": missing})
    if not part.remakes_left:
        kind = "section" if isinstance(part, VideoSection) else "clip"
        raise ConflictError("video.no_remakes", f"The {kind} was made again before", {"remakes_left": 0})
    numbers = frozenset(clip.number for clip in clips)
    cap = said.get("cap_usd", video.cap_usd)
    cost = foresee(plan_of(video), video.provider, stills=False, numbers=numbers).cost_usd
    require_affordable(cost, spent_usd=video.spent_usd, cap_usd=cap)
    video.cap_usd = cap
    before = {str(clip.number): clip.planned for clip in clips}
    for clip in clips:
        want(video, clip, other_of(planned_of(clip), said.get("prompt", "")))
    counted = {"section": part.number} if isinstance(part, VideoSection) else {"clip": part.number}
    return start(session, user, video, REMAKE, clips=clips, remake={**counted, "before": before})


def other_of(planned: PlannedClip, prompt: str) -> PlannedClip:
    """Return the same clip with another seed, which follows from the present one, and a prompt where one is given."""
    digest = hashlib.sha256(f"{planned.seed}:again".encode()).digest()
    return replace(planned, seed=int.from_bytes(digest[:4], "big") >> 1, prompt=prompt or planned.prompt)


def want(video: MusicVideo, clip: VideoClip, planned: PlannedClip) -> None:
    """Say what shall be in a clip."""
    clip.planned, clip.content = planned.to_json(), content_of(video, planned)
