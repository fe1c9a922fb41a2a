"""S-10, S-12: how long an answer takes tells nothing; invented headers and edges of time free nobody."""

from __future__ import annotations

import random
import time
from statistics import median
from typing import Any
from uuid import uuid4

import pytest

from tests.api.farm import Caller
from tests.api.instances import api_process, bearer
from tests.api.others import another_app
from tests.api.test_limits import ORDER
from tests.apps import PASSWORD

PAIRS = 60
FORWARDED = ("X-Forwarded-For", "X-Real-IP", "Forwarded", "CF-Connecting-IP", "True-Client-IP")
TRIALS, RATE, WINDOW_S = 1000, 20, 10


@pytest.mark.security("S-10")
@pytest.mark.parametrize("kind", ["organisations", "tokens"])
def test_what_is_anothers_takes_as_long_as_what_is_not_there(user: Caller, other: Caller, kind: str) -> None:
    mine = {"organisations": {"name": "Studio"}, "tokens": {"name": "one", "scopes": ["read"]}}[kind]
    there = user.post(f"/{kind}", mine, expect=201)["id"]
    method = "GET" if kind == "organisations" else "DELETE"
    took: dict[str, list[float]] = {"foreign": [], "absent": []}

    bodies = set()
    for _ in range(PAIRS):
        for which, one in (("foreign", there), ("absent", str(uuid4()))):
            began = time.perf_counter()
            answer = other.call(method, f"/{kind}/{one}")
            took[which].append(time.perf_counter() - began)
            bodies.add((answer.status_code, answer.get_json()["code"], answer.get_json()["message"]))

    assert len(bodies) == 1 and next(iter(bodies))[0] == 404
    assert abs(median(took["foreign"]) - median(took["absent"])) < 0.005


@pytest.mark.security("S-12")
def test_a_thousand_tries_at_two_processes_with_invented_headers_get_no_more_than_the_limit_in_any_stretch_of_time(
    app: Any, database_environ: dict[str, str], user: Caller
) -> None:
    chance = random.Random(3)
    stretches: list[tuple[float, float]] = []
    limit = {"REELYARD_RENDER_RATE": f"{RATE} per {WINDOW_S} second", "REELYARD_DEFAULT_RATE": "100000 per minute"}
    environ = {**database_environ, **limit, "REELYARD_TRUSTED_PROXIES": "1"}
    with another_app(environ) as limited, api_process(environ) as elsewhere:
        ways = (limited.test_client(), elsewhere)
        for trial in range(TRIALS):
            began, client = time.monotonic(), ways[trial % 2]
            answer = client.post("/api/v1/renders", json=ORDER, headers={**bearer(user.token), **invent(chance)})
            assert answer.status_code in (404, 429)
            if answer.status_code == 404:
                stretches.append((began, time.monotonic()))

    assert RATE <= len(stretches) < TRIALS / 2
    for first, last in zip(stretches, stretches[RATE:], strict=False):
        assert last[1] - first[0] > WINDOW_S * 0.95


@pytest.mark.security("S-12")
def test_sign_in_is_limited_by_the_real_address_whatever_headers_say(
    app: Any, database_environ: dict[str, str]
) -> None:
    chance = random.Random(4)
    with another_app({**database_environ, "REELYARD_AUTH_RATE": "20 per hour"}) as limited:
        client = limited.test_client()
        body = {"email": f"{uuid4().hex}@example.com", "password": PASSWORD}
        statuses = [
            client.post("/api/v1/auth/login", json=body, headers=invent(chance)).status_code for _ in range(RATE + 30)
        ]

    assert 429 not in statuses[:10]
    assert set(statuses[RATE:]) == {429}


def invent(chance: random.Random) -> dict[str, str]:
    """Return headers that name another sender each time."""
    return {name: ".".join(str(chance.randrange(1, 255)) for _ in range(4)) for name in FORWARDED}
