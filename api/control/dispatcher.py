"""Rings bells in the order of turns, no more of a queue than are consumed. Any number of dispatchers may run.

What waits beyond that stays in the database, where the order can still change: a broker knows only first come, first
served. Bells are marked as rung before they are: a dispatcher that dies in between has them rung again a moment later.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, Select, Uuid, any_, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Session

from api.extensions import db, get_settings
from api.jobs.engine import database_now
from api.jobs.models import Job, OutboxBell, Step
from api.jobs.outbox import mark_rung
from api.jobs.publish import BROKER_ERRORS, Publisher
from api.jobs.states import TERMINAL, StepState
from api.prepared import PREPARED
from api.turns.limits import find_full, put_aside, release
from api.turns.line import ARRIVALS, advance_clock, load_of, room_of, stamp_arrivals, standing
from api.turns.look import look
from api.turns.models import TurnQueue
from api.turns.virtual import choose
from tasks import tracing
from tasks.names import TaskName

logger = logging.getLogger(__name__)

BATCH = 100
KNOWN_TASKS = frozenset(task.value for task in TaskName)
MEMORY_S = 2.0
"""The rate at which a queue is consumed is an average over about so many seconds."""
SHORTEST_S = 0.02


@dataclass(frozen=True)
class Round:
    """What one round did. ``broker_away``: it stopped early, and every bell not rung is still due."""

    rung: int = 0
    dropped: int = 0
    broker_away: bool = False
    more: bool = field(default=False, compare=False)

    @property
    def full(self) -> bool:
        """Whether more may be due already."""
        return not self.broker_away and self.more


def dispatch(session: Session, publisher: Publisher, *, rering_s: float) -> Round:
    """Ring the next bells of every queue, as far as there is room, and commit; drop those nobody waits for."""
    seen, arrived = look(db.engine), 0
    if seen.arrived:
        arrived = stamp_arrivals(session)
        session.commit()
    if seen.aside:
        release(session)
        session.commit()
    if seen.arrived or seen.aside:
        seen = look(db.engine)
    rung = dropped = 0
    more = arrived == ARRIVALS
    for queue, priorities in seen.lines.items():
        turn = take_turns(session, queue, priorities, rering_s=rering_s)
        sent, away = ring_all(publisher, turn.chosen)
        if away:
            unmark(session, [step.step_id for step in turn.chosen[sent:]])
        rung, dropped, more = rung + sent, dropped + turn.dropped, more or turn.more
        if away:
            return Round(rung, dropped, broker_away=True)
    return Round(rung, dropped, more=more)


@dataclass(frozen=True)
class Waiting:
    """A queued step of a job that goes on."""

    step_id: UUID
    job_id: UUID
    task: str
    attempt: int
    priority: int
    limits: list[str]
    traceparent: str


@dataclass(frozen=True)
class Turn:
    """Steps whose turn it is, most urgent first; ``more``: there was room for others, too."""

    chosen: list[Waiting] = field(default_factory=list)
    dropped: int = 0
    more: bool = False


def take_turns(session: Session, queue: str, priorities: Sequence[int], *, rering_s: float) -> Turn:
    """Choose whose turn it is in a queue, mark their bells as rung, and commit.

    :param priorities: those in which bells stand, most urgent first.
    """
    state, now = lock_queue(session, queue)
    if state is None:
        session.rollback()
        return Turn()
    out, slots = load_of(session, queue)
    learn(state, out, now)
    count = min(BATCH, max(0, room_of(slots, state.rate) - out))
    bells = pick(session, queue, priorities, count, turn=state.turns, now=now) if count else []
    waiting = find_waiting(session, [bell.step_id for bell in bells])
    dropped = [bell.step_id for bell in bells if bell.step_id not in waiting]
    if dropped:
        session.execute(delete(OutboxBell).where(OutboxBell.step_id.in_(dropped)))
    aside = put_limited_aside(session, list(waiting.values()))
    chosen = [bell for bell in bells if bell.step_id in waiting and bell.step_id not in aside]
    mark_rung(session, [bell.step_id for bell in chosen], rering_s=rering_s)
    for priority in {bell.priority for bell in chosen}:
        advance_clock(session, queue, priority, max(bell.turn for bell in chosen if bell.priority == priority))
    state.turns += len(chosen)
    state.out = out + len(chosen)
    session.commit()
    more = len(bells) == count and (count == BATCH or len(chosen) < count) and count > 0
    return Turn([waiting[bell.step_id] for bell in chosen], len(dropped), more)


def lock_queue(session: Session, queue: str) -> tuple[TurnQueue | None, datetime]:
    """Lock what is known of a queue and read the clock; None while another dispatcher decides for it."""
    row = session.execute(select_queue(), {"queue": queue}).one_or_none()
    if row is None:
        now = database_now(session)
        fresh = {"queue": queue, "turns": 0, "out": 0, "rate": 0.0, "measured_at": now}
        session.execute(insert(TurnQueue).values(**fresh).on_conflict_do_nothing())
        row = session.execute(select_queue(), {"queue": queue}).one_or_none()
    return (row[0], row[1]) if row is not None else (None, now)


@lru_cache(maxsize=1)
def select_queue() -> Select[TurnQueue, datetime]:
    """Select and lock what is known of a ``queue``, unless another dispatcher has it, with the database's clock."""
    chosen = select(TurnQueue, func.clock_timestamp()).where(TurnQueue.queue == bindparam("queue"))
    locked = chosen.with_for_update(skip_locked=True, of=TurnQueue)
    return locked.execution_options(populate_existing=True, **PREPARED)


