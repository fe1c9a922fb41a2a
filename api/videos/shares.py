"""Links by which anybody may watch a video: unguessable, hashed, ending, revocable."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.assets.service import sign_download
from api.errors import ConflictError, NotFoundError
from api.extensions import get_settings, get_storage
from api.ids import new_id
from api.videos.models import MusicVideo, VideoShare
from api.videos.service import require_result

SECRET_BYTES = 32
MOST_LINKS = 50


def share(session: Session, video: MusicVideo, *, hours: int) -> tuple[VideoShare, str]:
    """Make a link to a locked video; return it and its secret, which is not kept.

    Raises ``video.not_composed``, ``video.too_many_shares``.
    """
    require_result(video)
    now = datetime.now(UTC)
    good = [one for one in list_shares(session, video) if one.is_good]
    if len(good) >= MOST_LINKS:
        raise ConflictError("video.too_many_shares", f"A video has at most {MOST_LINKS} links; revoke one first")
    secret = secrets.token_urlsafe(SECRET_BYTES)
    row = VideoShare(
        id=new_id(),
        video_id=video.id,
        token_hash=hash_secret(secret),
        expires_at=now + timedelta(hours=hours),
        created_at=now,
    )
    session.add(row)
    session.flush()
    return row, secret


def list_shares(session: Session, video: MusicVideo) -> list[VideoShare]:
    """Return all links of a video, the newest first."""
    query = select(VideoShare).where(VideoShare.video_id == video.id)
    return list(session.scalars(query.order_by(VideoShare.created_at.desc(), VideoShare.id)))


def revoke(session: Session, video: MusicVideo, share_id: UUID) -> None:
    """End a link at once; raise ``video.no_share``."""
    row = session.get(VideoShare, share_id)
    if row is None or row.video_id != video.id:
        raise NotFoundError("video.no_share", "The video has no such link")
    row.revoked_at = row.revoked_at or datetime.now(UTC)


def open_shared(session: Session, secret: str) -> dict[str, Any]:
    """Return what a link shows; raise ``video.no_share`` for one that is wrong, over or revoked."""
    row = session.scalar(select(VideoShare).where(VideoShare.token_hash == hash_secret(secret)))
    video = session.get(MusicVideo, row.video_id) if row is not None and row.is_good else None
    if row is None or video is None:
        raise NotFoundError("video.no_share", "There is no such link, or it has ended")
    download = sign_download(require_result(video), storage=get_storage(), settings=get_settings())
    return {
        "title": video.title,
        "duration_s": (video.film or {}).get("video_end_s", 0.0),
        "width": video.wish["width"],
        "height": video.wish["height"],
        "content_type": download.content_type,
        "url": download.url,
        "expires_at": row.expires_at,
    }


def hash_secret(secret: str) -> str:
    """Return what is kept of a secret; 256 random bits need no salt."""
    return hashlib.sha256(secret.encode()).hexdigest()
