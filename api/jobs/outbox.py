"""The bells that are still to be rung, one for each step that waits to be claimed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from api.jobs.models import Job, OutboxBell, Step

LONGEST_RERING_S = 900.0


def ring(session: Session, job: Job, steps: Iterable[Step], due_at: datetime) -> None:
    """Have the steps rung at a time, as if never rung before."""
    rows = [
        {"step_id": step.id, "job_id": job.id, "priority": job.priority, "due_at": due_at, "tries": 0} for step in steps
    ]
    if not rows:
        return
    statement = insert(OutboxBell).values(rows)
    renewed = {
        "due_at": statement.excluded.due_at,
        "priority": statement.excluded.priority,
        "sent_at": None,
        "tries": 0,
    }
    session.execute(statement.on_conflict_do_update(index_elements=["step_id"], set_=renewed))


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
