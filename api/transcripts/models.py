"""Tables of transcripts and their versions."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, String, Text, func
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from api.extensions import db
from api.ids import new_id
from api.organisations.models import Organisation


class TranscriptRecord(db.Model):
    """One transcript of one asset; its text lives in versions, of which ``current_version`` counts."""

    __tablename__ = "transcript"
    __table_args__ = (
        CheckConstraint("current_version >= 1", name="version"),
        Index("ix_transcript_owner_created", "owner_id", "created_at", "id"),
        Index("ix_transcript_asset", "asset_id", "created_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey(Organisation.id, ondelete="RESTRICT"), index=True)
    asset_id: Mapped[UUID] = mapped_column(ForeignKey("asset.id", ondelete="CASCADE"))
    job_id: Mapped[UUID | None] = mapped_column(ForeignKey("job.id", ondelete="SET NULL"), unique=True)
    current_version: Mapped[int] = mapped_column(default=1)
    language: Mapped[str] = mapped_column(String(8))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now(), onupdate=func.now()
    )


class TranscriptVersion(db.Model):
    """One state of a transcript, never changed once written; ``document`` is a :class:`tasks.contracts.Transcript`.

    ``author`` is ``engine`` for what was heard and ``user`` for edits. ``kind`` says what was done
    (:mod:`api.transcripts.history`). ``patches`` are :class:`tasks.transcripts.patches.Patch`: of an edit its own, of
    what replaced everything all that are in force; None where a whole document was put in place.
    """

    __tablename__ = "transcript_version"

    transcript_id: Mapped[UUID] = mapped_column(ForeignKey("transcript.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    document: Mapped[dict[str, Any]] = mapped_column(JSONB)
    author: Mapped[str] = mapped_column(String(16))
    kind: Mapped[str] = mapped_column(String(16))
    patches: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB(none_as_null=True))
    note: Mapped[str] = mapped_column(String(500), default="")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class TranscriptLine(db.Model):
    """One segment of a transcript's current version, as it is searched; written anew with every version."""

    __tablename__ = "transcript_line"
    __table_args__ = (Index("ix_transcript_line_search", "search", postgresql_using="gin"),)

    transcript_id: Mapped[UUID] = mapped_column(ForeignKey("transcript.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    segment_id: Mapped[str] = mapped_column(String(64))
    start_s: Mapped[float]
    end_s: Mapped[float]
    speaker: Mapped[str | None] = mapped_column(String(64))
    text: Mapped[str] = mapped_column(Text)
    search: Mapped[Any] = mapped_column(TSVECTOR)
