"""Rings the bells that are due. Any number of dispatchers may run: each takes rows that no other one holds."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from api.farm.admission import paused_tasks
from api.jobs.models import Job, OutboxBell, Step
from api.jobs.outbox import mark_rung
from api.jobs.publish import BROKER_ERRORS, Publisher
from api.jobs.states import TERMINAL, StepState
from tasks.names import TaskName

logger = logging.getLogger(__name__)

BATCH = 100
KNOWN_TASKS = frozenset(task.value for task in TaskName)


@dataclass(frozen=True)
class Round:
    """What one round did. ``broker_away``: it stopped early, and every bell not rung is still due."""

    rung: int = 0
    dropped: int = 0
    broker_away: bool = False

    @property
    def full(self) -> bool:
        """Whether more may be due already."""
        return not self.broker_away and self.rung + self.dropped >= BATCH


def dispatch(session: Session, publisher: Publisher, *, rering_s: float) -> Round:
    """Ring one batch of due bells and commit; drop those whose step is no longer queued."""
    due = lock_due(session)
    if not due:
        session.rollback()
        return Round()
    waiting = find_waiting(session, due)
    dropped = [step_id for step_id in due if step_id not in waiting]
    if dropped:
        session.execute(delete(OutboxBell).where(OutboxBell.step_id.in_(dropped)))
    rung, away = ring_all(publisher, [waiting[step_id] for step_id in due if step_id in waiting])
    if rung:
        mark_rung(session, rung, rering_s=rering_s)
    session.commit()
    return Round(len(rung), len(dropped), away)


def lock_due(session: Session) -> list[UUID]:
    """Lock bells that are due, most urgent first, and return their steps. Those of paused queues wait."""
    due = select(OutboxBell.step_id).where(OutboxBell.due_at <= func.now())
    paused = paused_tasks(session)
    if paused:
        due = due.join(Step, Step.id == OutboxBell.step_id).where(Step.task.not_in(paused))
    ordered = due.order_by(OutboxBell.priority, OutboxBell.due_at).limit(BATCH)
    return list(session.scalars(ordered.with_for_update(skip_locked=True, of=OutboxBell)))


@dataclass(frozen=True)
class Waiting:
    """A queued step of a job that goes on."""

    step_id: UUID
    job_id: UUID
    task: str
    attempt: int
    priority: int


def find_waiting(session: Session, step_ids: list[UUID]) -> dict[UUID, Waiting]:
    """Return those of the steps that still wait to be claimed.

    A statement of its own, after the rows are locked: what it does not see as queued can only be rung anew by a
    transaction that waits for our lock, and then adds its row after we have dropped ours.
    """
    chosen = select(Step.id, Step.job_id, Step.task, Step.attempt, Job.priority).join(Job)
    alive = chosen.where(
        Step.id.in_(step_ids), Step.state == StepState.QUEUED.value, Job.state.not_in(sorted(TERMINAL))
    )
    return {row.id: Waiting(*row) for row in session.execute(alive)}


def ring_all(publisher: Publisher, steps: list[Waiting]) -> tuple[list[UUID], bool]:
    """Ring the steps in order until the broker fails; return those rung and whether it failed.

    A task that this version does not know counts as rung: its bell is put off, for an engine that knows it.
    """
    rung: list[UUID] = []
    for step in steps:
        if step.task not in KNOWN_TASKS:
            logger.error("task unknown here", extra={"task_name": step.task, "step_id": str(step.step_id)})
            rung.append(step.step_id)
            continue
        try:
            bell = publisher.bell(
                step.step_id, step.attempt, job_id=step.job_id, task=step.task, priority=step.priority
            )
            publisher.send(bell)
        except BROKER_ERRORS as error:
            logger.warning("broker away", extra={"error": type(error).__name__, "left": len(steps) - len(rung)})
            return rung, True
        rung.append(step.step_id)
    return rung, False
