"""What administrators order of nodes and queues; each order is stored, audited, and told to the nodes it is for.

Every function works in the caller's transaction and leaves committing to it; nodes hear of it after the commit.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from api.audit import record
from api.errors import ConflictError, NotFoundError
from api.farm import quarantine
from api.farm.models import Node, QueuePolicy
from api.farm.nudge import nudge_after_commit
from api.jobs.engine import database_now, requeue_step, settle
from api.jobs.holding import Held, hold_step
from api.jobs.models import OutboxBell, Step
from api.jobs.publish import bell_id, revoke_after_commit
from api.jobs.states import Outcome, StepState
from tasks.contracts import StepFailure
from tasks.errors import InvalidInputError
from tasks.names import POLICY, Queue

DEFAULTS: dict[str, Any] = {"paused_at": None, "paused_reason": "", "weight": 1.0, "min_slots": 0, "gpu": "any"}


def get_node(session: Session, node_id: str, *, lock: bool = False) -> Node:
    """Return a node or raise ``node.not_found``."""
    node = session.get(Node, node_id, with_for_update=lock or None, populate_existing=lock)
    if node is None:
        raise NotFoundError("node.not_found", f"No node called {node_id[:255]} was ever heard of")
    return node


def get_queue(session: Session, name: str) -> QueuePolicy:
    """Return what is said about a queue, locked, or raise ``queue.not_found``."""
    if name not in list(Queue):
        raise NotFoundError("queue.not_found", f"There is no queue {name[:32]}; there are {', '.join(Queue)}")
    session.execute(insert(QueuePolicy).values(name=name, **DEFAULTS).on_conflict_do_nothing())
    return session.get_one(QueuePolicy, name, with_for_update=True, populate_existing=True)


def note(session: Session, node: Node, action: str, before: dict[str, Any], after: dict[str, Any]) -> None:
    """Count an order to a node, write it into the audit log and have the node ask for it."""
    node.generation += 1
    session.flush()
    record(session, action, target=("node", node.id[:64]), before=before, after=after)
    nudge_after_commit(session, node.id)


def drain(session: Session, node: Node, *, deadline_s: float | None) -> None:
    """Give a node nothing new; what it still works on at the deadline is taken back, charged to nobody.

    :param deadline_s: seconds from now; None lets it finish, however long that takes.
    """
    now = database_now(session)
    before = {"drain_at": node.drain_at, "drain_until": node.drain_until}
    node.drain_at = node.drain_at or now
    node.drain_until = None if deadline_s is None else now + timedelta(seconds=deadline_s)
    after = {"drain_at": node.drain_at, "drain_until": node.drain_until}
    note(session, node, "node.drained", before, after)


def resume(session: Session, node: Node) -> None:
    """Let a node that drains work again."""
    if node.drain_at is None:
        return
    before = {"drain_at": node.drain_at, "drain_until": node.drain_until}
    node.drain_at = node.drain_until = None
    note(session, node, "node.resumed", before, {"drain_at": None})


def set_consumption(
    session: Session,
    node: Node,
    *,
    queues: Iterable[str] | None,
    slots: int | None,
    why: str = "node.changed",
    reason: str = "",
) -> bool:
    """Say what a node shall consume, from now on and after every restart; tell whether that is new.

    :param queues: None means those of its command line, :param slots: None means as many as there.
    :param why: what the audit log calls it, :param reason: a sentence that is kept there, if there is one.
    Raises ``node.cannot_consume`` for a queue whose tasks it does not have.
    """
    wanted = None if queues is None else sorted(set(queues))
    if wanted is not None:
        require_able(node, wanted)
    before = {"queues": node.wanted_queues, "slots": node.wanted_slots}
    after = {"queues": wanted, "slots": slots}
    if before == after:
        return False
    node.wanted_queues, node.wanted_slots = wanted, slots
    note(session, node, why, before, {**after, "reason": reason} if reason else after)
    return True


def require_able(node: Node, queues: Iterable[str]) -> None:
    """Raise ``node.cannot_consume`` unless a node has the tasks of all the queues."""
    able = {*node.able, *node.started_with}
    lacking = sorted(set(queues) - able)
    if lacking:
        raise ConflictError(
            "node.cannot_consume",
            f"{node.id} has no tasks of {', '.join(lacking)}; it can consume {', '.join(sorted(able)) or 'nothing'}",
        )


def move_queue(session: Session, queue: str, *, source: str | None, target: str | None) -> None:
    """Move the consumption of a queue from one node to another; with one of them, only stop or only start it."""
    get_queue(session, queue)
    if source is None and target is None:
        raise InvalidInputError("queue.no_move", "A move names the node to take from, the node to give to, or both")
    if source == target:
        raise InvalidInputError("queue.no_move", "A move is between two nodes")
    nodes = {name: get_node(session, name, lock=True) for name in sorted(filter(None, (source, target)))}
    if target is not None:
        node = nodes[target]
        set_consumption(session, node, queues={*node.usual_queues, queue}, slots=node.wanted_slots, why="queue.moved")
    if source is not None:
        node = nodes[source]
        if queue not in node.usual_queues:
            raise ConflictError("queue.not_consumed", f"{source} does not consume {queue}")
        left = set(node.usual_queues) - {queue}
        set_consumption(session, node, queues=left, slots=node.wanted_slots, why="queue.moved")


def pause_queue(session: Session, name: str, reason: str) -> QueuePolicy:
    """Give out nothing of a queue until it is resumed; what runs goes on, what is ordered waits."""
    queue = get_queue(session, name)
    if queue.paused_at is None:
        queue.paused_at, queue.paused_reason = database_now(session), reason[:500]
        after = {"paused": True, "reason": reason}
        record(session, "queue.paused", target=("queue", name), before={"paused": False}, after=after)
    return queue


def resume_queue(session: Session, name: str) -> QueuePolicy:
    """Give out a queue's steps again, beginning with those whose bells were not answered meanwhile."""
    queue = get_queue(session, name)
    if queue.paused_at is not None:
        queue.paused_at, queue.paused_reason = None, ""
        record(session, "queue.resumed", target=("queue", name), before={"paused": True}, after={"paused": False})
        ring_again(session, name)
    return queue


