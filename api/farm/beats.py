"""What nodes tell: taken down, and answered with what they shall be."""

from __future__ import annotations

import logging
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from api.extensions import get_settings
from api.farm.models import Node
from api.farm.quarantine import take_test
from api.jobs import hearing
from api.jobs.attempts import note_leaving
from api.jobs.engine import database_now
from tasks.contracts import NodeBeat, NodeOrder

logger = logging.getLogger(__name__)

LONGEST_PROOF_S = 86400.0
FORGET_DAYS = 7


def take_beat(session: Session, beat: NodeBeat) -> NodeOrder:
    """Write down what a node tells, registering it if it is new, and return its order. The caller commits."""
    now = database_now(session)
    node = lock_node(session, beat, now)
    if node.instance != beat.instance:
        logger.info("node started", extra={"node": node.id, "host": beat.host, "role": beat.role})
        node.instance, node.started_at, node.about = beat.instance, now, {}
    write_down(node, beat, now)
    if beat.leaving:
        note_leaving(session, node.id)
    if beat.test is not None:
        take_test(session, node, beat.test, now)
    session.flush()
    return order_for(node)


def lock_node(session: Session, beat: NodeBeat, now: datetime) -> Node:
    """Return a node's row, locked; a new one for a node that was never heard of."""
    name = beat.node[:255]
    fresh: dict[str, Any] = {
        "id": name,
        "instance": beat.instance[:64],
        "host": beat.host[:255],
        "role": beat.role[:16],
        "pid": beat.pid,
        **dict.fromkeys(("registered_at", "started_at", "heard_since", "seen_at", "consumed_at"), now),
    }
    session.execute(insert(Node).values(fresh).on_conflict_do_nothing())
    return session.get_one(Node, name, with_for_update=True, populate_existing=True)


def write_down(node: Node, beat: NodeBeat, now: datetime) -> None:
    """Put what a beat tells into a node's row."""
    node.host, node.role, node.pid = beat.host[:255], beat.role[:16], beat.pid
    node.started_with, node.able = list(beat.started_with), list(beat.able)
    node.queues, node.slots, node.busy = list(beat.queues), beat.slots, beat.busy
    node.started_slots, node.generation_done = max(1, beat.started_slots), beat.generation
    node.leaving, node.gpu = beat.leaving, beat.gpu[:64]
    node.gpus = [asdict(gpu) for gpu in beat.gpus]
    if beat.about:
        node.about = beat.about
    if now - node.seen_at > hearing.longest_pause():
        node.heard_since = now
    node.seen_at = now
    node.consumed_at = now - timedelta(seconds=min(LONGEST_PROOF_S, max(0.0, beat.proven_s)))


def sweep(session: Session) -> int:
    """Forget nodes that have long been silent and that nobody has ordered anything of; return how many. Commits."""
    long_ago = database_now(session) - timedelta(days=FORGET_DAYS)
    plain = (Node.wanted_queues.is_(None), Node.wanted_slots.is_(None), Node.drain_at.is_(None))
    gone = delete(Node).where(Node.seen_at < long_ago, Node.quarantined_at.is_(None), *plain).returning(Node.id)
    count = len(session.scalars(gone).all())
    session.commit()
    return count


def order_for(node: Node) -> NodeOrder:
    """Return what a node shall be."""
    return NodeOrder(
        generation=node.generation,
        queues=tuple(sorted(node.ordered_queues)),
        slots=node.ordered_slots,
        beat_s=get_settings().node_beat_s,
        test=node.test_id,
        wants_about=not node.about,
    )
