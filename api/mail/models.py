"""Mail that waits to be sent, and what an address's owner is asked to prove."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, Integer, String, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from api.extensions import db
from api.ids import new_id


class Outcome(StrEnum):
    """What became of a message. ``dropped``: there was nobody to write to, or too much was written already."""

    WAITING = "waiting"
    SENT = "sent"
    DROPPED = "dropped"
    REFUSED = "refused"
    GIVEN_UP = "given_up"


class MailMessage(db.Model):
    """One message to one address. Its text is made when it is sent, so that no secret link lies in the table."""

    __tablename__ = "mail_message"
    __table_args__ = (
        Index("ix_mail_message_due", "due_at", postgresql_where=text("outcome = 'waiting'")),
        Index("ix_mail_message_address", "address", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(String(32))
    address: Mapped[str] = mapped_column(String(254))
    params: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    due_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    sent_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    outcome: Mapped[str] = mapped_column(String(16), default=Outcome.WAITING.value)


class Purpose(StrEnum):
    """What follows when the owner of an address shows the link that was mailed there."""

    REGISTER = "register"
    RESET = "reset"
    CHANGE = "change"


class EmailProof(db.Model):
    """A link that only the owner of an address gets. ``password_hash``: the password that a registration chose."""

    __tablename__ = "email_proof"
    __table_args__ = (CheckConstraint("purpose IN ('register', 'reset', 'change')", name="purpose"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    purpose: Mapped[str] = mapped_column(String(16))
    email: Mapped[str] = mapped_column(String(254), index=True)
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    password_hash: Mapped[str | None] = mapped_column(String(200))
    token_sha256: Mapped[str | None] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
