"""Who may claim: a node that drains, one in quarantine and a queue that is paused get nothing, whoever asks.

Orders take a moment to reach a node; this is what makes them hold from the moment they are given.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select, update
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


def refusal(session: Session, request: ClaimRequest) -> str:
    """Return why a node gets nothing now, or nothing: ``node_draining node_quarantined queue_paused others_first``.

    A step that runs already is not refused: whoever asks for it is answered by the engine.
    """
    node = session.get(Node, request.node)
    reason = ""
    if node is not None and not node.takes_work:
        reason = "node_quarantined" if node.quarantined_at is not None else "node_draining"
    elif is_paused(session, request.task):
        reason = "queue_paused"
    elif passes_others(session, read_id(request.step_id)):
        reason = "others_first"
    if not reason:
        return ""
    state = session.scalar(select(Step.state).where(Step.id == read_id(request.step_id)))
    return reason if state == StepState.QUEUED else ""


def passes_others(session: Session, step_id: UUID | None) -> bool:
    """Tell whether a step that the dispatcher has not rung, but the chain of its job, would pass others in line."""
    chosen = select(OutboxBell.queue, OutboxBell.priority).where(
        OutboxBell.step_id == step_id, OutboxBell.sent_at.is_(None), OutboxBell.parked_on.is_(None)
    )
    bell = session.execute(chosen).one_or_none()
    return bell is not None and is_contested(session, bell.queue, bell.priority, apart_from=step_id)


def is_paused(session: Session, task: str) -> bool:
    """Tell whether a task's queue is paused."""
    paused = select(QueuePolicy.paused_at).where(QueuePolicy.name == QUEUES.get(task))
    return task in QUEUES and session.scalar(paused) is not None


def paused_tasks(session: Session) -> list[str]:
    """Name the tasks whose queues are paused."""
    paused = set(session.scalars(select(QueuePolicy.name).where(QueuePolicy.paused_at.is_not(None))))
    return [task.value for task, policy in POLICY.items() if policy.queue.value in paused]


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
