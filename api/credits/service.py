"""Use cases of credits: reserve, extend, commit, refund, recharge, grant, deduct. Callers commit.

A reservation takes what work may cost at once; its end takes what the work really cost and gives the rest back, or
gives all of it back; work that is cut short costs the part that was done. A ref is closed once, by one of these.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.credits.ledger import TODAY, Kind, Line, find_entry, lock_account, lock_today, write
from api.credits.models import CreditAccount, CreditEntry
from api.users.models import Plan, User
from tasks.errors import InvalidInputError

HOLDING = (Kind.RESERVE.value, Kind.EXTEND.value)
MOST_CREDITS = 1_000_000_000
KEPT = "kept"
"""In the details of a commit that is only for a part of the work."""


def open_account(session: Session, user_id: UUID, *, today: date | None = None) -> CreditAccount:
    """Return a user's account, locked, with what is due of daily credits."""
    account, real_today = lock_today(session, user_id)
    recharge(session, account, today or real_today)
    return account


def utc_today(session: Session) -> date:
    """Return the day (UTC) by the database's clock."""
    today: date = session.execute(select(TODAY)).scalar_one()
    return today


def recharge(session: Session, account: CreditAccount, today: date) -> int:
    """Add the plan's credits of every due day up to the plan's ceiling; return how many credits came.

    A day is due once, whether anybody was there at midnight or not; an account begins with the day it is made on.
    """
    if account.recharged_on is not None and account.recharged_on >= today:
        return 0
    plan = session.execute(select(Plan).join(User).where(User.id == account.user_id)).scalar_one()
    day = today if account.recharged_on is None else account.recharged_on + timedelta(days=1)
    before, account.recharged_on = account.balance - account.debt, today
    while day <= today:
        worth = min(plan.credits_per_day, plan.credit_ceiling - account.balance)
        if worth <= 0:
            break
        ref = f"recharge:{account.user_id}:{day.isoformat()}"
        write(session, account, Line(Kind.RECHARGE, worth, ref, details={"plan": plan.code, "day": day.isoformat()}))
        day += timedelta(days=1)
    session.flush()
    return account.balance - account.debt - before


def reserve(
    session: Session, user_id: UUID, credits: int, *, ref: str, action: str, job_id: UUID | None = None
) -> CreditEntry:
    """Take what work may cost, once per ref; raise ``credits.insufficient``."""
    account = open_account(session, user_id)
    return write(session, account, Line(Kind.RESERVE, -require_amount(credits, 0), ref, action, job_id))


def extend(session: Session, ref: str, credits: int) -> None:
    """Raise a reservation to ``credits`` once its work turns out larger; less, or a closed one, changes nothing.

    Raises ``credits.insufficient``.
    """
    held = find_entry(session, ref, Kind.RESERVE)
    if held is None or find_entry(session, ref, Kind.COMMIT, Kind.REFUND) is not None:
        return
    account = lock_account(session, held.user_id)
    missing = credits - held_by(session, ref)
    if missing > 0:
        write(session, account, Line(Kind.EXTEND, -missing, ref, held.action, held.job_id))


def commit(session: Session, ref: str, credits: int) -> int:
    """Charge what was really used, at most what is held, and give the rest back; return what was charged."""
    return _close(session, ref, Kind.COMMIT, used=require_amount(credits, 0), told={})


def commit_part(session: Session, ref: str, credits: int, *, kept: int) -> int:
    """Charge work that was cut short for what was done, at most what is held; return what was charged.

    :param kept: how much of that is for what need not be done again.
    """
    used = require_amount(credits, 0)
    return _close(session, ref, Kind.COMMIT, used=used, told={KEPT: min(require_amount(kept, 0), used)})


def refund(session: Session, ref: str) -> int:
    """Give everything back that a ref holds, once; return 0, which is what was charged."""
    return _close(session, ref, Kind.REFUND, used=0, told={})


def _close(session: Session, ref: str, kind: Kind, *, used: int, told: dict[str, int]) -> int:
    held = find_entry(session, ref, Kind.RESERVE)
    if held is None or not is_account(session, held.user_id):
        return 0
    account = lock_account(session, held.user_id)
    if find_entry(session, ref, Kind.COMMIT, Kind.REFUND) is not None:
        return 0
    holds = held_by(session, ref)
    charged = min(used, holds)
    details = {"reserved": holds, "charged": charged, **told}
    success = kind is Kind.COMMIT and KEPT not in told
    write(session, account, Line(kind, holds - charged, ref, held.action, held.job_id, success, details))
    return charged


def is_account(session: Session, user_id: UUID) -> bool:
    """Tell whether the user is still there; nothing is given back to one who was deleted."""
    return session.get(CreditAccount, user_id) is not None


def held_by(session: Session, ref: str) -> int:
    """Return what was taken for a ref."""
    taken = select(func.coalesce(func.sum(CreditEntry.debt_change - CreditEntry.amount), 0))
    return int(session.execute(taken.where(CreditEntry.ref == ref, CreditEntry.kind.in_(HOLDING))).scalar_one())


def grant(
    session: Session, user_id: UUID, credits: int, *, ref: str, kind: Kind = Kind.GRANT, details: dict[str, Any]
) -> CreditEntry:
    """Add credits, whatever the plan's ceiling; a debt is paid first."""
    account = open_account(session, user_id)
    return write(session, account, Line(kind, require_amount(credits, 1), ref, details=details))


def deduct(session: Session, user_id: UUID, credits: int, *, ref: str, details: dict[str, Any]) -> CreditEntry:
    """Take credits away; raise ``credits.insufficient`` rather than owe."""
    account = open_account(session, user_id)
    return write(session, account, Line(Kind.DEDUCT, -require_amount(credits, 1), ref, details=details))


def take_back(session: Session, user_id: UUID, credits: int, *, ref: str, details: dict[str, Any]) -> CreditEntry:
    """Take back credits whose money went back; what the balance does not hold is written down as a debt."""
    account = open_account(session, user_id)
    return write(session, account, Line(Kind.REVERSAL, -require_amount(credits, 1), ref, details=details))


def require_amount(credits: int, least: int) -> int:
    """Return the amount or raise ``credits.bad_amount``."""
    if not least <= credits <= MOST_CREDITS:
        raise InvalidInputError("credits.bad_amount", f"An amount is a whole number from {least} to {MOST_CREDITS}")
    return credits
