"""Credits of jobs, called by the features inside the transactions in which their jobs begin and end.

Every run of a job has references of its own, so that a retry reserves again what the end before it gave back.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.credits import service
from api.credits.ledger import Kind
from api.credits.models import CreditEntry
from api.credits.prices import Action, parse_prices, price_of
from api.extensions import get_settings
from api.jobs.models import Job

ROUNDING = 1e-6
"""So that a share of a third three times is the whole."""


def get_prices() -> Mapping[Action, Decimal]:
    """Return the configured table of prices."""
    return _prices(get_settings().prices)


@lru_cache(maxsize=8)
def _prices(text: str) -> Mapping[Action, Decimal]:
    return parse_prices(text)


def price(action: Action | str, quantity: float) -> int:
    """Return the credits for seconds (or pieces) of an action by the configured prices; 0 with credits off."""
    return price_of(get_prices(), action, quantity) if get_settings().credits else 0


def hold(session: Session, job: Job, action: Action, credits: int, *, again: bool = False) -> None:
    """Reserve what a part of a new job may cost; raise ``credits.insufficient``.

    :param again: the job is about to be retried. What an earlier run was charged for is not paid twice.
    """
    if not get_settings().credits or (again and is_charged(session, job, action)):
        return
    ref = reference(job, action, run=job.run + again)
    left = max(0, credits - paid_before(session, job, action))
    service.reserve(session, job.owner_id, left, ref=ref, action=action.value, job_id=job.id)


def raise_to(session: Session, job: Job, action: Action, credits: int) -> None:
    """Raise what is held now that the work is known to be larger; raise ``credits.insufficient``."""
    service.extend(session, reference(job, action), credits)


def charge(session: Session, job: Job, action: Action, credits: int) -> None:
    """Charge a part of the job whose result is there for what it really used, and give the rest back."""
    service.commit(session, reference(job, action), max(0, credits - paid_before(session, job, action)))


def charge_share(session: Session, job: Job, action: Action, *, done: float, kept: float) -> None:
    """Charge a part of the job that was cut short for what was done, rounded down, and give the rest back.

    :param done: how much was done, 0..1, :param kept: how much of the whole a retry will find there.
    """
    ref, before = reference(job, action), paid_before(session, job, action)
    whole = service.held_by(session, ref) + before
    credits, lasting = (_worth(whole, share, before) for share in (done, kept))
    if credits:
        service.commit_part(session, ref, credits, kept=lasting)
    else:
        service.refund(session, ref)


def worth_of(session: Session, job: Job, action: Action, done: float) -> int:
    """Return what :func:`charge_share` would charge now for a share of a part, 0..1."""
    before, held = paid_before(session, job, action), service.held_by(session, reference(job, action))
    return min(held, _worth(held + before, done, before))


def _worth(whole: int, share: float, paid_before: int) -> int:
    return max(0, int(whole * share + ROUNDING) - paid_before)


def give_back(session: Session, job: Job, action: Action) -> None:
    """Give back what a part holds that came to nothing; one that was charged stays so."""
    service.refund(session, reference(job, action))


def is_charged(session: Session, job: Job, action: Action) -> bool:
    """Tell whether an earlier run was charged for this part, whose result is kept."""
    return any(service.KEPT not in details for details in _charges(session, job, action))


def paid_before(session: Session, job: Job, action: Action) -> int:
    """Return what runs that were cut short paid for work that need not be done again."""
    if job.run == 1 and job.started_at is None:
        return 0  # no run has been cut short
    return sum(details.get(service.KEPT, 0) for details in _charges(session, job, action))


def _charges(session: Session, job: Job, action: Action) -> list[dict[str, Any]]:
    """Return the details of what the job's runs so far were charged for a part."""
    refs = [reference(job, action, run=run) for run in range(1, job.run + 1)]
    chosen = select(CreditEntry.details).where(CreditEntry.ref.in_(refs), CreditEntry.kind == Kind.COMMIT.value)
    return list(session.scalars(chosen))


def reference(job: Job, action: Action, *, run: int | None = None) -> str:
    """Name what a run of a job holds for an action; renders of all sizes are one."""
    return f"job:{job.id}:{run or job.run}:{action.value.partition('.')[0]}"
