"""Ringing: the fast path, the dispatcher, and a broker that is away, emptied or deaf."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import redis

from api.control.dispatcher import Round, dispatch
from api.control.reconciler import ring_lost
from api.extensions import db
from api.jobs import service
from api.jobs.publish import Publisher, bell_id, get_publisher
from cli.services.launcher import RunningServices, start_services
from tasks.names import Priority, Queue
from tests.engine.broker import messages
from tests.engine.play import KIND, Play, fan_out, ingest, one_step


@pytest.fixture(scope="module")
def own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServices]:
    """A Valkey that tests may stop."""
    home: Path = tmp_path_factory.mktemp("valkey")
    for folder in (home, *list(home.parents)[:2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    with start_services(home, names=("valkey",), environ={}, durable=False) as running:
        yield running


@pytest.fixture
def broker(app: Any, own_broker: RunningServices) -> Iterator[RunningServices]:
    """The application, on a broker of its own that is up and empty."""
    own_broker.start_one("valkey") if not own_broker.children["valkey"].is_running() else None
    redis.Redis.from_url(own_broker.environ["REDIS_URL"]).flushall()
    before = app.extensions.pop("reelyard.publisher", None)
    app.extensions["reelyard.publisher"] = Publisher(own_broker.environ["REDIS_URL"])
    yield own_broker
    app.extensions["reelyard.publisher"] = before or Publisher(app.extensions["settings"].redis_url)


def waiting(broker: RunningServices, queue: Queue) -> list[dict[str, Any]]:
    return messages(broker.environ["REDIS_URL"], queue)


def make_due() -> None:
    db.session.execute(db.text("UPDATE outbox SET due_at = now() - interval '1 s'"))
    db.session.commit()


def run_dispatcher() -> Round:
    return dispatch(db.session(), get_publisher(), rering_s=2.0)


def due_in_s(step_id: UUID) -> float:
    row = db.session.execute(
        db.text("SELECT extract(epoch FROM due_at - clock_timestamp()) FROM outbox WHERE step_id = :id"),
        {"id": step_id},
    ).scalar()
    db.session.rollback()
    return float(row)


def test_a_submitted_job_is_rung_at_once_as_one_chain(play: Play, broker: RunningServices) -> None:
    job_id = play.create(ingest())

    assert service.publish_soon(job_id) is True

    (message,) = waiting(broker, Queue.INGEST)
    probe = play.step(job_id, "probe")
    assert (message["task"], message["job_id"], message["step_id"]) == ("ingest.probe", str(job_id), str(probe.id))
    assert message["id"] == bell_id(probe.id, 0)
    (following,) = message["chain"]
    assert {task["task"] for task in following["kwargs"]["tasks"]} == {"speech.transcribe", "ingest.poster"}
    bell = play.bells(job_id)["probe"]
    assert (bell.tries, bell.sent_at is not None) == (1, True)


def test_a_fan_out_goes_as_a_chord_with_one_message_for_each_part(play: Play, broker: RunningServices) -> None:
    job_id = play.create(fan_out(5))

    assert service.publish_soon(job_id) is True

    assert len({message["step_id"] for message in waiting(broker, Queue.INGEST)}) == 5
    assert waiting(broker, Queue.RENDER) == []
    assert {bell.tries for bell in play.bells(job_id).values()} == {1}


def test_what_was_rung_at_once_is_not_rung_again_by_the_dispatcher(play: Play, broker: RunningServices) -> None:
    service.publish_soon(play.create(one_step()))

    assert run_dispatcher() == Round()
    assert len(waiting(broker, Queue.INGEST)) == 1


def test_due_bells_are_rung_by_urgency_in_their_queue(play: Play, broker: RunningServices) -> None:
    jobs = {priority: play.create(one_step(), priority=priority) for priority in (Priority.LOW, Priority.NORMAL)}
    jobs[Priority.HIGH] = play.create(one_step(), priority=Priority.HIGH)
    make_due()

    assert run_dispatcher() == Round(rung=3)

    found = waiting(broker, Queue.INGEST)
    assert [message["priority"] for message in found] == [0, 4, 9]
    assert [message["job_id"] for message in found] == [str(jobs[priority]) for priority in sorted(Priority)]


def test_a_bell_is_rung_again_with_doubling_pauses_until_the_step_is_claimed(
    play: Play, broker: RunningServices
) -> None:
    job_id = play.create(one_step())
    step_id = play.step(job_id, "only").id
    pauses = []
    for _ in range(3):
        make_due()
        assert run_dispatcher().rung == 1
        pauses.append(due_in_s(step_id))

    assert [round(pause) for pause in pauses] == [2, 4, 8]
    play.claim(job_id, "only")
    assert play.bells(job_id) == {}


def test_bells_of_cancelled_jobs_are_dropped(play: Play, broker: RunningServices) -> None:
    job_id = play.create(one_step())
    play.cancel(job_id)
    make_due()

    assert play.bells(job_id) == {}
    assert run_dispatcher() == Round()
    assert waiting(broker, Queue.INGEST) == []


def test_two_dispatchers_share_the_work_and_ring_each_bell_once(play: Play, broker: RunningServices) -> None:
    for _ in range(3):
        play.create(one_step())
    make_due()
    with db.engine.connect() as other:
        held = other.execute(db.text("SELECT step_id FROM outbox LIMIT 2 FOR UPDATE")).all()

        assert len(held) == 2
        assert run_dispatcher().rung == 1


def test_a_submit_while_redis_is_down_is_fast_and_the_bell_is_rung_once_it_is_back(
    play: Play, broker: RunningServices
) -> None:
    broker.children["valkey"].stop()
    started = time.monotonic()
    jobs = [play.create(ingest()) for _ in range(5)]
    published = [service.publish_soon(job_id) for job_id in jobs]
    elapsed_s = time.monotonic() - started
    make_due()
    away = run_dispatcher()
    broker.start_one("valkey")
    back = run_dispatcher()

    assert published == [False] * 5
    assert elapsed_s < 1.5
    assert away == Round(broker_away=True)
    assert back == Round(rung=5)
    assert {message["job_id"] for message in waiting(broker, Queue.INGEST)} == {str(job_id) for job_id in jobs}


def test_a_broker_that_takes_connections_and_says_nothing_costs_a_submit_about_a_second(
    play: Play, app: Any, broker: RunningServices
) -> None:
    import socket

    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(64)
        app.extensions["reelyard.publisher"] = Publisher(f"redis://127.0.0.1:{deaf.getsockname()[1]}/0")
        first, second = play.create(one_step()), play.create(one_step())
        started = time.monotonic()
        assert service.publish_soon(first) is False
        one_s = time.monotonic() - started
        assert service.publish_soon(second) is False
        both_s = time.monotonic() - started

    assert one_s < 2.5
    assert both_s - one_s < 0.2


def test_an_emptied_broker_is_made_good_after_one_pause(play: Play, broker: RunningServices) -> None:
    job_id = play.create(one_step())
    for _ in range(4):
        make_due()
        run_dispatcher()
    step_id = play.step(job_id, "only").id
    assert due_in_s(step_id) > 10
    assert ring_lost(db.session(), get_publisher(), rering_s=0.0) == 0

    redis.Redis.from_url(broker.environ["REDIS_URL"]).flushall()

    assert ring_lost(db.session(), get_publisher(), rering_s=60.0) == 0
    assert ring_lost(db.session(), get_publisher(), rering_s=0.0) == 1
    assert run_dispatcher().rung == 1
    assert len(waiting(broker, Queue.INGEST)) == 1


def test_commits_wake_watchers_and_cost_nothing_while_redis_is_down(play: Play, broker: RunningServices) -> None:
    job_id = play.create(one_step())
    client = redis.Redis.from_url(broker.environ["REDIS_URL"], protocol=2)
    pubsub = client.pubsub(ignore_subscribe_messages=True)
    pubsub.subscribe(f"reelyard:progress:{job_id}")
    pubsub.get_message(timeout=1)
    claim = play.claim(job_id, "only")
    told = pubsub.get_message(timeout=1)
    pubsub.close()
    client.close()
    broker.children["valkey"].stop()
    started = time.monotonic()
    play.beat(claim, 0.1)
    play.succeed(claim)

    assert told is not None
    assert time.monotonic() - started < 1.5
    assert play.job(job_id).state == "succeeded"


def test_a_step_of_a_newer_version_does_not_stop_the_bells_of_others(play: Play, broker: RunningServices) -> None:
    strange, known = play.create(one_step(), priority=Priority.HIGH), play.create(one_step())
    db.session.execute(db.text("UPDATE step SET task = 'dream.up' WHERE job_id = :id"), {"id": strange})
    make_due()

    assert run_dispatcher() == Round(rung=2)

    assert [message["job_id"] for message in waiting(broker, Queue.INGEST)] == [str(known)]
    assert play.states(strange) == {"job": "queued", "only": "queued"}
    assert ring_lost(db.session(), get_publisher(), rering_s=0.0) == 0


def test_one_job_whose_effects_fail_does_not_stop_the_reconciler(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    from api.jobs import effects

    broken, good = play.create(one_step()), play.create(one_step())
    for job_id in (broken, good):
        play.let_lease_pass(play.claim(job_id, "only"))
    db.session.execute(db.text("UPDATE step SET faults = 2"))
    db.session.commit()

    def fail_for_one(session: Any, job: Any) -> None:
        if job.id == broken:
            raise RuntimeError("defect")

    monkeypatch.setitem(effects._job_ended, KIND, [fail_for_one])
    assert play.reconcile()["lease_over"] == 1

    assert (play.job(broken).state, play.job(good).state) == ("running", "failed")
    monkeypatch.undo()
    assert play.reconcile()["lease_over"] == 1
    assert play.job(broken).state == "failed"
