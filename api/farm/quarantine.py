"""Keeping work from nodes that fail at everything, and letting them back once they work again.

Failures count when they were not the input's own fault and when they are of different jobs: one poisonous input says
nothing about a node. Neither does what lies outside of it (:data:`api.codes.BEYOND_NODE`), nor what most nodes that
work fail with at the same time. A node in quarantine tests itself, at longer and longer pauses; the first test it
passes, or an administrator, lets it work again.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from api.audit import record
from api.codes import BEYOND_NODE
from api.extensions import get_settings
from api.farm.models import Node
from api.ids import new_id
from api.jobs.engine import database_now
from api.jobs.models import Attempt, Step
from api.jobs.states import Outcome
from tasks.contracts import SelfTest

logger = logging.getLogger(__name__)

LOOK_BACK = 200
LONGEST_PAUSE_S = 3600.0
MOST_PROBLEMS = 20
NODE_CODES = ("node.", "internal.", "child.", "encoder.", "browser.", "task.timeout")
"""Failures that speak of the node even where they ended a step."""
WORKED = (Outcome.SUCCEEDED.value, Outcome.FAILED.value, Outcome.RETRIED.value, Outcome.LOST.value)
WINDOW = timedelta(minutes=15)
"""What nodes fail with within so long, they fail with at the same time."""
WINDOW_LOOK_BACK = 20


@dataclass(frozen=True)
class Spread:
    """How widely failures are spread: the nodes that worked within the window, and how many fail with each code."""

    working: int = 0
    failing: Counter[str] = field(default_factory=Counter)

    def is_common(self, code: str) -> bool:
        """Tell whether most nodes that work fail with a code: then its cause is not one of them."""
        return self.failing[code] > 1 and 2 * self.failing[code] > self.working


def take_test(session: Session, node: Node, test: SelfTest, now: datetime) -> None:
    """Take the outcome of a self-test that was asked for; a test that passed ends a quarantine."""
    if not node.test_id or test.id != node.test_id:
        return
    node.test_id, node.tested_at = "", now
    node.test_problems = [problem[:500] for problem in test.problems[:MOST_PROBLEMS]]
    if node.quarantined_at is None:
        return
    if node.test_problems:
        node.tests_failed += 1
        pause_s = min(LONGEST_PAUSE_S, get_settings().self_test_s * 2.0 ** min(node.tests_failed, 12))
        node.next_test_at = now + timedelta(seconds=pause_s)
        logger.warning("node failed its self-test", extra={"node": node.id, "problems": node.test_problems})
        return
    before = {"quarantined": True, "reason": node.quarantine_reason}
    release(node, now)
    after = {"quarantined": False, "untested": False, "test": test.id}
    record(session, "node.released", target=("node", node.id[:64]), before=before, after=after)
    logger.info("node passed its self-test", extra={"node": node.id})


def ask_for_test(node: Node) -> None:
    """Have a node test itself, unless it is at it."""
    node.test_id = node.test_id or str(new_id())
    node.next_test_at = None


def confine(session: Session, node: Node, reason: str, now: datetime) -> None:
    """Put a node into quarantine: it finishes what it has and takes nothing new."""
    if node.quarantined_at is not None:
        return
    before = {"quarantined": False}
    node.quarantined_at, node.quarantine_reason = now, reason[:500]
    node.tests_failed, node.test_id = 0, ""
    node.next_test_at = now + timedelta(seconds=get_settings().self_test_s)
    node.generation += 1
    after = {"quarantined": True, "reason": reason}
    record(session, "node.quarantined", target=("node", node.id[:64]), before=before, after=after)


def release(node: Node, now: datetime) -> None:
    """Let a node work again; what failed before does not count any more."""
    node.quarantined_at, node.quarantine_reason = None, ""
    node.cleared_at, node.next_test_at, node.test_id = now, None, ""
    node.tests_failed = 0
    node.generation += 1


def watch_nodes(session: Session) -> list[str]:
    """Put nodes that only fail into quarantine, and have those in it test themselves when it is time. Commits."""
    now, threshold = database_now(session), get_settings().quarantine_after
    spread: Spread | None = None
    changed: list[str] = []
    spared: list[str] = []
    for name in find_suspects(session, now):
        node = session.get_one(Node, name, with_for_update=True, populate_existing=True)
        if node.quarantined_at is None and threshold:
            streak = count_streak(read_outcomes(session, node))
            if len(streak) >= threshold:
                spread = spread or measure_spread(session, now)
                is_confined = judge(session, node, [code for code in streak if not spread.is_common(code)], now)
                (changed if is_confined else spared).append(name)
        elif node.next_test_at is not None and node.next_test_at <= now:
            ask_for_test(node)
            changed.append(name)
        session.commit()
    if spread is not None and spared:
        told = {"spared": spared[:MOST_PROBLEMS], "working": spread.working, "failing": spread.failing.most_common(3)}
        logger.warning("nodes not confined, since most fail alike", extra=told)
    return changed


def judge(session: Session, node: Node, streak: list[str], now: datetime) -> bool:
    """Confine a node for its own failures if they are enough; tell whether they were."""
    if len(streak) < get_settings().quarantine_after:
        return False
    confine(session, node, f"{len(streak)} jobs in a row failed here, the last with {streak[0]}", now)
    return True


def measure_spread(session: Session, now: datetime) -> Spread:
    """Return how many nodes worked within the window, and what they failed with since their last success."""
    outcomes = defaultdict(list)
    for node, job_id, outcome, code in session.execute(_latest_of_all(now)):
        outcomes[node].append((job_id, outcome or "", code or ""))
    failing = Counter(code for ended in outcomes.values() for code in set(count_streak(ended)))
    return Spread(len(outcomes), failing)


def _latest_of_all(now: datetime) -> Select[str, UUID, str | None, str | None]:
    """Select the latest ends of every node's attempts: one look into an index for each node."""
    latest = (
        select(Attempt.step_id, Attempt.outcome, Attempt.code, Attempt.ended_at)
        .where(Attempt.node == Node.id, Attempt.ended_at > func.greatest(Node.cleared_at, now - WINDOW))
        .where(Attempt.outcome.in_(WORKED))
        .order_by(Attempt.ended_at.desc())
        .limit(WINDOW_LOOK_BACK)
        .lateral()
    )
    query = select(Node.id, Step.job_id, latest.c.outcome, latest.c.code).select_from(Node)
    query = query.join(latest, latest.c.ended_at.is_not(None)).join(Step, Step.id == latest.c.step_id)
    return query.order_by(Node.id, latest.c.ended_at.desc())


