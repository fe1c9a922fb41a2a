"""Server-Sent Events: resumable, complete, with Redis or without."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
import redis
from sqlalchemy import create_engine

from api.events.bells import Bells
from api.events.stream import Doorbell, read_batch, stream_events
from api.extensions import db, get_redis
from tests.engine.play import RENDER, Play, StepSpec, one_step
from tests.engine.test_routes import User

NOWHERE = "redis://127.0.0.1:1/0"


def parse(chunks: Iterator[str]) -> list[tuple[int, str, dict[str, Any]]]:
    """Return (id, name, data) of the events in a stream."""
    found = []
    for block in "".join(chunks).split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "id" in fields:
            found.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
    return found


def redis_away() -> redis.Redis:
    return redis.Redis.from_url(NOWHERE, socket_connect_timeout=0.2, retry=None)


@pytest.fixture
def user(client: Any) -> User:
    return User(client, "ada@example.com")


@pytest.fixture
def mine(app: Any, user: User, play: Play) -> Play:
    return Play(app, user.id)


def finish_one(play: Play) -> UUID:
    job_id = play.create([StepSpec("render", RENDER, {})])
    claim = play.claim(job_id, "render")
    play.beat(claim, 0.5, stage="frames")
    play.succeed(claim)
    return job_id


NAMES = ["job.queued", "job.running", "step.running", "progress", "step.succeeded", "job.succeeded"]


def test_a_finished_job_tells_its_whole_story_and_the_stream_ends(mine: Play, user: User) -> None:
    job_id = finish_one(mine)

    answer = user.call("GET", f"/jobs/{job_id}/events")
    events = parse(iter([answer.get_data(as_text=True)]))

    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert answer.headers["Cache-Control"] == "no-store"
    assert [(seq, name) for seq, name, _ in events] == list(enumerate(NAMES, start=1))
    assert events[3][2]["progress"]["percent"] == 50.0
    assert events[3][2]["step"] == {"name": "render", "part": 0, "state": "running", "attempt": 1, "error": None}
    assert (events[-1][2]["state"], events[-1][2]["progress"]["percent"]) == ("succeeded", 100.0)


@pytest.mark.parametrize("last", range(1, 6))
def test_a_stream_goes_on_after_the_last_event_id_without_gap_or_repeat(mine: Play, user: User, last: int) -> None:
    job_id = finish_one(mine)

    answer = user.call("GET", f"/jobs/{job_id}/events", Last_Event_ID=str(last))

    assert [seq for seq, _, _ in parse(iter([answer.get_data(as_text=True)]))] == list(range(last + 1, 7))


def test_a_client_that_has_everything_is_told_to_stop(mine: Play, user: User) -> None:
    job_id = finish_one(mine)

    assert user.call("GET", f"/jobs/{job_id}/events", Last_Event_ID="6").status_code == 204


@pytest.mark.parametrize("given", ["", "x", "-1", "1e3", "9" * 30, "\u0661"])
def test_a_last_event_id_that_makes_no_sense_starts_at_the_beginning(mine: Play, user: User, given: str) -> None:
    job_id = finish_one(mine)

    answer = user.call("GET", f"/jobs/{job_id}/events", Last_Event_ID=given.encode("utf-8").decode("latin-1"))

    assert [seq for seq, _, _ in parse(iter([answer.get_data(as_text=True)]))] == list(range(1, 7))


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("with_redis", [True, False])
def test_a_live_stream_follows_the_job_to_its_end(play: Play, with_redis: bool, together: bool) -> None:
    job_id = play.create([StepSpec("render", RENDER, {})])
    client = get_redis() if with_redis else redis_away()
    doorbell = Bells(db.engine, client).hang(job_id) if together else Doorbell(client, job_id)
    stream = stream_events(db.engine, doorbell, job_id, 0)
    told: list[str] = []
    reader = threading.Thread(target=lambda: told.extend(stream))
    reader.start()

    claim = play.claim(job_id, "render")
    play.beat(claim, 0.5, stage="frames")
    time.sleep(0.3)
    play.succeed(claim)
    ended = time.monotonic()
    reader.join(10)

    assert [name for _, name, _ in parse(iter(told))] == NAMES
    assert time.monotonic() - ended < 2.0


def test_a_reader_is_woken_by_redis_before_its_poll_is_due(play: Play) -> None:
    job_id = play.create(one_step())
    doorbell = Doorbell(get_redis(), job_id)
    doorbell.wait(0)
    timer = threading.Timer(0.1, lambda: get_redis_of(play).publish(f"reelyard:progress:{job_id}", "{}"))
    timer.start()
    started = time.monotonic()
    doorbell.wait(0)
    elapsed_s = time.monotonic() - started
    doorbell.close()
    timer.join()

    assert elapsed_s < 0.6


def get_redis_of(play: Play) -> redis.Redis:
    with play.app.app_context():
        return get_redis()


def test_a_retry_in_the_middle_of_the_story_does_not_end_the_stream(play: Play) -> None:
    job_id = play.create(one_step())
    play.fail(play.claim(job_id, "only"))
    play.retry(job_id)
    play.succeed(play.claim(job_id, "only"))

    names = [name for _, name, _ in parse(stream_events(db.engine, Doorbell(redis_away(), job_id), job_id, 0))]

    assert names == [
        "job.queued", "job.running", "step.running", "step.failed", "job.failed",
        "job.queued", "job.running", "step.running", "step.succeeded", "job.succeeded",
    ]  # fmt: skip


def test_no_connection_is_held_while_a_stream_waits(play: Play) -> None:
    job_id = play.create(one_step())
    engine = create_engine(db.engine.url, pool_size=1, max_overflow=0, pool_timeout=1)
    streams = [stream_events(engine, Doorbell(redis_away(), job_id), job_id, 0) for _ in range(5)]
    for stream in streams:
        assert next(stream).startswith("retry")
        assert next(stream).startswith("id: 1")

    assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    for stream in streams:
        stream.close()
    engine.dispose()


def test_a_database_that_goes_away_does_not_end_a_stream(play: Play) -> None:
    job_id = play.create(one_step())
    engine = create_engine(db.engine.url)
    stream = stream_events(engine, Doorbell(redis_away(), job_id), job_id, 0)
    next(stream)
    next(stream)
    db.session.execute(
        db.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                " AND datname = current_database() AND application_name = ''")
    )  # fmt: skip
    db.session.commit()
    play.cancel(job_id)

    assert [name for _, name, _ in parse(stream)] == ["job.cancelled"]
    engine.dispose()


def test_ten_readers_that_reconnect_all_the_time_see_every_event_once(play: Play) -> None:
    job_id = play.create([StepSpec("render", RENDER, {})])
    claim = play.claim(job_id, "render")
    engine = db.engine
    seen: list[list[int]] = [[] for _ in range(10)]
    stop = threading.Event()

    def read(mine: list[int]) -> None:
        while not (stop.is_set() and read_batch(engine, job_id, mine[-1] if mine else 0).events == []):
            batch = read_batch(engine, job_id, mine[-1] if mine else 0)
            mine.extend(event.seq for event in batch.events[:2])  # the connection breaks after two

    readers = [threading.Thread(target=read, args=(mine,)) for mine in seen]
    for reader in readers:
        reader.start()
    for number in range(20):
        play.beat(claim, number / 20, stage=f"stage {number}")
    play.succeed(claim)
    stop.set()
    for reader in readers:
        reader.join()

    total = len(play.events(job_id))
    assert total == 25
    assert seen == [list(range(1, total + 1))] * 10
