"""Tables of payments. Those that tell of money outlive the user they are about."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, CheckConstraint, DateTime, ForeignKey, Index, Integer, String, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from api.extensions import db

MOMENT = DateTime(timezone=True)


class PaymentCustomer(db.Model):
    """Who a user is at Stripe. Whoever works on a user's subscription holds this row."""

    __tablename__ = "payment_customer"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    customer_id: Mapped[str] = mapped_column(String(255), unique=True)
    created_at: Mapped[datetime] = mapped_column(MOMENT, server_default=func.now())


class PaymentSubscription(db.Model):
    """A subscription as Stripe last told it."""

    __tablename__ = "payment_subscription"

    id: Mapped[str] = mapped_column(String(255), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    status: Mapped[str] = mapped_column(String(32))
    plan_code: Mapped[str | None] = mapped_column(ForeignKey("plan.code"))
    renews_at: Mapped[datetime | None] = mapped_column(MOMENT)
    cancels: Mapped[bool] = mapped_column(Boolean, default=False)
    updated_at: Mapped[datetime] = mapped_column(MOMENT, server_default=func.now(), onupdate=func.now())


class Payment(db.Model):
    """One payment, by the id of its invoice or payment intent: what it gave, and what was taken back since.

    Amounts are in the currency's smallest unit, ``credits`` what it gave, ``taken`` how many of them were taken back.
    """

    __tablename__ = "payment"
    __table_args__ = (
        CheckConstraint("taken >= 0 AND taken <= credits", name="taken"),
        Index("ix_payment_user", "user_id", "created_at"),
    )

    ref: Mapped[str] = mapped_column(String(255), primary_key=True)
    user_id: Mapped[UUID]
    item: Mapped[str] = mapped_column(String(40), default="")
    credits: Mapped[int] = mapped_column(BigInteger, default=0)
    amount: Mapped[int] = mapped_column(BigInteger, default=0)
    refunded: Mapped[int] = mapped_column(BigInteger, default=0)
    currency: Mapped[str] = mapped_column(String(3), default="")
    disputed: Mapped[bool] = mapped_column(Boolean, default=False)
    taken: Mapped[int] = mapped_column(BigInteger, default=0)
    moves: Mapped[int] = mapped_column(Integer, default=0)
    created_at: Mapped[datetime] = mapped_column(MOMENT, server_default=func.now())


class PaymentEvent(db.Model):
    """Everything that Stripe ever told us, by its id, and what came of it: ``applied``, ``ignored``."""

    __tablename__ = "payment_event"

    id: Mapped[str] = mapped_column(String(255), primary_key=True)
    kind: Mapped[str] = mapped_column(String(100))
    outcome: Mapped[str] = mapped_column(String(16))
    said_at: Mapped[datetime] = mapped_column(MOMENT)
    received_at: Mapped[datetime] = mapped_column(MOMENT, server_default=func.now())
    details: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
