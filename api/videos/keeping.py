"""The objects that a video is made of: counted as storage, and removed when no other video shows them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from api.assets.cleanup import delete_objects_after_commit
from api.errors import QuotaError
from api.quotas.service import release, reserve_storage
from api.users.models import User
from api.videos.models import MusicVideo, VideoClip
from tasks.storage.base import Storage


def quota_ref(clip: VideoClip) -> str:
    """Name under which the storage quota holds a clip's bytes."""
    return f"clip:{clip.id}"


def count_clip(session: Session, video: MusicVideo, clip: VideoClip) -> None:
    """Count a clip to its owner's storage; what has no room goes uncounted, since it was paid for."""
    release(session, quota_ref(clip))
    size_bytes = int((clip.made or {}).get("size_bytes", 0))
    with suppress(QuotaError):
        reserve_storage(session, session.get_one(User, video.owner_id), size_bytes, quota_ref(clip))


def remove_unshared(
    session: Session, keys: Iterable[str | None], *, storage: Storage, but: Iterable[VideoClip] = ()
) -> None:
    """Remove objects once committed, but for those that clips other than ``but`` show."""
    wanted = {key for key in keys if key}
    if not wanted:
        return
    session.flush()
    excepted = [clip.id for clip in but]
    shown = select(VideoClip.object_key, VideoClip.still_key).where(
        or_(VideoClip.object_key.in_(wanted), VideoClip.still_key.in_(wanted)), VideoClip.id.not_in(excepted)
    )
    kept = {key for row in session.execute(shown) for key in row}
    delete_objects_after_commit(session, storage, sorted(wanted - kept))


def free_everything(session: Session, video: MusicVideo, *, storage: Storage) -> None:
    """Remove clips, stills, sheet and score of a video, and give their storage back."""
    clips = list(video.clips)
    session.execute(select(VideoClip.id).where(VideoClip.video_id == video.id).with_for_update())
    keys = [key for clip in clips for key in (clip.object_key, clip.still_key)]
    for clip in clips:
        release(session, quota_ref(clip))
        clip.object_key = clip.still_key = None
        clip.made_content = ""
    remove_unshared(session, [*keys, video.sheet_key, video.score_key], storage=storage, but=clips)
    video.sheet_key = video.score_key = None
