"""Counters that cannot pass their cap: the database refuses what code forgets."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from api.extensions import db


class QuotaCounter(db.Model):
    """How much of one kind a user has used since ``window_start`` (1970 for kinds without a window)."""

    __tablename__ = "quota_counter"
    __table_args__ = (CheckConstraint("used >= 0 AND used <= cap", name="within_cap"),)

    user_id: Mapped[UUID] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    window_start: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    used: Mapped[int] = mapped_column(BigInteger, default=0)
    cap: Mapped[int] = mapped_column(BigInteger)


class QuotaOverride(db.Model):
    """A limit that an administrator set for one user; it takes the place of the plan's."""

    __tablename__ = "quota_override"
    __table_args__ = (CheckConstraint("cap >= 0", name="cap"),)

    user_id: Mapped[UUID] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    cap: Mapped[int] = mapped_column(BigInteger)


class QuotaReservation(db.Model):
    """What a job or an asset holds of a counter: ``held``, ``settled``, ``released``, or ``waiting`` for it."""

    __tablename__ = "quota_reservation"
    __table_args__ = (
        CheckConstraint("state IN ('held', 'settled', 'released', 'waiting')", name="state"),
        Index("ix_quota_reservation_waiting", "user_id", "ref", postgresql_where=text("state = 'waiting'")),
    )

    ref: Mapped[str] = mapped_column(String(80), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    window_start: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    amount: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(16))
