"""Health tells the truth: alive, ready, degraded, unready, each within seconds."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from api.extensions import get_storage
from tasks.version import version
from tests.api.farm import Caller
from tests.api.gate import Gate, gate_before
from tests.api.instances import ROOT, free_port, wait_until_it_answers
from tests.api.others import another_app

VARIABLES = {"database": "DATABASE_URL", "redis": "REDIS_URL", "storage": "S3_ENDPOINT_URL"}
LONGEST_S = 5.0


@pytest.fixture(scope="module")
def gates(database_environ: dict[str, str]) -> Iterator[dict[str, Gate]]:
    """A gate before each service."""
    places = {part: urlsplit(database_environ[name]) for part, name in VARIABLES.items()}
    with (
        gate_before(str(places["database"].hostname), int(places["database"].port or 5432)) as database,
        gate_before(str(places["redis"].hostname), int(places["redis"].port or 6379)) as redis,
        gate_before(str(places["storage"].hostname), int(places["storage"].port or 80)) as storage,
    ):
        yield {"database": database, "redis": redis, "storage": storage}


@pytest.fixture(scope="module")
def gated_environ(gates: dict[str, Gate], database_environ: dict[str, str]) -> dict[str, str]:
    """The environment of an application behind the gates."""
    environ = dict(database_environ)
    for part, name in VARIABLES.items():
        where = urlsplit(environ[name])
        login = where.netloc.rpartition("@")[0]
        host = f"127.0.0.1:{gates[part].port}"
        environ[name] = where._replace(netloc=f"{login}@{host}" if login else host).geturl()
    return environ


@pytest.fixture(scope="module")
def gated(gated_environ: dict[str, str], application: Any) -> Iterator[Any]:
    with another_app(gated_environ) as gated:
        with gated.app_context():
            get_storage().ensure_bucket()
        yield gated


def ready(gated: Any) -> tuple[int, str, dict[str, str]]:
    """Ask for readiness, which must take seconds at most; return status, verdict and parts."""
    started = time.monotonic()
    answer = gated.test_client().get("/readyz")
    assert time.monotonic() - started < LONGEST_S
    body = answer.get_json()
    assert all(part["ms"] >= 0 for part in body["parts"].values())
    return answer.status_code, body["status"], {name: part["status"] for name, part in body["parts"].items()}


def test_a_process_that_answers_is_alive(client: Any) -> None:
    answer = client.get("/healthz")

    assert (answer.status_code, answer.get_json()) == (200, {"status": "ok", "version": version()})


@pytest.mark.parametrize("how", ["shut", "clog"])
@pytest.mark.parametrize(
    ("away", "status", "verdict"),
    [("database", 503, "unready"), ("storage", 503, "unready"), ("redis", 200, "degraded")],
)
def test_a_service_that_is_away_is_told_and_forgotten_when_back(
    gated: Any, gates: dict[str, Gate], away: str, status: int, verdict: str, how: str
) -> None:
    everything = dict.fromkeys(VARIABLES, "ok")
    assert ready(gated) == (200, "ready", everything)

    getattr(gates[away], how)()
    seen = ready(gated)
    gates[away].shut()
    gates[away].open()

    assert seen == (status, verdict, {**everything, away: "down"})
    assert ready(gated) == (200, "ready", everything)


def test_a_process_without_any_service_is_alive_all_the_same(gated: Any, gates: dict[str, Gate]) -> None:
    for gate in gates.values():
        gate.shut()

    alive = gated.test_client().get("/healthz").status_code

    for gate in gates.values():
        gate.open()
    assert alive == 200


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Read a scrape."""
    found: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name, tuple(sorted(sample.labels.items()))] = sample.value
    return found


def requests_of(text: str, route: str, status: str) -> float:
    labels = (("method", "GET"), ("route", route), ("status", status))
    return samples(text).get(("reelyard_http_requests_total", labels), 0.0)


def test_requests_are_counted_by_route_and_status(client: Any, user: Caller) -> None:
    def counted() -> tuple[float, float]:
        text = client.get("/metrics").get_data(as_text=True)
        return requests_of(text, "/api/v1/renders/<uuid:render_id>", "404"), requests_of(text, "unknown", "404")

    before = counted()
    user.get("/renders/7f6c2c1e-8a54-4f0e-9b1e-0d6f6c9f2f11", expect=404)
    user.get("/renders/7f6c2c1e-8a54-4f0e-9b1e-0d6f6c9f2f12", expect=404)
    client.get("/invented/1")

    assert counted() == (before[0] + 2, before[1] + 1)


def test_invented_methods_and_paths_make_no_new_series(client: Any) -> None:
    for i in range(20):
        client.open(f"/invented/{i}", method=f"INVENTED{i}")

    text = client.get("/metrics").get_data(as_text=True)
    assert "invented" not in text.lower()
    assert 'method="other"' in text


def test_queues_and_jobs_are_measured(client: Any) -> None:
    found = samples(client.get("/metrics").get_data(as_text=True))

    assert found["reelyard_queue_depth", (("queue", "render"),)] == 0
    assert found["reelyard_jobs", (("state", "queued"),)] == 0


def test_credits_and_dollars_are_measured(client: Any) -> None:
    found = samples(client.get("/metrics").get_data(as_text=True))

    assert found["reelyard_credits_balance", ()] >= 0
    assert found["reelyard_credits_debt", ()] >= 0
    assert found["reelyard_provider_dollars", ()] >= 0


def test_metrics_without_a_database_tell_what_they_can(gated: Any, gates: dict[str, Gate]) -> None:
    gates["database"].shut()
    answer = gated.test_client().get("/metrics")
    gates["database"].open()

    assert answer.status_code == 200
    assert "reelyard_http_requests_total" in answer.get_data(as_text=True)


@contextmanager
def gunicorn(environ: Mapping[str, str], scratch: Path) -> Iterator[httpx.Client]:
    """Run the API as it is run for real, with two worker processes."""
    port = free_port()
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "-c", "python:api.gunicorn", "-b", f"127.0.0.1:{port}", "api.wsgi:app"],
        env={**kept, **environ, "TMPDIR": str(scratch), "GUNICORN_WORKERS": "2"},
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30) as client:
            wait_until_it_answers(client, server)
            yield client
    finally:
        server.terminate()
        assert server.wait(20) == 0


def test_two_processes_of_one_server_are_added_up_and_leave_nothing(
    app: Any, database_environ: dict[str, str], tmp_path: Path
) -> None:
    close = {"Connection": "close"}
    with gunicorn(database_environ, tmp_path) as server:
        for _ in range(30):
            assert server.get("/healthz", headers=close).status_code == 200
        counts = {requests_of(server.get("/metrics", headers=close).text, "/healthz", "200") for _ in range(8)}
        folders = list(tmp_path.glob("reelyard-metrics-*"))

    assert len(counts) == 1  # whichever process answers
    assert min(counts) >= 30  # waiting for the start asked too
    assert len(folders) == 1
    assert not folders[0].exists()