def ring_again(session: Session, queue: str) -> None:
    """Have every waiting step of a queue rung now that was rung before."""
    tasks = [task.value for task, policy in POLICY.items() if policy.queue.value == queue]
    waiting = select(Step.id).where(Step.task.in_(tasks), Step.state == StepState.QUEUED.value)
    session.execute(
        update(OutboxBell)
        .where(OutboxBell.step_id.in_(waiting), OutboxBell.sent_at.is_not(None))
        .values(due_at=func.clock_timestamp(), tries=0)
        .execution_options(synchronize_session=False)
    )


def set_policy(session: Session, name: str, wanted: dict[str, Any]) -> QueuePolicy:
    """Change what a rebalancing gives a queue."""
    queue = get_queue(session, name)
    before = {key: getattr(queue, key) for key in wanted}
    for key, value in wanted.items():
        setattr(queue, key, value)
    session.flush()
    if before != wanted:
        record(session, "queue.changed", target=("queue", name), before=before, after=dict(wanted))
    return queue


def confine(session: Session, node: Node, reason: str) -> None:
    """Put a node into quarantine by hand."""
    quarantine.confine(session, node, reason, database_now(session))
    nudge_after_commit(session, node.id)


def release(session: Session, node: Node, *, untested: bool) -> None:
    """Have a node in quarantine test itself and come back if it passes; ``untested`` brings it back at once.

    Raises ``node.not_quarantined``.
    """
    if node.quarantined_at is None:
        raise ConflictError("node.not_quarantined", f"{node.id} is not in quarantine")
    before = {"quarantined": True, "reason": node.quarantine_reason}
    if untested:
        quarantine.release(node, database_now(session))
        note(session, node, "node.released", before, {"quarantined": False, "untested": True})
        return
    quarantine.ask_for_test(node)
    note(session, node, "node.tested", before, {"test": node.test_id})


def hand_back_overdue(session: Session) -> int:
    """Take back what nodes still work on after the deadline of their drain; return how many steps. Commits."""
    now = database_now(session)
    over = select(Node.id).where(Node.drain_until <= now)
    found = list(
        session.execute(select(Step.job_id, Step.id).where(Step.state == StepState.RUNNING.value, Step.node.in_(over)))
    )
    session.rollback()
    taken = 0
    for job_id, step_id in found:
        held = hold_step(session, str(job_id), str(step_id))
        if held is not None and held.step.state == StepState.RUNNING:
            taken += take_back(held)
        session.commit()
    return taken


def take_back(held: Held) -> int:
    """Take a running step from a node that shall stop; neither the input nor the machine is charged."""
    change, step = held.change, held.step
    node = change.session.get(Node, step.node)
    if node is None or node.drain_until is None or node.drain_until > change.now:
        return 0
    revoke_after_commit(change.session, [bell_id(step.id, step.attempt - 1)])
    moved = StepFailure("node.drained", f"The node {step.node} was drained before the step was done", permanent=False)
    change.close_attempt(step, Outcome.HANDED_BACK, moved)
    requeue_step(change, step, held.others, delay_s=0.0, failure=moved)
    settle(change)
    return 1
