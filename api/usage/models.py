"""Table of daily usage."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, Date, DateTime, Float, ForeignKey, func
from sqlalchemy.orm import Mapped, mapped_column

from api.extensions import db


class UsageDay(db.Model):
    """What one user did on one day (UTC); rolled up from the rows of the day, so that it outlives them."""

    __tablename__ = "usage_day"

    owner_id: Mapped[UUID] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    renders_ordered: Mapped[int] = mapped_column(default=0)
    renders_succeeded: Mapped[int] = mapped_column(default=0)
    renders_failed: Mapped[int] = mapped_column(default=0)
    rendered_s: Mapped[float] = mapped_column(Float, default=0.0)
    uploads: Mapped[int] = mapped_column(default=0)
    uploaded_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    transcripts: Mapped[int] = mapped_column(default=0)
    transcribed_s: Mapped[float] = mapped_column(Float, default=0.0)
    gpu_s: Mapped[float] = mapped_column(Float, default=0.0, server_default="0")
    rolled_up_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
