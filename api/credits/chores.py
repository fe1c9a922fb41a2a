"""What the control worker does about credits every hour; any number of them may, at once."""

from __future__ import annotations

import logging
from datetime import date

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from api.credits.ledger import find_imbalances
from api.credits.models import CreditAccount
from api.credits.service import recharge, utc_today
from api.users.models import User

logger = logging.getLogger(__name__)

BATCH = 200


def recharge_all(session: Session, *, today: date | None = None) -> int:
    """Give every account what is due of daily credits; return how many accounts were seen to. Commits.

    An account that somebody else holds is left out: its own next use recharges it, or the next round.
    """
    today, count = today or utc_today(session), 0
    overdue = or_(CreditAccount.recharged_on.is_(None), CreditAccount.recharged_on < today)
    closed = select(User.id).where(User.closed_at.is_not(None))
    due = (
        select(CreditAccount)
        .where(overdue, CreditAccount.user_id.not_in(closed))
        .order_by(CreditAccount.user_id)
        .limit(BATCH)
    )
    while True:
        chosen = due.with_for_update(skip_locked=True).execution_options(populate_existing=True)
        accounts = session.scalars(chosen).all()
        for account in accounts:
            recharge(session, account, today)
        session.commit()
        count += len(accounts)
        if not accounts:
            return count


def check_ledger(session: Session) -> int:
    """Log every account whose book does not add up; return how many there are."""
    found = find_imbalances(session)
    for one in found:
        logger.error(
            "ledger out of balance",
            extra={"user_id": str(one.user_id), "balance": one.balance, "written": one.written_balance},
        )
    session.rollback()
    return len(found)
