"""One thread waits for all streams of a process: cheap while nothing happens, prompt when something does."""

from __future__ import annotations

import threading
import time
from uuid import uuid4

import pytest

from api.events import bells as bells_module
from api.events.bells import Bell, Bells
from api.events.stream import stream_events
from api.extensions import db, get_redis
from tests.engine.play import Play, one_step
from tests.engine.test_events import parse, redis_away
from tests.engine.test_statements import counted

STREAMS = 40


def wait_all(bells: list[Bell], after: int, answers: list[bool]) -> list[threading.Thread]:
    waiting = [threading.Thread(target=lambda bell=bell: answers.append(bell.wait(after))) for bell in bells]
    for one in waiting:
        one.start()
    return waiting


def test_many_streams_that_wait_cost_two_looks_a_second_without_redis_and_fewer_with(play: Play) -> None:
    jobs = [play.create(one_step()) for _ in range(STREAMS)]
    for client, most in ((redis_away(), 6), (get_redis(), 2)):
        hub, answers = Bells(db.engine, client), []  # type: ignore[var-annotated]
        hung = [hub.hang(job_id, 1) for job_id in jobs]  # each knows its first event
        waiting = wait_all(hung, 1, answers)
        time.sleep(0.5)
        with counted() as sent:
            time.sleep(2.0)
        assert len(sent) <= most
        assert answers == []
        for bell in hung:
            bell.ring()
        for one in waiting:
            one.join(5)
        for bell in hung:
            bell.close()
        assert answers == [True] * STREAMS


@pytest.mark.parametrize("with_redis", [True, False])
def test_news_of_one_job_wake_its_own_streams_alone(play: Play, with_redis: bool) -> None:
    quiet, busy = play.create(one_step()), play.create(one_step())
    hub = Bells(db.engine, get_redis() if with_redis else redis_away())
    answers: dict[str, list[bool]] = {"quiet": [], "busy": []}
    hung = [hub.hang(job_id, 1) for job_id in (quiet, busy, busy)]
    waiting = wait_all(hung[:1], 1, answers["quiet"]) + wait_all(hung[1:], 1, answers["busy"])
    time.sleep(0.8)

    play.claim(busy, "only")
    for one in waiting[1:]:
        one.join(5)

    assert answers == {"quiet": [], "busy": [True, True]}
    hung[0].ring()
    waiting[0].join(5)
    for bell in hung:
        bell.close()


def test_what_happens_before_anybody_listens_and_a_job_that_is_gone_are_found_by_looking(play: Play) -> None:
    job_id = play.create(one_step())
    hub = Bells(db.engine, redis_away())
    behind, gone = hub.hang(job_id), hub.hang(uuid4())

    assert behind.wait(0) and gone.wait(0)

    behind.close()
    gone.close()


def test_a_stream_looks_for_itself_in_the_end_even_if_nobody_rings(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bells_module, "LONGEST_WAIT_S", 0.05)
    bell = Bell(Bells(db.engine, redis_away()), play.create(one_step()), 1)

    assert [bell.wait(1) for _ in range(8)] == [False, False, False, True] * 2


def test_the_thread_ends_with_the_last_stream_and_begins_again_with_the_next(play: Play) -> None:
    job_id = play.create(one_step())
    hub = Bells(db.engine, redis_away())
    for _ in range(2):
        bell = hub.hang(job_id)
        thread = hub._thread
        assert thread is not None and thread.is_alive()
        bell.close()
        bell.close()
        thread.join(5)
        assert not thread.is_alive()


def test_a_heartbeat_is_sent_while_there_is_no_news_and_nothing_is_read_for_it(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bells_module, "LONGEST_WAIT_S", 0.3)
    job_id = play.create(one_step())
    stream = stream_events(db.engine, Bells(db.engine, redis_away()).hang(job_id), job_id, 0)
    assert [next(stream), next(stream)[:5]] == ["retry: 1000\n\n", "id: 1"]

    assert next(stream) == ": still here\n\n"

    play.cancel(job_id)
    assert [name for _, name, _ in parse(stream)] == ["job.cancelled"]
