"""Tables of music videos, their sections, clips and share links, and of what was ordered from providers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, Numeric, String, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from api.assets.models import Asset
from api.extensions import db
from api.ids import new_id
from api.jobs.models import Job
from api.jobs.states import TERMINAL, JobState
from api.organisations.models import Organisation
from api.renders.models import Render
from api.songs.models import LABEL_LENGTH, NOTE_LENGTH, TITLE_LENGTH, Song

MOMENT = DateTime(timezone=True)
MOST_REMAKES = 1
"""How often each section, and each clip, may be made again."""


class VideoSection(db.Model):
    """A stretch of a video; its times are those of the song's section at the time of planning."""

    __tablename__ = "video_section"
    __table_args__ = (UniqueConstraint("video_id", "number", name="uq_video_section_video_id_number"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    video_id: Mapped[UUID] = mapped_column(ForeignKey("video.id", ondelete="CASCADE"))
    number: Mapped[int]
    label: Mapped[str] = mapped_column(String(LABEL_LENGTH))
    note: Mapped[str] = mapped_column(String(NOTE_LENGTH), default="")
    remakes: Mapped[int] = mapped_column(default=0)

    @property
    def remakes_left(self) -> int:
        """How often it may still be made again."""
        return max(0, MOST_REMAKES - self.remakes)


class VideoClip(db.Model):
    """One clip of a video: what shall be in it (``planned``, a :class:`tasks.contracts.clips.PlannedClip`) and what is.

    ``content`` names all that decides its pictures; a clip whose ``made_content`` is the same need not be made.
    """

    __tablename__ = "video_clip"
    __table_args__ = (
        UniqueConstraint("video_id", "number", name="uq_video_clip_video_id_number"),
        Index("ix_video_clip_made", "made_content"),
        Index("ix_video_clip_object", "object_key"),
        Index("ix_video_clip_still", "still_key"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    video_id: Mapped[UUID] = mapped_column(ForeignKey("video.id", ondelete="CASCADE"))
    number: Mapped[int]
    section: Mapped[int]
    planned: Mapped[dict[str, Any]] = mapped_column(JSONB)
    content: Mapped[str] = mapped_column(String(64))
    made_content: Mapped[str] = mapped_column(String(64), default="")
    object_key: Mapped[str | None] = mapped_column(String(512))
    still_key: Mapped[str | None] = mapped_column(String(512))
    made: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    remakes: Mapped[int] = mapped_column(default=0)

    @property
    def is_made(self) -> bool:
        """Whether what lies there is what is wanted."""
        return self.object_key is not None and self.made_content == self.content

    @property
    def remakes_left(self) -> int:
        """How often it may still be made again."""
        return max(0, MOST_REMAKES - self.remakes)


class MusicVideo(db.Model):
    """One music video of a song.

    ``wish`` is how it shall be (size, type, transition, captions, cap), ``song`` and ``plan`` what it was planned from:
    :class:`tasks.contracts.music.SongAnalysis` and :class:`tasks.contracts.clips.ClipPlan`. ``job_id`` is the newest
    job, whatever it does. ``film_asset_id`` is the film without captions, ``result_asset_id`` what is handed out.
    """

    __tablename__ = "video"
    __table_args__ = (
        CheckConstraint("cap_usd >= 0 AND spent_usd >= 0", name="money"),
        Index("ix_video_owner_created", "owner_id", "created_at", "id"),
        Index("ix_video_sheet", "sheet_key"),
        Index("ix_video_score", "score_key"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey(Organisation.id, ondelete="RESTRICT"), index=True)
    song_id: Mapped[UUID | None] = mapped_column(ForeignKey("song.id", ondelete="SET NULL"), index=True)
    job_id: Mapped[UUID | None] = mapped_column(ForeignKey("job.id", ondelete="SET NULL"), index=True)
    film_asset_id: Mapped[UUID | None] = mapped_column(ForeignKey("asset.id", ondelete="SET NULL"), index=True)
    result_asset_id: Mapped[UUID | None] = mapped_column(ForeignKey("asset.id", ondelete="SET NULL"), index=True)
    render_id: Mapped[UUID | None] = mapped_column(ForeignKey("render.id", ondelete="SET NULL"), index=True)
    title: Mapped[str] = mapped_column(String(TITLE_LENGTH))
    provider: Mapped[str] = mapped_column(String(32))
    wish: Mapped[dict[str, Any]] = mapped_column(JSONB)
    song: Mapped[dict[str, Any]] = mapped_column(JSONB)
    plan: Mapped[dict[str, Any]] = mapped_column(JSONB)
    cap_usd: Mapped[float] = mapped_column(Numeric(12, 6, asdecimal=False))
    spent_usd: Mapped[float] = mapped_column(Numeric(12, 6, asdecimal=False), default=0.0)
    wants_approval: Mapped[bool] = mapped_column(default=False)
    approved_at: Mapped[datetime | None] = mapped_column(MOMENT)
    score_key: Mapped[str | None] = mapped_column(String(512))
    sheet_key: Mapped[str | None] = mapped_column(String(512))
    film: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    finalized_at: Mapped[datetime | None] = mapped_column(MOMENT)
    created_at: Mapped[datetime] = mapped_column(MOMENT, server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(MOMENT, server_default=func.now(), onupdate=func.now())

    of_song: Mapped[Song | None] = relationship()
    job: Mapped[Job | None] = relationship()
    render: Mapped[Render | None] = relationship()
    result: Mapped[Asset | None] = relationship(foreign_keys=[result_asset_id])
    film_asset: Mapped[Asset | None] = relationship(foreign_keys=[film_asset_id])
    sections: Mapped[list[VideoSection]] = relationship(
        order_by=VideoSection.number, cascade="all, delete-orphan", passive_deletes=True
    )
    clips: Mapped[list[VideoClip]] = relationship(
        order_by=VideoClip.number, cascade="all, delete-orphan", passive_deletes=True
    )

    @property
    def is_busy(self) -> bool:
        """Whether a job works on it."""
        return self.job is not None and self.job.state not in TERMINAL

    @property
    def state(self) -> str:
        """``working failed waiting`` (for approval) ``made`` (all clips are there) ``ready`` (a film) ``finalized``."""
        if self.finalized_at is not None:
            return "finalized"
        if self.is_busy:
            return "working"
        if self.job is not None and self.job.state != JobState.SUCCEEDED:
            return "failed"
        if self.wants_approval and self.approved_at is None:
            return "waiting"
        return "ready" if self.result_asset_id is not None else "made"


class VideoShare(db.Model):
    """A link by which anybody who has it may watch a video; only the hash of its secret is kept."""

    __tablename__ = "video_share"
    __table_args__ = (Index("ix_video_share_video", "video_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    video_id: Mapped[UUID] = mapped_column(ForeignKey("video.id", ondelete="CASCADE"))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    expires_at: Mapped[datetime] = mapped_column(MOMENT)
    revoked_at: Mapped[datetime | None] = mapped_column(MOMENT)
    created_at: Mapped[datetime] = mapped_column(MOMENT, server_default=func.now())

    @property
    def is_good(self) -> bool:
        """Whether it opens the video now."""
        return self.revoked_at is None and self.expires_at > datetime.now(UTC)


class Prediction(db.Model):
    """One order at a paid provider: kept before anybody waits for it, and for as long as its owner is there.

    ``told_at`` is when the provider's webhook came. ``given_up`` ones were of no use; what they cost is unknown or 0.
    """

    __tablename__ = "prediction"

    ref: Mapped[str] = mapped_column(String(120), primary_key=True)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    video_id: Mapped[UUID | None] = mapped_column(ForeignKey("video.id", ondelete="SET NULL"), index=True)
    clip_number: Mapped[int]
    is_still: Mapped[bool]
    given_up: Mapped[bool] = mapped_column(default=False)
    cost_usd: Mapped[float | None] = mapped_column(Numeric(12, 6, asdecimal=False))
    told_at: Mapped[datetime | None] = mapped_column(MOMENT)
    created_at: Mapped[datetime] = mapped_column(MOMENT, server_default=func.now())
