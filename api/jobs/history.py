"""Forgetting how old jobs went: their events but the last, and their attempts. The jobs and their steps stay.

The last event stays so that a stream of an old job still tells its end, and ends.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from api.jobs.engine import database_now
from api.jobs.models import Attempt, Event, Job, Step

BATCH = 200


def sweep(session: Session, *, days: int) -> int:
    """Trim jobs that ended more than ``days`` ago, in batches; return how many. Commits.

    A job that somebody retried and that ended again is trimmed again in its time.
    """
    before, total = database_now(session) - timedelta(days=days), 0
    old = select(Job.id).where(Job.finished_at < before, Job.trimmed_run < Job.run).order_by(Job.finished_at)
    while jobs := list(session.scalars(old.limit(BATCH).with_for_update(skip_locked=True, key_share=True))):
        told = (Event.job_id == Job.id) & (Event.seq < Job.event_seq) & Job.id.in_(jobs)
        session.execute(delete(Event).where(told).execution_options(synchronize_session=False))
        steps = select(Step.id).where(Step.job_id.in_(jobs))
        tried = delete(Attempt).where(Attempt.step_id.in_(steps), Attempt.outcome.is_not(None))
        session.execute(tried.execution_options(synchronize_session=False))
        trimmed = update(Job).where(Job.id.in_(jobs)).values(trimmed_run=Job.run)
        session.execute(trimmed.execution_options(synchronize_session=False))
        session.commit()
        total += len(jobs)
    session.rollback()
    return total
