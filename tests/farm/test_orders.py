"""Orders to real Celery workers under real work: drains, moves, pauses, restarts, quarantine."""

from __future__ import annotations

import os
import re
import signal
import time
from typing import Any
from uuid import UUID, uuid4

import pytest
import redis
from sqlalchemy import select

from api.extensions import db
from api.farm import orders
from api.jobs import service
from api.jobs.models import Attempt, Job, Step
from bench.chaos.comeback import LONGEST_IDLE_S
from bench.chaos.proxy import Proxy
from tasks.names import Priority, TaskName
from tasks.workflows.plan import StepSpec
from tests.farm.conftest import Farm

MOVES = int(os.environ.get("TEST_QUEUE_MOVES", "8"))
"""Queue moves under load; 50 for the full measurement."""
TERMS = int(os.environ.get("TEST_WORKER_TERMS", "2"))
"""Workers replaced under load; 20 for the full measurement."""
REACHED_WITHIN_S = 10.0


def order(
    farm: Farm, owner_id: UUID, count: int, *, task: TaskName = TaskName.INGEST_PROBE, **given: Any
) -> list[UUID]:
    """Order jobs of one step each."""
    ids = []
    for _ in range(count):
        spec = [StepSpec("work", task, given)]
        subject = {name: str(uuid4()) for name in ("asset_id", "upload_id", "render_id")}
        job = service.create_job(
            db.session(), owner_id=owner_id, kind="test", steps=spec, priority=Priority.NORMAL, subject=subject
        )
        db.session.commit()
        service.publish_soon(job.id)
        ids.append(job.id)
    return ids


def states(jobs: list[UUID]) -> set[str]:
    db.session.rollback()
    return set(db.session.scalars(select(Job.state).where(Job.id.in_(jobs))))


def claimed(node: str) -> list[Any]:
    """Return when each attempt on a node began and how it ended, in order."""
    db.session.rollback()
    query = select(Attempt.started_at, Attempt.outcome).where(Attempt.node == f"{node}@test")
    return list(db.session.execute(query.order_by(Attempt.started_at)))


def online(farm: Farm, *names: str) -> None:
    for name in names:
        farm.wait_for(lambda name=name: farm.state(name), ("online", ""))  # type: ignore[misc]


def give(farm: Farm, what: Any, *args: Any, **options: Any) -> None:
    """Give an order to a node and commit it."""
    node = orders.get_node(db.session(), f"{args[0]}@test", lock=True)
    what(db.session(), node, *args[1:], **options)
    db.session.commit()


def test_a_drained_node_finishes_takes_nothing_new_and_stays_drained_after_a_restart(
    farm: Farm, owner_id: UUID
) -> None:
    farm.start("a", slots=1)
    farm.start("b", slots=1)
    online(farm, "a", "b")
    jobs = order(farm, owner_id, 12, sleep_s=0.3)
    farm.wait_for(lambda: len(claimed("a")) > 0, True)

    give(farm, orders.drain, "a", deadline_s=None)
    before = len(claimed("a"))
    farm.wait_for(lambda: farm.state("a"), ("draining", "drained"))
    farm.wait_for(lambda: states(jobs), {"succeeded"}, timeout_s=30)
    farm.stop("a")
    farm.start("a", slots=1)
    farm.wait_for(lambda: farm.state("a"), ("draining", "drained"))
    more = order(farm, owner_id, 3)
    farm.wait_for(lambda: states(more), {"succeeded"}, timeout_s=30)

    assert len(claimed("a")) == before
    assert {outcome for _, outcome in claimed("a")} == {"succeeded"}
    give(farm, orders.resume, "a")
    farm.wait_for(lambda: list(farm.node("a").queues), ["ingest"])  # type: ignore[union-attr]


