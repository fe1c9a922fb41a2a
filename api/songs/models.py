"""Tables of songs and their sections."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, String, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from api.assets.models import Asset
from api.extensions import db
from api.ids import new_id
from api.jobs.models import Job
from api.jobs.states import TERMINAL
from api.organisations.models import Organisation

LABEL_LENGTH, NOTE_LENGTH, TITLE_LENGTH = 40, 100, 200


class Song(db.Model):
    """One uploaded song.

    ``analysis`` is a :class:`tasks.contracts.music.SongAnalysis` as it was heard; ``overrides`` is what the owner says
    instead, by name of value. ``job_id`` is the newest analysis, whatever came of it.
    """

    __tablename__ = "song"
    __table_args__ = (
        Index("ix_song_owner_created", "owner_id", "created_at", "id"),
        Index("ix_song_asset", "asset_id"),
        Index("ix_song_waveform", "waveform_key"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey(Organisation.id, ondelete="RESTRICT"), index=True)
    asset_id: Mapped[UUID] = mapped_column(ForeignKey("asset.id", ondelete="CASCADE"))
    job_id: Mapped[UUID | None] = mapped_column(ForeignKey("job.id", ondelete="SET NULL"), unique=True)
    title: Mapped[str] = mapped_column(String(TITLE_LENGTH))
    duration_s: Mapped[float]
    analysis: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    overrides: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    waveform_key: Mapped[str | None] = mapped_column(String(512))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now(), onupdate=func.now()
    )

    asset: Mapped[Asset] = relationship()
    job: Mapped[Job | None] = relationship()
    sections: Mapped[list[SongSection]] = relationship(
        order_by="SongSection.start_s", cascade="all, delete-orphan", passive_deletes=True
    )

    @property
    def state(self) -> str:
        """``new``, ``analyzing``, ``ready`` (an analysis is there) or ``failed``."""
        if self.job is not None and self.job.state not in TERMINAL:
            return "analyzing"
        if self.analysis is not None:
            return "ready"
        return "new" if self.job is None else "failed"


class SongSection(db.Model):
    """A stretch of a song with the user's words for it; its times never change."""

    __tablename__ = "song_section"
    __table_args__ = (
        CheckConstraint("end_s > start_s AND start_s >= 0", name="times"),
        Index("ix_song_section_song", "song_id", "start_s", unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    song_id: Mapped[UUID] = mapped_column(ForeignKey("song.id", ondelete="CASCADE"))
    start_s: Mapped[float]
    end_s: Mapped[float]
    label: Mapped[str] = mapped_column(String(LABEL_LENGTH))
    note: Mapped[str] = mapped_column(String(NOTE_LENGTH), default="")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
