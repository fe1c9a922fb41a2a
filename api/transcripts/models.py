"""Tables of transcripts and their versions."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, String, func
from sqlalchemy.dialects.postgresql import JSONB
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

    ``author`` is ``engine`` for what was heard and ``user`` for edits.
    """

    __tablename__ = "transcript_version"

    transcript_id: Mapped[UUID] = mapped_column(ForeignKey("transcript.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    document: Mapped[dict[str, Any]] = mapped_column(JSONB)
    author: Mapped[str] = mapped_column(String(16))
    note: Mapped[str] = mapped_column(String(500), default="")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