def find_suspects(session: Session, now: datetime) -> list[str]:
    """Return the nodes that are to be looked at: their latest attempt did not succeed, or a self-test is due.

    One statement with one look into an index for each node: what a round costs does not grow with what they have done.
    """
    latest = (
        select(Attempt.outcome)
        .where(Attempt.node == Node.id, Attempt.ended_at.is_not(None))
        .order_by(Attempt.ended_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    failing = Node.quarantined_at.is_(None) & (latest != Outcome.SUCCEEDED.value)
    chosen = select(Node.id).where(Node.leaving.is_(False), failing | (Node.next_test_at <= now))
    return list(session.scalars(chosen.order_by(Node.id)))


def read_outcomes(session: Session, node: Node) -> list[tuple[UUID, str, str]]:
    """Return how a node's latest attempts ended, newest first: job, outcome, code."""
    query = (
        select(Step.job_id, Attempt.outcome, Attempt.code)
        .join(Step, Step.id == Attempt.step_id)
        .where(Attempt.node == node.id, Attempt.ended_at.is_not(None))
        .order_by(Attempt.ended_at.desc())
        .limit(LOOK_BACK)
    )
    if node.cleared_at is not None:
        query = query.where(Attempt.ended_at > node.cleared_at)
    return [(row.job_id, row.outcome or "", row.code or "") for row in session.execute(query)]


def count_streak(outcomes: Iterable[tuple[UUID, str, str]]) -> list[str]:
    """Return the codes of the failures since the last success, newest first, one for each job; pure."""
    seen: dict[Any, str] = {}
    for job_id, outcome, code in outcomes:
        if outcome == Outcome.SUCCEEDED:
            break
        if is_of_node(outcome, code):
            seen.setdefault(job_id, code)
    return list(seen.values())


def is_of_node(outcome: str, code: str) -> bool:
    """Tell whether a failure may be the node's: it was tried again, the node fell silent, or the code says so."""
    if code in BEYOND_NODE:
        return False
    if outcome in (Outcome.RETRIED, Outcome.LOST):
        return True
    return outcome == Outcome.FAILED and code.startswith(NODE_CODES)
