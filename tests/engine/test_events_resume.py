"""R22: progress never lies, and a reader that loses its connection again and again sees every event once."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from api.events.stream import Doorbell, read_batch, stream_events
from api.extensions import db
from api.jobs.models import Event
from tests.engine.play import Play, fan_out, one_step
from tests.engine.test_events import parse, redis_away

RECONNECTS = 10_000 if os.environ.get("CI") == "true" else 400


def told(job_id: UUID) -> list[tuple[int, str, dict[str, Any]]]:
    """Return a job's events as they are stored."""
    db.session.rollback()
    rows = db.session.scalars(select(Event).where(Event.job_id == job_id).order_by(Event.seq))
    return [(row.seq, row.kind, row.data) for row in rows]


def long_story(play: Play) -> UUID:
    """A job of several parts, failures and a retry, with progress between: about sixty events."""
    job_id = play.create(fan_out(3))
    for part in range(3):
        for attempt in range(2):
            claim = play.claim(job_id, "part", part=part)
            for number in range(6):
                play.beat(claim, number / 6, stage=f"stage {part} {attempt} {number}")
            if attempt == 0:
                play.fail(claim, "storage.unavailable", permanent=False)
                play.let_pauses_pass(job_id)
            else:
                play.succeed(claim)
    play.fail(play.claim(job_id, "join"))
    play.retry(job_id)
    play.succeed(play.claim(job_id, "join"))
    return job_id


def test_thousands_of_reconnects_show_every_event_once_and_in_order(play: Play) -> None:
    job_id = long_story(play)
    whole = [(seq, kind) for seq, kind, _ in told(job_id)]
    assert len(whole) > 50 and [seq for seq, _ in whole] == list(range(1, len(whole) + 1))
    db.session.rollback()  # the server ends a transaction that stands idle for a minute
    draw, reconnects, away = random.Random(22), 0, redis_away()

    while reconnects < RECONNECTS:
        seen: list[tuple[int, str]] = []
        while len(seen) < len(whole):
            seen += broken_off(stream_events(db.engine, Doorbell(away, job_id), job_id, len(seen)), draw.randint(1, 9))
            reconnects += 1
        assert seen == whole

    assert read_batch(db.engine, job_id, len(whole)).complete


def broken_off(stream: Iterator[str], count: int) -> list[tuple[int, str]]:
    """Read so many events of a stream, then lose the connection."""
    chunks: list[str] = []
    for chunk in stream:
        chunks.append(chunk)
        if sum(one.startswith("id: ") for one in chunks) == count:
            break
    stream.close()  # type: ignore[attr-defined]
    return [(seq, kind) for seq, kind, _ in parse(iter(chunks))]


@pytest.mark.parametrize("seed", range(3))
def test_progress_of_an_attempt_never_goes_back_and_is_99_at_most_before_the_end(play: Play, seed: int) -> None:
    draw, job_id = random.Random(seed), play.create(one_step())
    for attempt in (1, 2):
        claim = play.claim(job_id, "only")
        for number in range(25):  # what a worker says jumps to and fro, and beyond all bounds
            play.beat(claim, draw.choice([draw.random(), -1.0, 2.0 if number > 20 else 0.0]), stage=f"{number}")
        if attempt == 1:
            play.fail(claim, "storage.unavailable", permanent=False)
            play.let_pauses_pass(job_id)
        else:
            play.succeed(claim)

    by_attempt: dict[int, list[float]] = {}
    events = told(job_id)
    for _, kind, data in events:
        if kind in ("progress", "step.running"):
            by_attempt.setdefault(data["step"]["attempt"], []).append(data["progress"]["percent"])
    assert [len(percents) for percents in by_attempt.values()] == [26, 26]
    for percents in by_attempt.values():
        assert percents[0] == 0.0 and percents == sorted(percents) and 0.0 < percents[-1] <= 99.0
    ends = [data["progress"]["percent"] for _, kind, data in events if kind == "job.succeeded"]
    assert ends == [100.0]
    assert all(data["progress"]["percent"] <= 99.0 for _, kind, data in events if kind != "job.succeeded")
    assert json.loads(json.dumps(events[-1][2]))["progress"]["percent"] == 100.0
