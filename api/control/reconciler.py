"""Finds work that nobody is doing and puts it right: one rule for each way a job can be stuck.

Any number of reconcilers may run; an advisory lock lets one work at a time. Every finding is judged again under its
job's lock, in a transaction of its own, so that one broken job does not hold the others up.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Engine, Select, func, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from api.jobs.attempts import expire_lease
from api.jobs.engine import begin_change, finish_if_done, lock_job, read_steps, ready_steps, ring, settle
from api.jobs.holding import hold_step
from api.jobs.metrics import QUEUES
from api.jobs.models import Job, OutboxBell, Step
from api.jobs.publish import BROKER_ERRORS, Publisher
from api.jobs.states import ACTIVE, TERMINAL, TERMINAL_STEP, StepState
from api.quotas import line

logger = logging.getLogger(__name__)

LOCK = 7_235_813
BATCH = 200


@contextmanager
def alone(engine: Engine) -> Iterator[bool]:
    """Hold the reconcilers' advisory lock for the block; False when another one has it."""
    with engine.connect() as connection:
        held = bool(connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": LOCK}))
        connection.commit()
        try:
            yield held
        finally:
            if held:
                connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": LOCK})
                connection.commit()


def reconcile(session: Session, *, rering_s: float) -> dict[str, int]:
    """Apply every rule once, each finding committed for itself; return how often each found something."""
    found = {
        "lease_over": apply(session, find_expired(session), take_back),
        "forgotten": apply(session, find_forgotten(session, rering_s), ring_forgotten),
        "unfinished": apply(session, find_unfinished(session), finish),
        "slot_free": apply(session, line.find_next(session), line.begin),
    }
    for rule, count in found.items():
        if count:
            logger.info("reconciled", extra={"rule": rule, "count": count})
    return found


Judge = Callable[[Session, Job, UUID], bool]


def apply(session: Session, findings: list[tuple[UUID, UUID]], judge: Judge) -> int:
    """Judge each finding (job, step) under its job's lock and commit; return how many called for action."""
    acted = 0
    for job_id, step_id in findings:
        try:
            job = lock_job(session, job_id)
            acted += bool(job is not None and judge(session, job, step_id))
            session.commit()
        except Exception as error:  # one broken job (say, an effect that raises) must not hold up the rest of the farm
            session.rollback()
            if isinstance(error, DBAPIError) and error.connection_invalidated:
                raise
            logger.exception("job cannot be reconciled", extra={"job_id": str(job_id)})
    return acted


def find_expired(session: Session) -> list[tuple[UUID, UUID]]:
    """Return running steps whose lease is over."""
    over = select(Step.job_id, Step.id).where(Step.state == StepState.RUNNING.value, Step.lease_until < func.now())
    return _pairs(session, over.order_by(Step.lease_until))


def take_back(session: Session, job: Job, step_id: UUID) -> bool:
    """Give a step whose worker fell silent to the next one, or give it up."""
    held = hold_step(session, str(job.id), str(step_id))
    return held is not None and expire_lease(held)


def find_forgotten(session: Session, rering_s: float) -> list[tuple[UUID, UUID]]:
    """Return queued steps that nobody is going to ring."""
    long_ago = func.now() - func.make_interval(0, 0, 0, 0, 0, 0, rering_s)
    chosen = select(Step.job_id, Step.id).join(Job).outerjoin(OutboxBell, OutboxBell.step_id == Step.id)
    silent = chosen.where(
        Step.state == StepState.QUEUED.value,
        Step.queued_at < long_ago,
        OutboxBell.step_id.is_(None),
        Job.state.in_(ACTIVE),
        ~blocked(),
    )
    return _pairs(session, silent.order_by(Step.queued_at))


def blocked() -> ColumnElement[bool]:
    """Return the condition that a step still waits for another one of its job."""
    other = Step.__table__.alias("other")
    waits = (other.c.job_id == Step.job_id) & (other.c.name == Step.after.any_()) & (other.c.state != "succeeded")
    return select(other.c.id).where(waits).exists()


def ring_forgotten(session: Session, job: Job, step_id: UUID) -> bool:
    """Put a bell for a step that is ready and has none."""
    steps = {step.id: step for step in read_steps(session, job)}
    if job.state in TERMINAL or step_id not in {step.id for step in ready_steps(list(steps.values()))}:
        return False
    change, step = begin_change(session, job), steps[step_id]
    ring(change, [step], step.run_after or change.now)
    settle(change)
    return True


def find_unfinished(session: Session) -> list[tuple[UUID, UUID]]:
    """Return jobs that go on although no step of theirs does."""
    going_on = select(Step.id).where(Step.job_id == Job.id, Step.state.not_in(sorted(TERMINAL_STEP))).exists()
    chosen = select(Job.id, Job.id).where(Job.state.in_(ACTIVE), ~going_on)
    return _pairs(session, chosen)


def finish(session: Session, job: Job, _: UUID) -> bool:
    """End a job whose steps have all ended."""
    if job.state in TERMINAL:
        return False
    change = begin_change(session, job)
    ended = finish_if_done(change, read_steps(session, job))
    settle(change)
    return ended


def ring_lost(session: Session, publisher: Publisher, *, rering_s: float) -> int:
    """Ring at once what waits in queues that the broker has empty, since those bells were lost; commit.

    Without it a broker that was emptied would be made good only as the doubling pauses of the bells run out.
    """
    long_ago = func.now() - func.make_interval(0, 0, 0, 0, 0, 0, rering_s)
    rung = select(Step.task).join(OutboxBell, OutboxBell.step_id == Step.id).distinct()
    late = (OutboxBell.sent_at < long_ago, OutboxBell.due_at > func.now(), Step.state == StepState.QUEUED.value)
    tasks = list(session.scalars(rung.where(*late)))
    session.rollback()
    empty = [task for task in tasks if is_empty(publisher, task)]
    if not empty:
        return 0
    lost = select(OutboxBell.step_id).join(Step, Step.id == OutboxBell.step_id).where(*late, Step.task.in_(empty))
    again = update(OutboxBell).where(OutboxBell.step_id.in_(lost.limit(BATCH))).values(due_at=func.now(), tries=0)
    count = len(session.scalars(again.returning(OutboxBell.step_id)).all())
    session.commit()
    if count:
        logger.warning("bells lost by the broker", extra={"count": count})
    return count


def is_empty(publisher: Publisher, task: str) -> bool:
    """Tell whether the broker has no message in a task's queue; False when it cannot be asked."""
    try:
        return task in QUEUES and publisher.depth(QUEUES[task]) == 0
    except BROKER_ERRORS:
        return False


def _pairs(session: Session, chosen: Select[*tuple[Any, ...]]) -> list[tuple[UUID, UUID]]:
    pairs = [(row[0], row[1]) for row in session.execute(chosen.limit(BATCH))]
    session.rollback()
    return pairs
