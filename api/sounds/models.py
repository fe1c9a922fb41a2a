"""Tables of sounds, who likes them, and how often they were played."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Date, DateTime, ForeignKey, Index, String, func, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column, relationship

from api.assets.models import Asset, one_of
from api.extensions import db
from api.ids import new_id
from api.jobs.models import Job
from api.jobs.states import TERMINAL
from api.organisations.models import Organisation

TITLE_LENGTH, TAG_LENGTH, MOST_TAGS = 200, 40, 20


class SoundType(StrEnum):
    """Where a sound comes from."""

    SDB = "SDB"
    """Of the soundboard: uploaded."""
    TTS = "TTS"
    """Spoken from text."""
    EXT = "EXT"
    """Extracted from a link."""


class SoundState(StrEnum):
    """``levelling`` until it has its loudness, then ``ready``; ``failed`` can be tried again."""

    LEVELLING = "levelling"
    READY = "ready"
    FAILED = "failed"


class Sound(db.Model):
    """One sound. ``levelled`` is a :class:`tasks.contracts.sounds.SoundReady`; the original is the asset's file.

    One that is spoken has no asset: ``speech`` is the :class:`tasks.contracts.voices.Speech` it is made of, and
    ``sha256`` is of that. ``words`` are those of title and tags, for the search.
    """

    __tablename__ = "sound"
    __table_args__ = (
        CheckConstraint(one_of("type", SoundType), name="type"),
        Index("ix_sound_owner_created", "owner_id", "created_at", "id"),
        Index("ix_sound_asset", "asset_id"),
        Index("ix_sound_object", "object_key"),
        Index("ix_sound_waveform", "waveform_key"),
        Index("ix_sound_words", "words", postgresql_using="gin"),
        Index("ix_sound_tags", "tags", postgresql_using="gin"),
        Index("uq_sound_own_hash", "owner_id", "sha256", unique=True, postgresql_where=text("organisation_id IS NULL")),
        Index("uq_sound_shared_hash", "organisation_id", "sha256", unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey(Organisation.id, ondelete="RESTRICT"), index=True)
    asset_id: Mapped[UUID | None] = mapped_column(ForeignKey("asset.id", ondelete="CASCADE"))
    job_id: Mapped[UUID | None] = mapped_column(ForeignKey("job.id", ondelete="SET NULL"), unique=True)
    type: Mapped[str] = mapped_column(String(3), default=SoundType.SDB.value)
    title: Mapped[str] = mapped_column(String(TITLE_LENGTH))
    tags: Mapped[list[str]] = mapped_column(ARRAY(String(TAG_LENGTH)), default=list)
    words: Mapped[Any] = mapped_column(TSVECTOR, deferred=True)
    sha256: Mapped[str] = mapped_column(String(64))
    duration_s: Mapped[float]
    speech: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    levelled: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    object_key: Mapped[str | None] = mapped_column(String(512))
    waveform_key: Mapped[str | None] = mapped_column(String(512))
    plays: Mapped[int] = mapped_column(default=0, server_default="0")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now(), onupdate=func.now()
    )

    asset: Mapped[Asset | None] = relationship()
    job: Mapped[Job | None] = relationship()

    @property
    def state(self) -> SoundState:
        """What it is fit for."""
        if self.object_key is not None:
            return SoundState.READY
        running = self.job is not None and self.job.state not in TERMINAL
        return SoundState.LEVELLING if running else SoundState.FAILED


class SoundFavourite(db.Model):
    """Somebody likes a sound."""

    __tablename__ = "sound_favourite"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    sound_id: Mapped[UUID] = mapped_column(ForeignKey("sound.id", ondelete="CASCADE"), primary_key=True, index=True)


class SoundPlay(db.Model):
    """How often somebody played a sound on a day (UTC)."""

    __tablename__ = "sound_play"
    __table_args__ = (Index("ix_sound_play_user_day", "user_id", "day"),)

    sound_id: Mapped[UUID] = mapped_column(ForeignKey("sound.id", ondelete="CASCADE"), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    plays: Mapped[int] = mapped_column(default=0)


class SoundDay(db.Model):
    """How often a sound was played on a day (UTC), by anybody: a row for many of :class:`SoundPlay`."""

    __tablename__ = "sound_day"

    sound_id: Mapped[UUID] = mapped_column(ForeignKey("sound.id", ondelete="CASCADE"), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    plays: Mapped[int] = mapped_column(default=0)


class ListenerDay(db.Model):
    """How often somebody played sounds of a place on a day (UTC), sounds that were deleted since among them.

    ``place_id`` is the organisation that owns the sounds, or else their owner.
    """

    __tablename__ = "listener_day"

    place_id: Mapped[UUID] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True, index=True)
    plays: Mapped[int] = mapped_column(default=0)


class ScanState(StrEnum):
    """What became of a file: on its way, a sound, a sound that was there before, or none."""

    TAKING = "taking"
    TAKEN = "taken"
    DUPLICATE = "duplicate"
    BAD = "bad"


class ScannedFile(db.Model):
    """One object that a scan found. ``code`` and ``message`` say why it is bad; ``sound_id`` is the sound it is."""

    __tablename__ = "scanned_file"
    __table_args__ = (
        CheckConstraint(one_of("state", ScanState), name="state"),
        Index("ix_scanned_file_owner_created", "owner_id", "created_at", "id"),
        Index("ix_scanned_file_sound_id", "sound_id"),
        Index(
            "uq_scanned_file_own",
            "owner_id",
            "object_key",
            unique=True,
            postgresql_where=text("organisation_id IS NULL"),
        ),
        Index("uq_scanned_file_shared", "organisation_id", "object_key", unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey(Organisation.id, ondelete="RESTRICT"), index=True)
    object_key: Mapped[str] = mapped_column(String(512))
    etag: Mapped[str] = mapped_column(String(80))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(16), default=ScanState.TAKING.value)
    code: Mapped[str | None] = mapped_column(String(64))
    message: Mapped[str | None] = mapped_column(String(1000))
    job_id: Mapped[UUID | None] = mapped_column(ForeignKey("job.id", ondelete="SET NULL"), unique=True)
    sound_id: Mapped[UUID | None] = mapped_column(ForeignKey("sound.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now(), onupdate=func.now()
    )

    sound: Mapped[Sound | None] = relationship(lazy="joined")

    @property
    def error(self) -> dict[str, str | None] | None:
        """Why it is bad."""
        return {"code": self.code, "message": self.message} if self.code else None