def test_what_runs_at_a_drains_deadline_goes_to_another_node_uncharged(farm: Farm, owner_id: UUID) -> None:
    farm.start("a", slots=1)
    online(farm, "a")
    jobs = order(farm, owner_id, 1, sleep_s=4)
    farm.wait_for(lambda: len(claimed("a")), 1)

    give(farm, orders.drain, "a", deadline_s=0.5)
    farm.start("b", slots=1)
    farm.wait_for(lambda: states(jobs), {"succeeded"}, timeout_s=30)

    step = db.session.scalars(select(Step).where(Step.job_id == jobs[0])).one()
    assert [(one.node, one.outcome) for one in step.attempts] == [("a@test", "handed_back"), ("b@test", "succeeded")]
    assert (step.charged, step.faults, step.handbacks) == (0, 0, 0)
    farm.wait_for(lambda: farm.state("a"), ("draining", "drained"))


def test_queues_that_move_under_load_lose_nothing_and_reach_their_share(farm: Farm, owner_id: UUID) -> None:
    for name, queues in (("a", "ingest"), ("b", "transcription")):
        farm.start(name, queues, slots=2)
    online(farm, "a", "b")
    jobs: list[UUID] = []
    slowest, source, target = 0.0, "a", "b"
    for _ in range(MOVES):
        jobs += order(farm, owner_id, 3, sleep_s=0.05)
        jobs += order(farm, owner_id, 2, sleep_s=0.05, task=TaskName.SPEECH_TRANSCRIBE)
        orders.move_queue(db.session(), "ingest", source=f"{source}@test", target=f"{target}@test")
        db.session.commit()
        share = {source: False, target: True}
        took_s = farm.wait_for(
            lambda share=share: {name: "ingest" in farm.node(name).queues for name in share},  # type: ignore[misc, union-attr]
            share,
            timeout_s=REACHED_WITHIN_S,
        )
        slowest = max(slowest, took_s)
        source, target = target, source

    farm.wait_for(lambda: states(jobs), {"succeeded"}, timeout_s=60)

    db.session.rollback()
    steps = db.session.scalars(select(Step).where(Step.job_id.in_(jobs))).all()
    assert len(steps) == 5 * MOVES
    assert [step for step in steps if (step.charged, step.faults) != (0, 0)] == []
    assert slowest < REACHED_WITHIN_S


def test_a_paused_queue_starts_nothing_and_goes_on_when_resumed(farm: Farm, owner_id: UUID) -> None:
    farm.start("a", "ingest,transcription")
    online(farm, "a")
    orders.pause_queue(db.session(), "ingest", "a test")
    db.session.commit()
    held = order(farm, owner_id, 4)
    other = order(farm, owner_id, 2, task=TaskName.SPEECH_TRANSCRIBE)
    farm.wait_for(lambda: states(other), {"succeeded"})
    time.sleep(1.0)
    while_paused = states(held)

    orders.resume_queue(db.session(), "ingest")
    db.session.commit()

    assert while_paused == {"queued"}
    farm.wait_for(lambda: states(held), {"succeeded"}, timeout_s=10)


def test_a_killed_worker_comes_back_to_what_was_ordered_and_slots_change_at_run_time(farm: Farm) -> None:
    farm.start("a", "ingest,transcription", slots=1)
    online(farm, "a")
    give(farm, orders.set_consumption, "a", queues=["transcription"], slots=3)
    farm.wait_for(lambda: (list(farm.node("a").queues), farm.node("a").slots), (["transcription"], 3))  # type: ignore[union-attr]

    farm.stop("a", signal.SIGKILL)
    farm.wait_for(lambda: farm.state("a")[0], "offline")
    farm.start("a", "ingest,transcription", slots=1)
    online(farm, "a")

    farm.wait_for(lambda: (list(farm.node("a").queues), farm.node("a").slots), (["transcription"], 3))  # type: ignore[union-attr]
    give(farm, orders.set_consumption, "a", queues=None, slots=1)
    farm.wait_for(
        lambda: (sorted(farm.node("a").queues), farm.node("a").slots),  # type: ignore[union-attr]
        (["ingest", "transcription"], 1),
    )


