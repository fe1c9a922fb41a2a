"""Tables of the farm: nodes with what they told and what they shall be, queues with their policy."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Float, String, func
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from api.extensions import db

MOMENT = DateTime(timezone=True)
NAMES = ARRAY(String(32))


class Node(db.Model):
    """One worker process by its Celery node name, which is the same after a restart.

    The first half is what it told at its last beat; the second what it shall be, which outlives it. ``generation``
    counts the orders, ``generation_done`` is the one it has carried out. Between ``heard_since`` and ``seen_at`` it was
    never silent for so long that a lease could end meanwhile (:mod:`api.jobs.hearing`).
    """

    __tablename__ = "farm_node"
    __table_args__ = (CheckConstraint("wanted_slots IS NULL OR wanted_slots BETWEEN 1 AND 256", name="slots"),)

    id: Mapped[str] = mapped_column(String(255), primary_key=True)
    instance: Mapped[str] = mapped_column(String(64))
    host: Mapped[str] = mapped_column(String(255))
    role: Mapped[str] = mapped_column(String(16))
    pid: Mapped[int]
    started_with: Mapped[list[str]] = mapped_column(NAMES, default=list)
    able: Mapped[list[str]] = mapped_column(NAMES, default=list)
    queues: Mapped[list[str]] = mapped_column(NAMES, default=list)
    slots: Mapped[int] = mapped_column(default=1)
    started_slots: Mapped[int] = mapped_column(default=1)
    busy: Mapped[int] = mapped_column(default=0)
    generation_done: Mapped[int] = mapped_column(BigInteger, default=0)
    leaving: Mapped[bool] = mapped_column(default=False)
    about: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    gpu: Mapped[str] = mapped_column(String(64), default="")
    gpus: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    registered_at: Mapped[datetime] = mapped_column(MOMENT)
    started_at: Mapped[datetime] = mapped_column(MOMENT)
    heard_since: Mapped[datetime] = mapped_column(MOMENT, server_default=func.now())
    seen_at: Mapped[datetime] = mapped_column(MOMENT)
    consumed_at: Mapped[datetime] = mapped_column(MOMENT)

    generation: Mapped[int] = mapped_column(BigInteger, default=0)
    wanted_queues: Mapped[list[str] | None] = mapped_column(NAMES)
    wanted_slots: Mapped[int | None]
    drain_at: Mapped[datetime | None] = mapped_column(MOMENT)
    drain_until: Mapped[datetime | None] = mapped_column(MOMENT)
    quarantined_at: Mapped[datetime | None] = mapped_column(MOMENT)
    quarantine_reason: Mapped[str] = mapped_column(String(500), default="")
    cleared_at: Mapped[datetime | None] = mapped_column(MOMENT)
    test_id: Mapped[str] = mapped_column(String(64), default="")
    test_problems: Mapped[list[str] | None] = mapped_column(JSONB)
    tested_at: Mapped[datetime | None] = mapped_column(MOMENT)
    next_test_at: Mapped[datetime | None] = mapped_column(MOMENT)
    tests_failed: Mapped[int] = mapped_column(default=0)

    @property
    def takes_work(self) -> bool:
        """Whether it may claim steps, as far as its orders say."""
        return self.drain_at is None and self.quarantined_at is None

    @property
    def usual_queues(self) -> list[str]:
        """What it consumes when nothing keeps it from working."""
        return list(self.started_with if self.wanted_queues is None else self.wanted_queues)

    @property
    def ordered_queues(self) -> list[str]:
        """What it shall consume now."""
        return self.usual_queues if self.takes_work else []

    @property
    def ordered_slots(self) -> int:
        """How many steps it shall work on at once."""
        return self.wanted_slots or self.started_slots


class QueuePolicy(db.Model):
    """What somebody has said about a queue; one without a row has the defaults.

    ``weight`` is its share when the farm is rebalanced, ``min_slots`` what it gets before shares count, ``gpu`` which
    nodes may serve it.
    """

    __tablename__ = "farm_queue"
    __table_args__ = (
        CheckConstraint("weight >= 0", name="weight"),
        CheckConstraint("min_slots >= 0", name="min_slots"),
        CheckConstraint("gpu IN ('any', 'require', 'avoid')", name="gpu"),
    )

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    paused_at: Mapped[datetime | None] = mapped_column(MOMENT)
    paused_reason: Mapped[str] = mapped_column(String(500), default="")
    weight: Mapped[float] = mapped_column(Float, default=1.0)
    min_slots: Mapped[int] = mapped_column(default=0)
    gpu: Mapped[str] = mapped_column(String(8), default="any")
