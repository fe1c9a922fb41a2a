"""R12: a database that stops at once again and again, and one whose place another takes, while clients order by key.

``TEST_DATABASE_STOPS=20 TEST_DATABASE_SUBMITS=1000`` for the long run.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import httpx
import pytest

from api.extensions import get_storage
from api.migrate import upgrade
from cli.backups import run_program
from tests.api.farm import Caller, Farm, ingest
from tests.api.instances import api_process, bearer
from tests.api.others import another_app
from tests.apps import sign_up
from tests.engine.databases import Database, Standby, own_database

STOPS = int(os.environ.get("TEST_DATABASE_STOPS", "3"))
SUBMITS = int(os.environ.get("TEST_DATABASE_SUBMITS", "150"))
CLIENTS = 4
DOWN_S = 0.7
PAUSE_S = 0.1
REFUSED_WITHIN_S = 2.0
BACK_WITHIN_S = 5.0
PATIENCE_S = 240.0
RATES = ("REELYARD_RENDER_RATE", "REELYARD_DEFAULT_RATE", "REELYARD_AUTH_RATE")
ROOM = """UPDATE plan SET daily_renders = 1000000, monthly_renders = 1000000, concurrent_renders = 1000000,
    credits_per_day = 100000000, credit_ceiling = 100000000"""
STORED = """SELECT (SELECT count(*) FROM render), (SELECT count(*) FROM job WHERE id IN (SELECT job_id FROM render)),
    (SELECT count(*) FROM idempotency_key WHERE status = 202),
    (SELECT count(*) FROM credit_entry WHERE kind = 'reserve' AND job_id IN (SELECT job_id FROM render))"""
"""Rows of each kind that one order makes one of."""


class Answer(NamedTuple):
    """What a client was told, and when, by the monotonic clock."""

    began: float
    ended: float
    status: int
    code: str
    retry_after: str


class Outage(NamedTuple):
    """A time without a database: gone for certain, brought back from then on, taking connections from then on."""

    gone: float
    coming: float
    back: float


@dataclass
class Clients:
    """Threads that order a render under each key until it is accepted."""

    url: httpx.URL
    token: str
    body: dict[str, Any]
    answers: list[Answer] = field(default_factory=list)
    accepted: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def ordering(self, keys: list[str]) -> Iterator[None]:
        """Order all of them beside the block, and wait until all are accepted."""
        threads = [Thread(target=self._order, args=(keys[first::CLIENTS],)) for first in range(CLIENTS)]
        for thread in threads:
            thread.start()
        yield
        for thread in threads:
            thread.join()

    def wait_for(self, count: int) -> None:
        """Return once so many were accepted."""
        last = time.monotonic() + PATIENCE_S
        while len(self.accepted) < count:
            assert time.monotonic() < last, Counter((answer.status, answer.code) for answer in self.answers)
            time.sleep(0.005)

    def post(self, client: httpx.Client, key: str) -> httpx.Response:
        return client.post("/api/v1/renders", json=self.body, headers={**bearer(self.token), "Idempotency-Key": key})

    def _order(self, keys: list[str]) -> None:
        last = time.monotonic() + PATIENCE_S
        with httpx.Client(base_url=self.url, trust_env=False, timeout=30) as client:
            for key in keys:
                while key not in self.accepted and time.monotonic() < last:
                    began = time.monotonic()
                    answer = self.post(client, key)
                    told, retry_after = answer.json(), answer.headers.get("Retry-After", "")
                    code = str(told.get("code", ""))
                    self.answers.append(Answer(began, time.monotonic(), answer.status_code, code, retry_after))
                    if answer.status_code == 202:
                        self.accepted[key] = told["job_id"]
                    else:
                        time.sleep(PAUSE_S)


@contextmanager
def installation(environ: dict[str, str], room: Callable[[], Any]) -> Iterator[Clients]:
    """Run the API as a process on a new database; yield clients of somebody who has a video and may order for ever."""
    upgrade(environ["DATABASE_URL"])
    room()
    with another_app(environ) as app:
        client = app.test_client()
        with app.app_context():
            get_storage().ensure_bucket()
            user = Caller(client, *reversed(sign_up(client, "stops@example.com")))
            source = ingest(user, Farm(client, app.extensions["settings"].callback_secret), words=("It", "was"))
            [transcript] = user.get(f"/transcripts?asset_id={source}")["items"]
            scenario = user.get(f"/transcripts/{transcript['id']}/scenario?preset=pop")
    body = {"source_asset_id": source, "scenario": scenario, "mode": "off"}
    with api_process(environ) as served:
        yield Clients(served.base_url, user.token, body)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with own_database(tmp_path) as running:
        yield running


def environ_of(service_environ: dict[str, str], url: str, bucket: str) -> dict[str, str]:
    rates = dict.fromkeys(RATES, "100000 per minute")
    return {**service_environ, **rates, "DATABASE_URL": url, "REELYARD_S3_BUCKET": bucket}


def judge(clients: Clients, outages: list[Outage], *, submits: int) -> None:
    """Hold what clients were told against the promise."""
    refused = [answer for answer in clients.answers if answer.status != 202]
    told = {(answer.status, answer.code, answer.retry_after) for answer in refused}
    assert told == {(503, "service.database_unavailable", "2")}
    for outage in outages:
        told_then = [answer for answer in refused if outage.gone < answer.ended < outage.back]
        assert max(answer.ended - max(answer.began, outage.gone) for answer in told_then) < REFUSED_WITHIN_S
        during = [answer for answer in clients.answers if outage.gone < answer.began and answer.ended < outage.coming]
        assert during and {answer.status for answer in during} == {503}
        taken = [answer.ended for answer in clients.answers if answer.status == 202 and answer.ended > outage.back]
        assert min(taken) - outage.back <= BACK_WITHIN_S
    assert len(clients.accepted) == len(set(clients.accepted.values())) == submits


def repeat(clients: Clients) -> None:
    """Every key is answered again as it was."""
    with httpx.Client(base_url=clients.url, trust_env=False, timeout=30) as client:
        again = {key: clients.post(client, key).json().get("job_id") for key in clients.accepted}
    assert again == clients.accepted


@pytest.mark.timeout(0 if STOPS > 3 else 300)
def test_a_database_that_stops_at_once_loses_nothing_and_makes_one_job_of_each_key(
    database: Database, service_environ: dict[str, str]
) -> None:
    url = database.kind.environ({"postgres": database.port})["DATABASE_URL"]
    outages: list[Outage] = []

    with installation(environ_of(service_environ, url, "test-stops"), lambda: database.run(ROOM)) as clients:
        with clients.ordering([f"order {number}" for number in range(SUBMITS)]):
            for number in range(1, STOPS + 1):
                clients.wait_for(SUBMITS * number // (STOPS + 1))
                database.stop_at_once()
                gone = time.monotonic()
                time.sleep(DOWN_S)
                coming = time.monotonic()
                database.start()
                outages.append(Outage(gone, coming, time.monotonic()))
        repeat(clients)

    judge(clients, outages, submits=SUBMITS)
    assert database.run(STORED) == [(SUBMITS,) * 4]


def test_a_standby_that_takes_over_at_another_port_has_all_that_was_accepted(
    database: Database, service_environ: dict[str, str], tmp_path: Path
) -> None:
    """The URL names both servers; whichever takes writes is used, by requests, migrations and backups alike."""
    submits = SUBMITS // 2
    with Standby(database) as standby:
        hosts = f"host=127.0.0.1:{database.port}&host=127.0.0.1:{standby.port}&target_session_attrs=read-write"
        url = f"postgresql://reelyard:{database.password}@/reelyard?{hosts}"
        environ = environ_of(service_environ, url, "test-failover")

        with installation(environ, lambda: database.run(ROOM)) as clients:
            with clients.ordering([f"order {number}" for number in range(submits)]):
                clients.wait_for(submits // 2)
                database.stop_at_once()
                gone = time.monotonic()
                time.sleep(DOWN_S)
                coming = time.monotonic()
                standby.take_over()
                outage = Outage(gone, coming, time.monotonic())
            repeat(clients)
        run_program("pg_dump", url, ["--schema-only", f"--file={tmp_path / 'dump.sql'}"])
        stored = database.run(STORED, port=standby.port)

    judge(clients, [outage], submits=submits)
    assert stored == [(submits,) * 4]
    assert "CREATE TABLE public.render " in (tmp_path / "dump.sql").read_text()