def test_a_node_that_fails_everything_is_confined_and_returns_by_itself_once_repaired(
    farm: Farm, owner_id: UUID
) -> None:
    broken = farm.folder / "broken" / "a"
    broken.touch()
    farm.start("a", slots=1)
    online(farm, "a")
    jobs = order(farm, owner_id, 4)
    farm.wait_for(lambda: farm.state("a")[0], "quarantined", timeout_s=30)
    farm.wait_for(lambda: farm.node("a").test_problems, ["encoder: it is gone"])  # type: ignore[union-attr]
    tried = len(claimed("a"))  # a claim on its way when the node was confined may still have been granted
    time.sleep(1.0)
    in_quarantine = len(claimed("a"))

    broken.unlink()
    farm.wait_for(lambda: farm.state("a"), ("online", ""), timeout_s=30)
    farm.wait_for(lambda: "queued" in states(jobs) or "running" in states(jobs), False, timeout_s=30)

    assert in_quarantine == tried
    assert farm.node("a").test_problems == []  # type: ignore[union-attr]


def test_a_node_that_beats_but_cannot_consume_counts_as_offline(farm: Farm, broker_url: str) -> None:
    farm.start("a", slots=1)
    online(farm, "a")
    broker = redis.Redis.from_url(broker_url)
    broker.execute_command("CLIENT", "PAUSE", 8000, "ALL")

    farm.wait_for(lambda: farm.state("a"), ("offline", "not_consuming"))

    online(farm, "a")


@pytest.mark.parametrize("slots", [2])
def test_a_worker_whose_slots_are_all_busy_is_no_stuck_worker(farm: Farm, owner_id: UUID, slots: int) -> None:
    farm.start("a", slots=slots)
    online(farm, "a")
    order(farm, owner_id, slots + 2, sleep_s=4.5)
    farm.wait_for(lambda: farm.node("a").busy, slots)  # type: ignore[union-attr]
    seen = set()
    ends_at = time.monotonic() + 3.8
    while time.monotonic() < ends_at:
        seen.add(farm.state("a"))
        time.sleep(0.1)

    assert seen == {("online", "")}


def test_workers_that_are_replaced_under_load_fail_nothing_and_charge_nobody(farm: Farm, owner_id: UUID) -> None:
    for name in ("a", "b"):
        farm.start(name, slots=1)
    online(farm, "a", "b")
    jobs: list[UUID] = []
    codes = []
    for number in range(TERMS):
        jobs += order(farm, owner_id, 6, sleep_s=0.2)
        name = "ab"[number % 2]
        codes.append(farm.stop(name, timeout_s=60))
        farm.start(name, slots=1)
        online(farm, name)

    farm.wait_for(lambda: states(jobs), {"succeeded"})

    steps = db.session.scalars(select(Step).where(Step.job_id.in_(jobs))).all()
    assert codes == [0] * TERMS
    assert [(step.charged, step.faults) for step in steps if step.charged or step.faults] == []


def test_a_worker_whose_broker_falls_silent_while_it_works_is_soon_back(farm: Farm, owner_id: UUID) -> None:
    target = int(re.search(r":(\d+)/", farm.environ["REDIS_URL"]).group(1))  # type: ignore[union-attr]
    proxy = Proxy(target).start()
    try:
        farm.start("a", slots=1, REDIS_URL=farm.environ["REDIS_URL"].replace(f":{target}/", f":{proxy.port}/"))
        online(farm, "a")
        first, second = order(farm, owner_id, 2, sleep_s=3.0)
        farm.wait_for(lambda: farm.node("a").busy, 1)  # type: ignore[union-attr]
        proxy.stall()
        proxy.resume()  # new connections work, those that were open stay half open

        farm.wait_for(lambda: "succeeded" in states([first, second]), True)
        idle_s = farm.wait_for(lambda: states([first, second]), {"succeeded"})

        assert idle_s < LONGEST_IDLE_S
        assert "message not acknowledged" in (farm.folder / "a.log").read_text()
    finally:
        proxy.stop()
