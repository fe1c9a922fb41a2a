"""Handing a slot that has done a short step the next one in line, within its report.

Work of seconds gains nothing by it; of work of milliseconds the bell, its message and its claim are most of the cost.
It is the dispatcher's order all the same: the slot gets the step whose turn it is, and only where nobody waits whom the
dispatcher would weigh against it: nobody more urgent, nobody who has waited too long behind, no named limit, no job
that is suspected. In all other cases, and after a second or two, the slot goes back to its bells.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sqlalchemy import Integer, Select, any_, bindparam, func, literal_column, select
from sqlalchemy.orm import Session

from api.extensions import get_settings
from api.farm.models import Node, QueuePolicy
from api.jobs.attempts import claim_held, describe_claim
from api.jobs.change import Change
from api.jobs.holding import Held, what_is_held
from api.jobs.models import Job, OutboxBell, Step
from api.jobs.outbox import queue_of
from api.jobs.states import JobState, StepState
from api.turns.line import standing
from tasks.contracts import Claim, ClaimRequest, ReportAndAsk
from tasks.names import Priority

ONE = literal_column("1", Integer)
"""As a value it would leave the planner to guess how many rows are wanted."""


@lru_cache(maxsize=16)
def select_next(priority: int) -> Select[*tuple[Any, ...]]:
    """Select and lock the step whose turn is next in a class of a queue, unless somebody else may be before it."""
    queue = OutboxBell.queue == bindparam("queue")
    chosen = what_is_held(to_start=True).join(OutboxBell, OutboxBell.step_id == Step.id).add_columns(OutboxBell.turn)
    chosen = chosen.where(queue, OutboxBell.priority == priority, standing(), OutboxBell.sent_at.is_(None))
    works = select(Node.id).where(
        Node.id == bindparam("node"), Node.drain_at.is_(None), Node.quarantined_at.is_(None), ~Node.leaving,
        bindparam("queue") == any_(Node.queues),
    )  # fmt: skip
    paused = select(QueuePolicy.name).where(QueuePolicy.name == bindparam("queue"), QueuePolicy.paused_at.is_not(None))
    chosen = chosen.where(works.exists(), ~paused.exists())
    for other in Priority:
        if other != priority:
            chosen = chosen.where(_head_of(int(other), urgent=other < priority).is_(None))
    locked = chosen.with_for_update(key_share=True, skip_locked=True, of=[OutboxBell, Job, Step])
    return locked.order_by(OutboxBell.turn).limit(ONE)


def _head_of(priority: int, *, urgent: bool) -> Any:
    """Return the first of another class, as far as it must not be passed: any more urgent one, else an aged one."""
    first = select(OutboxBell.step_id, OutboxBell.arrived_at).where(
        OutboxBell.queue == bindparam("queue"), OutboxBell.priority == priority, standing()
    )
    # Not EXISTS: for that the planner may read the table, which is cheap only while many bells fit
    head = first.where(OutboxBell.sent_at.is_(None)).order_by(OutboxBell.turn).limit(ONE).subquery()
    passed = select(head.c.step_id)
    if not urgent:
        patience = func.make_interval(0, 0, 0, 0, 0, 0, bindparam("patience_s"))
        passed = passed.where(head.c.arrived_at < func.clock_timestamp() - patience)
    return passed.scalar_subquery()


def hand_on(session: Session, done: Held, asked: ReportAndAsk) -> Claim | None:
    """Claim for a node the step that is next in the line of the one that it has done; None where it shall not."""
    if done.step.state != StepState.SUCCEEDED or done.step.task != asked.task:
        return None
    priority, queue = done.change.job.priority, queue_of(asked.task)
    given = {"queue": queue, "node": asked.node, "patience_s": get_settings().ageing_s}
    row = session.execute(select_next(priority), given).one_or_none()
    if row is None:
        return None
    job, step, now, token, alone, heard, tag = row
    if step.task != asked.task or step.limits or job.losses:
        return None
    held = Held(Change(session, job, now, heard=heard), step, token, alone)
    held.change.advance_clock(queue, tag)
    claim = claim_held(held, ClaimRequest(str(job.id), str(step.id), asked.node, step.task, asked.nonce))
    return claim if claim.claimed else None


def repeat(session: Session, asked: ReportAndAsk) -> Claim | None:
    """Return again what was handed on by the same call, whose answer was lost."""
    chosen = select(Job, Step).join(Step).where(
        Step.state == StepState.RUNNING.value, Step.nonce == asked.nonce[:64], Step.node == asked.node[:255]
    )  # fmt: skip
    found = session.execute(chosen).first() if asked.nonce else None
    if found is None or found[0].state == JobState.CANCELLED:
        return None
    return describe_claim(session, *found)
