"""Tables of players and of what happened to them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, Index, String, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from api.extensions import db


class PlayerRecord(db.Model):
    """The player of one user. ``state`` is an :class:`api.player.machine.Player`.

    ``due_at`` is when something happens to it by itself; ``last_seq`` is the number of its newest event.
    """

    __tablename__ = "player"
    __table_args__ = (
        Index("ix_player_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index("ix_player_playlist", "playlist_id"),
    )

    user_id: Mapped[UUID] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    playlist_id: Mapped[UUID | None] = mapped_column(ForeignKey("playlist.id", ondelete="SET NULL"))
    state: Mapped[dict[str, Any]] = mapped_column(JSONB)
    due_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    last_seq: Mapped[int] = mapped_column(default=0, server_default="0")


class PlayerEvent(db.Model):
    """Something that a user's clients are told; numbered per user without gaps, under the lock of the player's row."""

    __tablename__ = "player_event"
    __table_args__ = (Index("ix_player_event_at", "at"),)

    user_id: Mapped[UUID] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(32))
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
