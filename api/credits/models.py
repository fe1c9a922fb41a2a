"""Tables of credits. The ledger outlives the user it is about: it is the book, the account only its last line."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    DateTime,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from api.extensions import db
from api.ids import new_id


class CreditAccount(db.Model):
    """What a user has, what is owed after money was taken back, and the number of the ledger's last entry."""

    __tablename__ = "credit_account"
    __table_args__ = (
        CheckConstraint("balance >= 0", name="balance"),
        CheckConstraint("debt >= 0", name="debt"),
        CheckConstraint("balance = 0 OR debt = 0", name="balance_or_debt"),
    )

    user_id: Mapped[UUID] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    balance: Mapped[int] = mapped_column(BigInteger, default=0)
    debt: Mapped[int] = mapped_column(BigInteger, default=0)
    seq: Mapped[int] = mapped_column(BigInteger, default=0)
    recharged_on: Mapped[date | None] = mapped_column(Date)


class CreditEntry(db.Model):
    """One line of the ledger; a trigger refuses to change or remove it. ``seq`` has no gaps within a user.

    What an entry is worth is ``amount - debt_change``: what comes in pays a debt first, what is taken back beyond the
    balance becomes one. ``success`` is that of the work: true with its commit, false with its refund and with the
    commit of work that was cut short, else null.
    """

    __tablename__ = "credit_entry"
    __table_args__ = (
        UniqueConstraint("ref", "kind", name="uq_credit_entry_ref_kind"),
        UniqueConstraint("user_id", "seq", name="uq_credit_entry_user_id_seq"),
        CheckConstraint("balance_after = balance_before + amount AND balance_after >= 0", name="balance"),
        CheckConstraint("debt_after = debt_before + debt_change AND debt_after >= 0", name="debt"),
        Index("ix_credit_entry_job", "job_id"),
        Index("uq_credit_entry_closed", "ref", unique=True, postgresql_where=text("kind IN ('commit', 'refund')")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID]
    seq: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(String(16))
    action: Mapped[str] = mapped_column(String(32), default="")
    amount: Mapped[int] = mapped_column(BigInteger)
    balance_before: Mapped[int] = mapped_column(BigInteger)
    balance_after: Mapped[int] = mapped_column(BigInteger)
    debt_change: Mapped[int] = mapped_column(BigInteger, default=0)
    debt_before: Mapped[int] = mapped_column(BigInteger, default=0)
    debt_after: Mapped[int] = mapped_column(BigInteger, default=0)
    ref: Mapped[str] = mapped_column(String(160))
    job_id: Mapped[UUID | None]
    success: Mapped[bool | None]
    details: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.clock_timestamp())
