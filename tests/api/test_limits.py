"""Rate limits: exact, shared by every instance, stricter without Redis, and never a wait."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.api.farm import Caller
from tests.api.gate import Gate, gate_before
from tests.api.instances import api_process, bearer
from tests.api.others import another_app
from tests.apps import sign_up

pytestmark = pytest.mark.security("S-12")

RATE = 20
ORDER = {"source_asset_id": str(uuid.uuid4()), "scenario": {"version": "9"}}
"""Well formed, so that it counts; refused by the scenario's schema, so that nothing is made."""


@pytest.fixture
def redis_gate(database_environ: dict[str, str]) -> Iterator[Gate]:
    """A gate before Redis."""
    where = urlsplit(database_environ["REDIS_URL"])
    with gate_before(str(where.hostname), int(where.port or 6379)) as gate:
        yield gate


@pytest.fixture
def gated(app: Any, redis_gate: Gate, database_environ: dict[str, str]) -> Iterator[Any]:
    """An application over the same database that reaches Redis through the gate."""
    where = urlsplit(database_environ["REDIS_URL"])
    secret = f":{where.password}@" if where.password else ""
    url = f"redis://{secret}127.0.0.1:{redis_gate.port}{where.path}"
    with another_app({**database_environ, "REDIS_URL": url}) as gated:
        yield gated


def order(client: Any, token: str, **headers: str) -> Any:
    return client.post("/api/v1/renders", json=ORDER, headers={**bearer(token), **headers})


def test_the_limit_is_exact_and_shared_by_two_instances(
    database_environ: dict[str, str], client: Any, user: Caller
) -> None:
    with api_process(database_environ) as elsewhere:
        statuses = [order((client, elsewhere)[i % 2], user.token).status_code for i in range(RATE + 5)]

    assert statuses == [404] * RATE + [429] * 5


def test_a_refusal_says_when_to_come_back(client: Any, user: Caller) -> None:
    left = [order(client, user.token).headers["RateLimit-Remaining"] for _ in range(RATE)]
    refused = order(client, user.token)

    assert left == [str(RATE - 1 - i) for i in range(RATE)]
    assert (refused.status_code, refused.get_json()["code"]) == (429, "rate.limited")
    assert refused.get_json()["details"] == {"limit": "20 per 1 minute"}
    assert (refused.headers["RateLimit-Limit"], refused.headers["RateLimit-Remaining"]) == ("20", "0")
    assert 1 <= int(refused.headers["Retry-After"]) <= 61
    assert refused.headers["Retry-After"] == refused.headers["RateLimit-Reset"]


def test_an_answer_within_the_limit_asks_nobody_to_wait(client: Any, user: Caller) -> None:
    answer = client.get("/api/v1/auth/me", headers=bearer(user.token))

    assert (answer.status_code, answer.headers["RateLimit-Limit"]) == (200, "1200")
    assert 0 < int(answer.headers["RateLimit-Reset"]) <= 61
    assert "Retry-After" not in answer.headers


def test_asking_for_options_counts_too_also_with_a_token(client: Any, user: Caller) -> None:
    for headers in ({}, bearer(user.token), bearer("broken")):
        assert client.options("/api/v1/jobs", headers=headers).headers["RateLimit-Limit"] == "1200"


def test_each_user_has_a_limit_of_their_own(client: Any, user: Caller, other: Caller) -> None:
    for _ in range(RATE + 1):
        order(client, user.token)

    assert order(client, user.token).status_code == 429
    assert order(client, other.token).status_code == 404


def test_invented_addresses_and_sessions_change_nothing(client: Any, user: Caller) -> None:
    again = client.post("/api/v1/auth/login", json={"email": "ada@example.com", "password": "a long enough password"})
    tokens = (user.token, again.get_json()["access_token"])

    statuses = [
        order(client, tokens[i % 2], **{"X-Forwarded-For": f"10.0.0.{i}", "X-Real-Ip": f"10.1.0.{i}"}).status_code
        for i in range(RATE + 2)
    ]

    assert statuses == [404] * RATE + [429] * 2


def test_signing_in_is_limited_by_address(client: Any) -> None:
    answers = [
        client.post(
            "/api/v1/auth/login",
            json={"email": f"nobody{i}@example.com", "password": "a long enough password"},
            headers={"X-Forwarded-For": f"10.0.0.{i}"},
        )
        for i in range(31)
    ]

    assert [answer.status_code for answer in answers] == [401] * 30 + [429]


@pytest.mark.parametrize(("proxies", "refused"), [("0", True), ("1", False), ("2", True)])
def test_an_address_is_believed_from_as_many_proxies_as_are_trusted(
    app: Any, database_environ: dict[str, str], proxies: str, refused: bool
) -> None:
    environ = {**database_environ, "REELYARD_TRUSTED_PROXIES": proxies, "REELYARD_AUTH_RATE": "2 per minute"}
    with another_app(environ) as behind:
        client = behind.test_client()
        statuses = [
            client.post("/api/v1/auth/refresh", headers={"X-Forwarded-For": f"10.0.0.{i}"}).status_code
            for i in range(3)
        ]

    assert (statuses[-1] == 429) is refused


def test_probes_and_worker_calls_are_never_limited(app: Any, database_environ: dict[str, str]) -> None:
    environ = {**database_environ, "REELYARD_DEFAULT_RATE": "1 per hour"}
    with another_app(environ) as strict:
        client = strict.test_client()

        assert [client.get("/").status_code for _ in range(2)] == [200, 429]
        assert [client.get("/healthz").status_code for _ in range(3)] == [200] * 3
        assert [client.post("/api/render/callback").status_code for _ in range(3)] == [401] * 3


def test_without_redis_each_process_is_stricter_and_back_again_with_it(gated: Any, redis_gate: Gate) -> None:
    client = gated.test_client()
    _, token = sign_up(client, "gate@example.com")
    redis_gate.shut()

    started = time.monotonic()
    statuses = [order(client, token).status_code for _ in range(RATE)]

    assert statuses == [404] * (RATE // 2) + [429] * (RATE // 2)
    assert time.monotonic() - started < 5
    redis_gate.open()
    deadline = time.monotonic() + 20
    while order(client, token).headers.get("RateLimit-Limit") != str(RATE) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert order(client, token).headers["RateLimit-Limit"] == str(RATE)


def test_a_redis_that_never_answers_costs_no_more_than_seconds(gated: Any, redis_gate: Gate) -> None:
    client = gated.test_client()
    _, token = sign_up(client, "clog@example.com")
    redis_gate.clog()

    started = time.monotonic()
    statuses = [order(client, token).status_code for _ in range(5)]

    assert statuses == [404] * 5
    assert time.monotonic() - started < 8
