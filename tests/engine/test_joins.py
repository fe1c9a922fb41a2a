"""R7 and R16: joins are exact and any delivery is harmless, on the real engine over a broker that is not.

``TEST_FANOUTS=500`` for the long run.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from api.extensions import db
from tasks.names import Queue
from tests.engine.deliveries import UnrulyBroker, UnrulyFarm
from tests.engine.line import add_node, changed_settings
from tests.engine.play import Play, fan_out

FANOUTS = int(os.environ.get("TEST_FANOUTS", "2"))
PARTS = 40
SECONDS_EACH = 10.0


@pytest.fixture
def slow_clock(app: Any) -> Iterator[None]:
    """No lease runs out by itself, however slow the machine: workers die when the test says so."""
    with changed_settings(app, lease_s=3600.0, node_lost_s=36000.0, ring_grace_s=0.2):
        yield


def open_jobs() -> int:
    db.session.rollback()
    return int(db.session.scalar(db.text("SELECT count(*) FROM job WHERE state IN ('queued', 'running')")) or 0)


def early_joins() -> int:
    """Count the joins that began before a part of theirs had ended."""
    query = """SELECT count(*) FROM step j JOIN step p ON p.job_id = j.job_id AND p.name = 'part'
        WHERE j.name = 'join' AND (p.finished_at IS NULL OR p.finished_at > j.started_at)"""
    return int(db.session.scalar(db.text(query)) or 0)


def ring_joins_early(play: Play, broker: UnrulyBroker, jobs: list[UUID]) -> None:
    """Deliver every join's bell long before its parts have ended, as a chord that counted wrongly would."""
    for job_id in jobs:
        join = play.step(job_id, "join")
        broker.send(broker.bell(join.id, 0, job_id=job_id, task=join.task, priority=0))


def test_joins_run_once_over_all_parts_whatever_happens_to_messages_and_workers(play: Play, slow_clock: None) -> None:
    add_node(Queue.INGEST, 24)
    add_node(Queue.RENDER, 8)
    jobs = [play.create(fan_out(PARTS)) for _ in range(FANOUTS)]
    broker = UnrulyBroker(seed=7)
    farm = UnrulyFarm(play, broker, seed=7)
    ring_joins_early(play, broker, jobs)
    farm.start(workers=3)
    deadline = time.monotonic() + 60.0 + FANOUTS * SECONDS_EACH
    while open_jobs() and time.monotonic() < deadline:
        time.sleep(0.2)
    farm.stop()

    assert farm.problems == []
    assert [play.job(job_id).state for job_id in jobs] == ["succeeded"] * FANOUTS
    assert farm.joined == {str(job_id): [list(range(PARTS))] for job_id in jobs}
    assert sorted(farm.ran.values()) == [1] * (FANOUTS * (PARTS + 1))
    assert early_joins() == 0
    assert all(play.effects(job_id) == ["step part"] * PARTS + ["succeeded"] for job_id in jobs)
    # Nothing above means much unless the broker and the workers really misbehaved
    assert broker.counts["dropped"] > 0.1 * broker.counts["rung"]
    assert farm.refused["waiting"] > 0
    assert farm.refused["done"] + farm.refused["running"] > FANOUTS * PARTS / 2
    assert farm.died > 0
