"""Who may claim: a node that drains, one in quarantine and a queue that is paused get nothing, whoever asks.

Orders take a moment to reach a node; this is what makes them hold from the moment they are given.
"""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, bindparam, func, literal, select, update
from sqlalchemy.orm import Session

from api.farm.models import Node, QueuePolicy
from api.jobs.models import Attempt, OutboxBell, Step
from api.jobs.states import StepState
from api.turns.line import is_contested
from tasks.contracts import Claim, ClaimRequest
from tasks.names import POLICY, Queue

PUT_OFF_S = 0.5
"""Seconds after which a bell that the wrong node heard is rung again."""
QUEUES = {task.value: policy.queue for task, policy in POLICY.items()}
GPU_QUEUES = (Queue.RENDER, Queue.TRANSCRIPTION)
"""Queues whose work is done on its node's GPU, where the node has one."""


@lru_cache(maxsize=1)
def select_facts() -> Select[*tuple[Any, ...]]:
    """Select what is said of a node and a queue, and how a step and its bell are; nothing of those that are not."""
    one = select(literal(1).label("one")).subquery("one")
    waiting = and_(OutboxBell.sent_at.is_(None), OutboxBell.parked_on.is_(None))
    columns = (Node.quarantined_at, Node.drain_at, QueuePolicy.paused_at, OutboxBell.queue, OutboxBell.priority)
    facts = select(*columns, Step.state).select_from(one).outerjoin(Node, Node.id == bindparam("node"))
    facts = facts.outerjoin(QueuePolicy, QueuePolicy.name == bindparam("queue"))
    facts = facts.outerjoin(Step, Step.id == bindparam("step"))
    return facts.outerjoin(OutboxBell, and_(OutboxBell.step_id == bindparam("step"), waiting))


def refusal(session: Session, request: ClaimRequest) -> str:
    """Return why a node gets nothing now, or nothing: ``node_draining node_quarantined queue_paused others_first``.

    A step that runs already is not refused: whoever asks for it is answered by the engine.
    """
    step_id = read_id(request.step_id)
    asked = {"node": request.node, "queue": QUEUES.get(request.task), "step": step_id}
    facts = session.execute(select_facts(), asked).one()
    if facts.state != StepState.QUEUED:
        return ""
    if facts.quarantined_at is not None or facts.drain_at is not None:
        return "node_quarantined" if facts.quarantined_at is not None else "node_draining"
    if facts.paused_at is not None:
        return "queue_paused"
    # A bell that the dispatcher has not rung: the chain of its job did, and it must not pass others in line
    passes = facts.queue is not None and is_contested(session, facts.queue, facts.priority, apart_from=step_id)
    return "others_first" if passes else ""


def put_back(session: Session, step_id: str) -> None:
    """Have a step that was refused rung again, for another node."""
    soon = func.clock_timestamp() + timedelta(seconds=PUT_OFF_S)
    session.execute(
        update(OutboxBell)
        .where(OutboxBell.step_id == read_id(step_id))
        .values(due_at=soon, tries=0)
        .execution_options(synchronize_session=False)
    )


def note_gpu(session: Session, request: ClaimRequest, claim: Claim) -> None:
    """Write down which GPU an attempt works on."""
    if not claim.claimed or QUEUES.get(request.task) not in GPU_QUEUES:
        return
    gpu = session.scalar(select(Node.gpu).where(Node.id == request.node))
    if gpu:
        session.execute(update(Attempt).where(Attempt.token == claim.token).values(gpu=gpu))


def read_id(text: str) -> UUID | None:
    """Return an id in a message, or None where it is none."""
    try:
        return UUID(text)
    except ValueError:
        return None
