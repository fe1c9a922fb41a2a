"""Having nodes ask for their orders at once. A speed-up only: they ask by themselves at their next beat."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from flask import has_app_context
from sqlalchemy import event
from sqlalchemy.orm import Session

from api.jobs.publish import BROKER_ERRORS, get_publisher

logger = logging.getLogger(__name__)

COMMAND = "reelyard_nudge"
_NODES = "reelyard.nudge"


def nudge_after_commit(session: Session, node_id: str) -> None:
    """Nudge a node once the session's transaction has committed."""
    session.info.setdefault(_NODES, set()).add(node_id)


def nudge(nodes: Iterable[str]) -> None:
    """Have nodes beat now, as far as the broker is there."""
    publisher = get_publisher()
    if publisher.breaker.is_open:
        return
    try:
        publisher.celery.control.broadcast(COMMAND, destination=sorted(nodes), reply=False)
    except BROKER_ERRORS as error:
        publisher.breaker.failed()
        logger.info("nodes not nudged", extra={"error": type(error).__name__})


@event.listens_for(Session, "after_commit")
def _run_waiting(session: Session) -> None:
    if session.in_nested_transaction():
        return
    nodes = session.info.pop(_NODES, set())
    if nodes and has_app_context():
        nudge(nodes)


@event.listens_for(Session, "after_rollback")
def _forget_waiting(session: Session) -> None:
    session.info.pop(_NODES, None)
