"""R12: a database that breaks off transactions as deadlocks and timeouts do; none of them is lost or done twice.

``TEST_TROUBLE_SUBMITS=1000`` for the long run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from api.extensions import db
from bench.chaos.trouble import MET, trouble
from cli.services.launcher import RunningServices
from tests.api.instances import bearer
from tests.api.others import another_app
from tests.apps import sign_up
from tests.engine.play import Play, fan_out, ingest, one_step
from tests.engine.test_process import DeafWorkers, EngineProcess, broker, engine, wait_for_end

__all__ = ["broker", "engine"]
SUBMITS = int(os.environ.get("TEST_TROUBLE_SUBMITS", "60"))
ONE_IN = 5
MOST_TRIES = 40


def broken_off() -> int:
    db.session.rollback()
    return int(db.session.scalar(db.text(MET)) or 0)


def test_jobs_end_once_each_while_one_transaction_in_five_is_broken_off(
    play: Play, engine: EngineProcess, broker: RunningServices, database_environ: dict[str, str]
) -> None:
    jobs = [play.create(steps) for _ in range(4) for steps in (ingest(), fan_out(4), one_step())]

    with trouble(database_environ["DATABASE_URL"], one_in=ONE_IN):
        workers = DeafWorkers(play, broker.environ["REDIS_URL"])
        states = wait_for_end(play, jobs, timeout_s=120)
        workers.stop()
        met = broken_off()

    assert states == ["succeeded"] * len(jobs)
    assert workers.problems == []
    assert met > len(jobs)
    assert all(play.effects(job_id).count("succeeded") == 1 for job_id in jobs)
    assert db.session.scalar(db.text("SELECT count(*) FROM attempt WHERE outcome IS NULL")) == 0
    assert engine.stop() == 0


@pytest.fixture
def served(database_environ: dict[str, str]) -> Iterator[Any]:
    """An installation whose requests have contexts of their own, as a server's have."""
    with another_app(database_environ) as one:
        yield one


def test_requests_are_told_to_come_again_and_what_is_repeated_is_done_once(
    app: Any, served: Any, database_environ: dict[str, str]
) -> None:
    client = served.test_client()
    _, token = sign_up(client, "trouble@example.com")
    declared = {"filename": "a.mp4", "content_type": "video/mp4", "size_bytes": 1000}
    refused: list[Any] = []
    made: list[str] = []

    def announce(key: str) -> str:
        headers = {**bearer(token), "Idempotency-Key": key}
        for _ in range(MOST_TRIES):
            answer = client.post("/api/v1/uploads", json=declared, headers=headers)
            if answer.status_code == 201:
                return str(answer.get_json()["id"])
            refused.append(answer)
        raise AssertionError(f"not taken in {MOST_TRIES} tries: {answer.get_json()}")

    keys = [uuid4().hex for _ in range(SUBMITS)]
    with trouble(database_environ["DATABASE_URL"], one_in=ONE_IN):
        made += [announce(key) for key in keys]
        again = [announce(key) for key in keys]

    assert len(refused) > SUBMITS // 20
    assert {answer.status_code for answer in refused} == {503}
    assert {answer.get_json()["code"] for answer in refused} == {"service.database_unavailable"}
    assert {answer.headers["Retry-After"] for answer in refused} == {"2"}
    assert again == made
    assert len(set(made)) == SUBMITS == db.session.scalar(db.text("SELECT count(*) FROM upload"))
    assert db.session.scalar(db.text("SELECT count(*) FROM asset")) == SUBMITS
