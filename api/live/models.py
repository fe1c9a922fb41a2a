"""Tables of what users' clients are told, and of the tickets that open the stream."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, ForeignKey, Index, String, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from api.extensions import db


class Topic(StrEnum):
    """What clients choose among."""

    CREDITS = "credits"
    JOBS = "jobs"
    PLAYER = "player"
    SOUNDS = "sounds"


class LiveReader(db.Model):
    """Somebody whose clients listen, or did lately. ``last_seq`` is the number of the newest event; it never goes back.

    Nothing is written down for users of whom nobody listened for :data:`api.live.telling.KEPT`.
    """

    __tablename__ = "live_reader"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    last_seq: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    heard_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class LiveEvent(db.Model):
    """One thing that a user's clients are told; numbered per user without gaps."""

    __tablename__ = "live_event"
    __table_args__ = (Index("ix_live_event_at", "at"),)

    user_id: Mapped[UUID] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    topic: Mapped[str] = mapped_column(String(16))
    kind: Mapped[str] = mapped_column(String(32))
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class LiveTicket(db.Model):
    """Opens one stream within seconds; only its hash is kept."""

    __tablename__ = "live_ticket"
    __table_args__ = (Index("ix_live_ticket_expires", "expires_at"),)

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
