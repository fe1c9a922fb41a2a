"""The one place that moves credits: lock the account, write the line, bring the balance up to it.

Every line is written with its account's row locked, always after quotas when both are touched; what a line is worth
is decided from the row as it is then. A second line with the same ``(ref, kind)`` changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from api.credits.models import CreditAccount, CreditEntry
from api.errors import ApiError
from api.jobs.publish import wake_after_commit
from api.live.models import Topic
from api.live.telling import tell_live
from api.webhooks.outbox import announce_credits
from tasks.errors import PermanentError


class Kind(StrEnum):
    """What a line of the ledger is."""

    RESERVE = "reserve"
    EXTEND = "extend"
    COMMIT = "commit"
    REFUND = "refund"
    RECHARGE = "recharge"
    GRANT = "grant"
    DEDUCT = "deduct"
    PURCHASE = "purchase"
    SUBSCRIPTION = "subscription"
    REVERSAL = "reversal"


CHANGED = "user_credits_changed"
"""What clients are told when a line was written."""
TODAY = func.date(func.timezone("UTC", func.clock_timestamp()))

SPENDING = frozenset({Kind.RESERVE, Kind.EXTEND, Kind.DEDUCT})
"""Lines that are refused when the balance does not hold them."""


class InsufficientCreditsError(ApiError, PermanentError):
    """Raised when a balance does not hold what is asked of it; details carry needed, available and debt."""


@dataclass(frozen=True)
class Line:
    """What is to be written: ``worth`` is what the user gains, or loses when negative."""

    kind: Kind
    worth: int
    ref: str
    action: str = ""
    job_id: UUID | None = None
    success: bool | None = None
    details: dict[str, Any] = field(default_factory=dict)


def lock_account(session: Session, user_id: UUID) -> CreditAccount:
    """Return a user's account locked and as it is now; make it when there is none."""
    return lock_today(session, user_id)[0]


def lock_today(session: Session, user_id: UUID) -> tuple[CreditAccount, date]:
    """Return the locked account together with the day (UTC) by the database's clock."""
    chosen = select(CreditAccount, TODAY).where(CreditAccount.user_id == user_id).with_for_update(of=CreditAccount)
    chosen = chosen.execution_options(populate_existing=True)
    found = session.execute(chosen).one_or_none()
    if found is None:
        row = insert(CreditAccount).values(user_id=user_id, balance=0, debt=0, seq=0)
        session.execute(row.on_conflict_do_nothing())
        found = session.execute(chosen).one()
    return found[0], found[1]


def find_entry(session: Session, ref: str, *kinds: Kind) -> CreditEntry | None:
    """Return a line of a ref that is of one of the kinds."""
    chosen = select(CreditEntry).where(CreditEntry.ref == ref, CreditEntry.kind.in_([kind.value for kind in kinds]))
    return session.scalars(chosen.limit(1)).one_or_none()


def write(session: Session, account: CreditAccount, line: Line) -> CreditEntry:
    """Write a line into a locked account's ledger and flush; return the one there is if it was written before.

    Raises ``credits.insufficient`` for spending that the balance does not hold.
    """
    found = find_entry(session, line.ref, line.kind)
    if found is not None:
        return found
    if line.kind in SPENDING and account.balance + line.worth < 0:
        refuse(account, needed=-line.worth, action=line.action)
    net = account.balance - account.debt + line.worth
    balance, debt = max(net, 0), max(-net, 0)
    entry = CreditEntry(
        user_id=account.user_id,
        seq=account.seq + 1,
        kind=line.kind.value,
        action=line.action,
        amount=balance - account.balance,
        balance_before=account.balance,
        balance_after=balance,
        debt_change=debt - account.debt,
        debt_before=account.debt,
        debt_after=debt,
        ref=line.ref,
        job_id=line.job_id,
        success=line.success,
        details=line.details,
    )
    account.balance, account.debt, account.seq = balance, debt, entry.seq
    session.add(entry)
    session.flush()
    announce_credits(session, account.user_id, entry.seq, entry.created_at, told_of(entry))
    tell_live(session, account.user_id, Topic.CREDITS, CHANGED, change_of(entry))
    wake_after_commit(session, account.user_id)
    return entry


def told_of(entry: CreditEntry) -> dict[str, Any]:
    """Return what webhooks tell of a line."""
    names = ("seq", "kind", "action", "amount", "balance_after", "debt_after", "success")
    return {**{name: getattr(entry, name) for name in names}, "job_id": str(entry.job_id) if entry.job_id else None}


def change_of(entry: CreditEntry) -> dict[str, Any]:
    """Return what live streams tell of a line."""
    return {
        "balance": entry.balance_after,
        "change": entry.amount,
        "debt": entry.debt_after,
        "kind": entry.kind,
        "action": entry.action,
        "job_id": str(entry.job_id) if entry.job_id else None,
        "at": entry.created_at.isoformat(),
    }


def refuse(account: CreditAccount, *, needed: int, action: str) -> None:
    """Raise ``credits.insufficient`` with what a client needs to know."""
    details = {"needed": needed, "available": account.balance, "debt": account.debt, "action": action}
    message = f"This takes {needed} credits; {account.balance} are there"
    raise InsufficientCreditsError("credits.insufficient", message, details)


@dataclass(frozen=True)
class Imbalance:
    """An account whose book does not add up."""

    user_id: UUID
    balance: int
    debt: int
    written_balance: int
    written_debt: int
    lines: int


def find_imbalances(session: Session) -> list[Imbalance]:
    """Return every account whose balance, debt or count is not that of its ledger; none, always."""
    sums = (
        select(
            CreditEntry.user_id,
            func.sum(CreditEntry.amount).label("amount"),
            func.sum(CreditEntry.debt_change).label("debt"),
            func.count().label("lines"),
        )
        .group_by(CreditEntry.user_id)
        .subquery()
    )
    written = [func.coalesce(column, 0) for column in (sums.c.amount, sums.c.debt, sums.c.lines)]
    held = (CreditAccount.balance, CreditAccount.debt, CreditAccount.seq)
    query = (
        select(CreditAccount.user_id, CreditAccount.balance, CreditAccount.debt, *written)
        .join(sums, sums.c.user_id == CreditAccount.user_id, isouter=True)
        .where(or_(*(is_held != is_written for is_held, is_written in zip(held, written, strict=True))))
    )
    return [Imbalance(row[0], *(int(value) for value in row[1:])) for row in session.execute(query)]
