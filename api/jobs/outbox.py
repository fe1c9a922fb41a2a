"""The bells that are still to be rung, one for each step that waits to be claimed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from api.jobs.models import Job, OutboxBell, Step
from tasks.names import POLICY, Queue

LONGEST_RERING_S = 900.0
QUEUES = {task.value: policy.queue for task, policy in POLICY.items()}


def ring(session: Session, job: Job, steps: Iterable[Step], due_at: datetime, *, paid: bool = False) -> None:
    """Have the steps rung at a time, as if never rung before.

    :param paid: they were rung before all the same: they go on before what else their owner asked for.
    """
    common = {"job_id": job.id, "owner_id": job.owner_id, "priority": job.priority}
    rows = [
        {**common, "step_id": step.id, "queue": queue_of(step.task), "due_at": due_at, "tries": 0, "paid": paid}
        for step in steps
    ]
    if not rows:
        return
    statement = insert(OutboxBell).values(rows)
    renewed = {
        "due_at": statement.excluded.due_at,
        "priority": statement.excluded.priority,
        "paid": statement.excluded.paid,
        "sent_at": None,
        "tries": 0,
        "turn": None,
        "arrived_at": None,
        "parked_on": None,
    }
    session.execute(statement.on_conflict_do_update(index_elements=["step_id"], set_=renewed))


def queue_of(task: str) -> str:
    """Name the queue of a task; one that this version does not know is kept apart."""
    return QUEUES[task].value if task in QUEUES else Queue.CONTROL.value


def hurry(session: Session, bell_ids: Iterable[UUID]) -> None:
    """Have bells stand in line now, without the time that the chain has to ring them."""
    session.execute(
        update(OutboxBell)
        .where(OutboxBell.step_id.in_(list(bell_ids)), OutboxBell.due_at > func.clock_timestamp())
        .values(due_at=func.clock_timestamp())
        .execution_options(synchronize_session=False)
    )


def take_down(session: Session, step: Step) -> None:
    """Forget the bell of a step that was claimed."""
    session.execute(
        delete(OutboxBell).where(OutboxBell.step_id == step.id).execution_options(synchronize_session=False)
    )


def take_down_all(session: Session, job: Job) -> None:
    """Forget the bells of a job that has ended."""
    session.execute(delete(OutboxBell).where(OutboxBell.job_id == job.id).execution_options(synchronize_session=False))


def mark_rung(session: Session, bell_ids: Iterable[UUID], *, rering_s: float) -> None:
    """Note that bells were rung: each is due again after ``rering_s``, doubling, should nobody have come by then."""
    pause_s = func.least(LONGEST_RERING_S, rering_s * func.power(2, OutboxBell.tries))
    session.execute(
        update(OutboxBell)
        .where(OutboxBell.step_id.in_(list(bell_ids)))
        .values(
            sent_at=func.clock_timestamp(),
            tries=OutboxBell.tries + 1,
            due_at=func.clock_timestamp() + func.make_interval(0, 0, 0, 0, 0, 0, pause_s),
        )
        .execution_options(synchronize_session=False)
    )


def lock_unrung(session: Session, job_id: UUID) -> list[UUID]:
    """Lock the bells of a job that nobody has rung yet, leaving those a dispatcher is ringing; return their steps."""
    chosen = select(OutboxBell.step_id).where(OutboxBell.job_id == job_id, OutboxBell.sent_at.is_(None))
    return list(session.scalars(chosen.with_for_update(skip_locked=True)))
