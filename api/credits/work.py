"""Credits of jobs, called by the features inside the transactions in which their jobs begin and end.

Every run of a job has references of its own, so that a retry reserves again what the end before it gave back.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache

from sqlalchemy.orm import Session

from api.credits import service
from api.credits.ledger import Kind, find_entry
from api.credits.prices import Action, parse_prices, price_of
from api.extensions import get_settings
from api.jobs.models import Job


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
    service.reserve(session, job.owner_id, credits, ref=ref, action=action.value, job_id=job.id)


def raise_to(session: Session, job: Job, action: Action, credits: int) -> None:
    """Raise what is held now that the work is known to be larger; raise ``credits.insufficient``."""
    service.extend(session, reference(job, action), credits)


def charge(session: Session, job: Job, action: Action, credits: int) -> None:
    """Charge a part of the job whose result is there for what it really used, and give the rest back."""
    service.commit(session, reference(job, action), credits)


def give_back(session: Session, job: Job, action: Action) -> None:
    """Give back what a part holds that came to nothing; one that was charged stays so."""
    service.refund(session, reference(job, action))


def is_charged(session: Session, job: Job, action: Action) -> bool:
    """Tell whether an earlier run was charged for this part, whose result is kept."""
    refs = [reference(job, action, run=run) for run in range(1, job.run + 1)]
    return find_entry(session, refs, Kind.COMMIT) is not None


def reference(job: Job, action: Action, *, run: int | None = None) -> str:
    """Name what a run of a job holds for an action; renders of all sizes are one."""
    return f"job:{job.id}:{run or job.run}:{action.value.partition('.')[0]}"
