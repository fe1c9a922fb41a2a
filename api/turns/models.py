"""Tables of turns: virtual clocks of the lines and where each user stands on them, named limits."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Float, Index, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from api.extensions import db

MOMENT = DateTime(timezone=True)


class TurnQueue(db.Model):
    """What the dispatchers know of a queue; whoever locks the row decides for the queue.

    ``turns`` counts the turns given. ``out`` bells were not answered when its owner left it at ``measured_at``;
    ``rate`` is how many were answered per second lately.
    """

    __tablename__ = "turn_queue"

    queue: Mapped[str] = mapped_column(String(32), primary_key=True)
    turns: Mapped[int] = mapped_column(BigInteger, default=0)
    out: Mapped[int] = mapped_column(default=0)
    rate: Mapped[float] = mapped_column(Float, default=0.0)
    measured_at: Mapped[datetime] = mapped_column(MOMENT)


class TurnClock(db.Model):
    """The virtual clock of a line: one class of one queue."""

    __tablename__ = "turn_clock"

    queue: Mapped[str] = mapped_column(String(32), primary_key=True)
    priority: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    clock: Mapped[float] = mapped_column(Float, default=0.0)


class TurnEnd(db.Model):
    """Where on a line's clock the work ends that a user asked for; of no use once the clock has passed it."""

    __tablename__ = "turn_end"
    __table_args__ = (Index("ix_turn_end_at", "queue", "priority", "at"),)

    queue: Mapped[str] = mapped_column(String(32), primary_key=True)
    priority: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    owner_id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[float] = mapped_column(Float)


class NamedLimit(db.Model):
    """How many steps that declare a name may run at once, where an administrator said so; else the settings do.

    Nothing is counted here: the slots in use are the running steps themselves, so none can leak.
    """

    __tablename__ = "named_limit"
    __table_args__ = (CheckConstraint("size >= 0", name="size"),)

    name: Mapped[str] = mapped_column(String(120), primary_key=True)
    size: Mapped[int]
