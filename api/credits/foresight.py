"""What cancelling or retrying jobs would do to their owners' credits, before it is done; locks nothing.

What is charged for work that is cut short only its feature can tell: those that charge for a part register here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Select, String, cast, func, or_, select
from sqlalchemy.orm import Session, aliased

from api.credits import service
from api.credits.ledger import Kind
from api.credits.models import CreditAccount, CreditEntry
from api.credits.prices import Action
from api.credits.work import worth_of
from api.extensions import get_settings
from api.jobs.models import Job
from api.jobs.states import JobState

CLOSING = (Kind.COMMIT.value, Kind.REFUND.value)
Jobs = Select[UUID]
"""Selects ids of jobs."""


@dataclass(frozen=True)
class CutShort:
    """What a job that is cancelled now is charged for.

    :param done: how much of an action was done, 0..1, :param kept: how much of the whole a retry will find there.
    """

    action: Action
    done: float
    kept: float


_cut_short: dict[str, Callable[[Session, Job], CutShort]] = {}
Measure = Callable[[Session, Job], CutShort]


def on_cut_short(kind: str) -> Callable[[Measure], Measure]:
    """Register ``f(session, job)``, which tells what is charged for a job of a kind that is cancelled now."""

    def register(measure: Measure) -> Measure:
        _cut_short[kind] = measure
        return measure

    return register


@dataclass(frozen=True)
class Effect:
    """Credits that would move.

    :param reserved: what retries take until they end, :param short_owner_count: owners whose balance does not hold it.
    :param charged: for what was done of jobs that are cancelled, :param refunded: what these give back.
    """

    reserved: int = 0
    short_owner_count: int = 0
    charged: int = 0
    refunded: int = 0


def foresee_cancel(session: Session, jobs: Jobs) -> Effect:
    """Say what cancelling active jobs would give back, and charge for what was done of them."""
    closing = aliased(CreditEntry)
    is_closed = select(closing.id).where(closing.ref == CreditEntry.ref, closing.kind.in_(CLOSING)).exists()
    taken = select(func.coalesce(func.sum(CreditEntry.debt_change - CreditEntry.amount), 0))
    held = taken.where(CreditEntry.job_id.in_(jobs), CreditEntry.kind.in_(service.HOLDING), ~is_closed)
    begun = or_(Job.state == JobState.RUNNING.value, Job.run > 1)
    chosen = select(Job).where(Job.id.in_(jobs), Job.kind.in_(sorted(_cut_short)), begun)
    charged = sum(charge_for(session, job) for job in session.scalars(chosen).all())
    return Effect(charged=charged, refunded=int(session.execute(held).scalar_one()) - charged)


def charge_for(session: Session, job: Job) -> int:
    """Return what a job is charged if it is cancelled now."""
    work = _cut_short[job.kind](session, job)
    return worth_of(session, job, work.action, work.done)


def foresee_retry(session: Session, jobs: Jobs) -> Effect:
    """Say what retrying ended jobs would reserve: what their last run held, less what was paid for parts that are kept.

    By the prices of that run: where they were changed since, a retry reserves by the new ones.
    """
    if not get_settings().credits:
        return Effect()
    kept = CreditEntry.details[service.KEPT].astext
    again = _number(CreditEntry.details["reserved"].astext) - func.coalesce(_number(kept), 0)
    of_last_run = CreditEntry.ref.startswith(
        func.concat("job:", cast(Job.id, String), ":", cast(Job.run, String), ":"), autoescape=False
    )
    by_owner = (
        select(CreditEntry.user_id, func.sum(again).label("needed"))
        .join(Job, Job.id == CreditEntry.job_id)
        .where(Job.id.in_(jobs), of_last_run)
        .where(or_(CreditEntry.kind == Kind.REFUND.value, (CreditEntry.kind == Kind.COMMIT.value) & kept.is_not(None)))
        .group_by(CreditEntry.user_id)
        .subquery()
    )
    is_short = by_owner.c.needed > CreditAccount.balance
    query = select(func.coalesce(func.sum(by_owner.c.needed), 0), func.count().filter(is_short))
    query = query.select_from(by_owner).join(CreditAccount, CreditAccount.user_id == by_owner.c.user_id)
    reserved, short = session.execute(query).one()
    return Effect(reserved=int(reserved), short_owner_count=short)


def _number(text: Any) -> Any:
    return cast(text, BigInteger)
