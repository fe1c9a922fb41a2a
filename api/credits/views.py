"""Reading credits: the account as it is, the ledger in pages, its changes as events."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session, aliased

from api.credits.ledger import CHANGED, Kind, change_of
from api.credits.models import CreditAccount, CreditEntry
from api.credits.prices import UNITS
from api.credits.service import HOLDING, open_account, utc_today
from api.credits.work import get_prices
from api.events.stream import BATCH, Batch, StoredEvent
from api.extensions import get_settings
from api.users.models import User
from tasks.errors import InvalidInputError

CLOSING = (Kind.COMMIT.value, Kind.REFUND.value)


def describe_account(session: Session, user: User) -> dict[str, Any]:
    """Say what a user has; what is due of daily credits comes first. The caller commits."""
    account = open_account(session, user.id)
    tomorrow = utc_today(session) + timedelta(days=1)
    return {
        "enabled": get_settings().credits,
        "plan": user.plan_code,
        "balance": account.balance,
        "held": held_now(session, user.id),
        "debt": account.debt,
        "credits_per_day": user.plan.credits_per_day,
        "credit_ceiling": user.plan.credit_ceiling,
        "next_recharge_at": datetime.combine(tomorrow, time(), tzinfo=UTC),
        "prices": [
            {"action": action.value, "unit": UNITS[action].value, "credits": float(price)}
            for action, price in get_prices().items()
        ],
    }


def held_now(session: Session, user_id: UUID) -> int:
    """Return what work that has not ended holds."""
    closing = aliased(CreditEntry)
    closed = select(closing.id).where(closing.ref == CreditEntry.ref, closing.kind.in_(CLOSING)).exists()
    taken = select(func.coalesce(func.sum(-CreditEntry.amount), 0))
    taken = taken.where(CreditEntry.user_id == user_id, CreditEntry.kind.in_(HOLDING), ~closed)
    return int(session.execute(taken).scalar_one())


def list_history(session: Session, user_id: UUID, query: dict[str, Any]) -> dict[str, Any]:
    """Return a page of a user's ledger, newest first.

    :param query: as loaded by ``CreditHistoryQuery``. Raises ``request.bad_cursor``.
    """
    chosen = select(CreditEntry).where(CreditEntry.user_id == user_id)
    for name in ("kind", "job_id"):
        if query.get(name) is not None:
            chosen = chosen.where(getattr(CreditEntry, name) == query[name])
    if query.get("since") is not None:
        chosen = chosen.where(CreditEntry.created_at >= query["since"])
    if query.get("until") is not None:
        chosen = chosen.where(CreditEntry.created_at < query["until"])
    if query.get("cursor"):
        chosen = chosen.where(CreditEntry.seq < read_cursor(query["cursor"]))
    limit = query["limit"]
    rows = list(session.scalars(chosen.order_by(CreditEntry.seq.desc()).limit(limit + 1)))
    return {"items": rows[:limit], "next_cursor": str(rows[limit - 1].seq) if len(rows) > limit else None}


def read_cursor(cursor: str) -> int:
    """Return the number that a page's cursor names, or raise ``request.bad_cursor``."""
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):
        raise InvalidInputError("request.bad_cursor", "The cursor is not one that a page gave")
    return int(cursor)


def last_change(session: Session, user_id: UUID) -> int:
    """Return the number of a user's last line; 0 without any."""
    return session.execute(select(CreditAccount.seq).where(CreditAccount.user_id == user_id)).scalar() or 0


def read_changes(engine: Engine, user_id: UUID, after: int) -> Batch:
    """Return the changes that follow ``after``; complete when the user is gone or disabled."""
    with Session(engine) as session:
        chosen = select(CreditEntry).where(CreditEntry.user_id == user_id, CreditEntry.seq > after)
        events = [describe_change(row) for row in session.scalars(chosen.order_by(CreditEntry.seq).limit(BATCH))]
        enabled = session.execute(select(User.enabled).where(User.id == user_id)).scalar()
    return Batch(events, complete=not enabled)


def describe_change(row: CreditEntry) -> StoredEvent:
    """Return a line of the ledger as an event."""
    return StoredEvent(row.seq, CHANGED, change_of(row))