def learn(state: TurnQueue, out: int, now: datetime) -> None:
    """Learn from the bells that were answered since the last look how fast a queue is consumed."""
    passed_s = (now - state.measured_at).total_seconds()
    if passed_s < SHORTEST_S:
        state.out = max(state.out, out)
        return
    rate = max(0, state.out - out) / passed_s
    state.rate += (rate - state.rate) * (1.0 - math.exp(-passed_s / MEMORY_S))
    state.measured_at = now


def pick(session: Session, queue: str, priorities: Sequence[int], count: int, *, turn: int, now: datetime) -> list[Any]:
    """Lock the bells whose turn is next, at most ``count``, in the order in which they shall be rung.

    What it reads grows with ``count`` and with the bells that are out, not with those that wait.
    """
    lines = []
    for priority in priorities:
        given = {"queue": queue, "priority": priority, "count": count}
        lines.append(list(session.execute(select_first(), given)))
    patience_s = get_settings().ageing_s
    aged = [bool(line) and (now - line[0].arrived_at).total_seconds() > patience_s for line in lines]
    return choose(lines, aged, count=count, turn=turn)


@lru_cache(maxsize=1)
def select_first() -> Select[*tuple[Any, ...]]:
    """Select and lock the first ``count`` bells of a ``queue`` and ``priority``."""
    columns = (OutboxBell.step_id, OutboxBell.priority, OutboxBell.turn, OutboxBell.arrived_at)
    line = (OutboxBell.queue == bindparam("queue"), OutboxBell.priority == bindparam("priority"))
    first = select(*columns).where(*line, standing()).order_by(OutboxBell.turn)
    return first.limit(bindparam("count", type_=Integer)).with_for_update(skip_locked=True)


def find_waiting(session: Session, step_ids: list[UUID]) -> dict[UUID, Waiting]:
    """Return those of the steps that still wait to be claimed.

    A statement of its own, after the rows are locked: what it does not see as queued can only be rung anew by a
    transaction that waits for our lock, and then adds its row after we have dropped ours.
    """
    return {row.id: Waiting(*row) for row in session.execute(select_waiting(), {"steps": step_ids})} if step_ids else {}


@lru_cache(maxsize=1)
def select_waiting() -> Select[*tuple[Any, ...]]:
    """Select those of ``steps`` that are queued in jobs that go on."""
    chosen = select(Step.id, Step.job_id, Step.task, Step.attempt, Job.priority, Step.limits, Job.traceparent).join(Job)
    asked = Step.id == any_(bindparam("steps", type_=ARRAY(Uuid)))
    return chosen.where(asked, Step.state == StepState.QUEUED.value, Job.state.not_in(sorted(TERMINAL)))


def put_limited_aside(session: Session, steps: list[Waiting]) -> set[UUID]:
    """Put aside the bells of steps that would find no slot of a named limit; return those steps."""
    full = find_full(session, (name for step in steps for name in step.limits))
    aside: dict[str, list[UUID]] = {}
    for step in steps:
        names = full.intersection(step.limits)
        if names:
            aside.setdefault(min(names), []).append(step.step_id)
    for name, step_ids in aside.items():
        put_aside(session, step_ids, name)
    return {step_id for step_ids in aside.values() for step_id in step_ids}


def unmark(session: Session, step_ids: list[UUID]) -> None:
    """Have bells that could not be rung stand in line as before."""
    session.execute(
        update(OutboxBell)
        .where(OutboxBell.step_id.in_(step_ids))
        .values(sent_at=None, due_at=func.clock_timestamp(), tries=func.greatest(0, OutboxBell.tries - 1))
        .execution_options(synchronize_session=False)
    )
    session.commit()


def ring_all(publisher: Publisher, steps: list[Waiting]) -> tuple[int, bool]:
    """Ring the steps in order until the broker fails; return how many were rung and whether it failed.

    A task that this version does not know counts as rung: its bell is put off, for an engine that knows it.
    """
    for number, step in enumerate(steps):
        if step.task not in KNOWN_TASKS:
            logger.error("task unknown here", extra={"task_name": step.task, "step_id": str(step.step_id)})
            continue
        try:
            bell = publisher.bell(
                step.step_id, step.attempt, job_id=step.job_id, task=step.task, priority=step.priority
            )
            with tracing.span("dispatch", parent=step.traceparent, kind="producer", job_id=step.job_id):
                publisher.send(bell)
        except BROKER_ERRORS as error:
            logger.warning("broker away", extra={"error": type(error).__name__, "left": len(steps) - number})
            return number, True
    return len(steps), False
