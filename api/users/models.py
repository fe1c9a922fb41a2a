"""Users and plans."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, CheckConstraint, DateTime, ForeignKey, Index, Integer, String, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from api.extensions import db
from api.ids import new_id


class Plan(db.Model):
    """What a user may use: renders per UTC day and month, renders at once, bytes stored; weight in the fair share.

    ``credits_per_day`` come at 00:00 UTC as long as the balance is below ``credit_ceiling``.
    """

    __tablename__ = "plan"

    code: Mapped[str] = mapped_column(String(32), primary_key=True)
    daily_renders: Mapped[int] = mapped_column(Integer)
    monthly_renders: Mapped[int] = mapped_column(Integer)
    concurrent_renders: Mapped[int] = mapped_column(Integer)
    storage_bytes: Mapped[int] = mapped_column(BigInteger)
    weight: Mapped[int] = mapped_column(Integer, default=1)
    credits_per_day: Mapped[int] = mapped_column(BigInteger, default=1_000)
    credit_ceiling: Mapped[int] = mapped_column(BigInteger, default=5_000)


class User(db.Model):
    """An account; ``email`` is stored lower-case, ``password_hash`` is argon2id, None for sign-in elsewhere only.

    Tokens of external issuers that were signed before ``tokens_after`` are refused. ``closed_at``: its owner closed it;
    ``erased_at``: what it owned is gone.
    """

    __tablename__ = "user"
    __table_args__ = (
        CheckConstraint("role IN ('user', 'admin')", name="role"),
        Index("ix_user_created", "created_at", "id"),
        Index("ix_user_closed", "closed_at", postgresql_where=text("closed_at IS NOT NULL AND erased_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    password_hash: Mapped[str | None] = mapped_column(String(200))
    email_verified_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    tokens_after: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    role: Mapped[str] = mapped_column(String(16), default="user")
    plan_code: Mapped[str] = mapped_column(ForeignKey("plan.code"), default="free")
    enabled: Mapped[bool] = mapped_column(Boolean, default=True)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    closed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    erased_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    plan: Mapped[Plan] = relationship(lazy="joined")
