"""The bells that are still to be rung, one for each step that waits to be claimed."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from uuid import UUID

from sqlalchemy import Float, Select, Update, Uuid, any_, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from api.jobs.models import OutboxBell
from api.prepared import PREPARED
from tasks.names import POLICY, Queue

LONGEST_RERING_S = 900.0
QUEUES = {task.value: policy.queue for task, policy in POLICY.items()}


def queue_of(task: str) -> str:
    """Name the queue of a task; one that this version does not know is kept apart."""
    return QUEUES[task].value if task in QUEUES else Queue.CONTROL.value


@lru_cache(maxsize=1)
def hurrying() -> Update:
    """Return the statement that makes bells of ``steps`` due now."""
    hung = OutboxBell.step_id == any_(bindparam("steps", type_=ARRAY(Uuid)))
    made = update(OutboxBell).where(hung, OutboxBell.due_at > func.clock_timestamp())
    return made.values(due_at=func.clock_timestamp()).execution_options(synchronize_session=False)


def hurry(session: Session, bell_ids: Iterable[UUID]) -> None:
    """Have bells stand in line now, without the time that the chain has to ring them."""
    session.execute(hurrying(), {"steps": list(bell_ids)})


def mark_rung(session: Session, bell_ids: Iterable[UUID], *, rering_s: float) -> None:
    """Note that bells were rung: each is due again after ``rering_s``, doubling, should nobody have come by then."""
    steps = list(bell_ids)
    if steps:
        session.execute(marking(), {"steps": steps, "rering_s": rering_s})


@lru_cache(maxsize=1)
def marking() -> Update:
    """Return the statement that notes of the bells of ``steps`` that they were rung, to be due after ``rering_s``."""
    pause_s = func.least(LONGEST_RERING_S, bindparam("rering_s", type_=Float) * func.power(2, OutboxBell.tries))
    rung = (
        update(OutboxBell)
        .where(OutboxBell.step_id == any_(bindparam("steps", type_=ARRAY(Uuid))))
        .values(
            sent_at=func.clock_timestamp(),
            tries=OutboxBell.tries + 1,
            due_at=func.clock_timestamp() + func.make_interval(0, 0, 0, 0, 0, 0, pause_s),
        )
    )
    return rung.execution_options(synchronize_session=False)


def lock_unrung(session: Session, job_id: UUID) -> list[UUID]:
    """Lock the bells of a job that nobody has rung yet, leaving those a dispatcher is ringing; return their steps."""
    return list(session.scalars(select_unrung(), {"job_id": job_id}))


@lru_cache(maxsize=1)
def select_unrung() -> Select[UUID]:
    """Select and lock the bells of the job ``job_id`` that nobody has rung."""
    chosen = select(OutboxBell.step_id).where(OutboxBell.job_id == bindparam("job_id"), OutboxBell.sent_at.is_(None))
    return chosen.with_for_update(skip_locked=True).execution_options(**PREPARED)
