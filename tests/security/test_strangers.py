"""S-10, S-12: how long an answer takes tells nothing; invented headers and edges of time free nobody."""

from __future__ import annotations

import random
import time
from statistics import median
from typing import Any
from uuid import uuid4

import pytest

from tests.api.farm import CLIP, Caller, Farm, announce, ingest
from tests.api.instances import api_process, bearer
from tests.api.others import another_app
from tests.api.test_limits import ORDER
from tests.apps import PASSWORD

PAIRS = 60
FORWARDED = ("X-Forwarded-For", "X-Real-IP", "Forwarded", "CF-Connecting-IP", "True-Client-IP")
TRIALS, RATE, WINDOW_S = 1000, 20, 10
MADE: dict[str, dict[str, Any]] = {
    "organisations": {"name": "Studio"},
    "tokens": {"name": "one", "scopes": ["read"]},
    "webhooks": {"url": "https://example.com/hook"},
    "playlists": {"name": "Friday"},
}


@pytest.mark.security("S-10")
@pytest.mark.parametrize("kind", ["organisations", "tokens", "webhooks", "playlists"])
def test_what_is_anothers_takes_as_long_as_what_is_not_there(user: Caller, other: Caller, kind: str) -> None:
    there = user.post(f"/{kind}", MADE[kind], expect=201)["id"]

    check_alike(other, "DELETE" if kind == "tokens" else "GET", f"/{kind}/{{}}", there)


@pytest.mark.security("S-10")
def test_so_does_what_comes_of_an_upload(user: Caller, other: Caller, farm: Farm) -> None:
    ticket = announce(user, CLIP)
    asset_id = ingest(user, farm)
    [transcript] = user.get(f"/transcripts?asset_id={asset_id}")["items"]
    job_id = user.get("/jobs")["items"][0]["id"]

    check_alike(other, "GET", "/assets/{}", asset_id)
    check_alike(other, "DELETE", "/assets/{}", asset_id)
    check_alike(other, "GET", "/transcripts/{}", transcript["id"])
    check_alike(other, "GET", "/jobs/{}", job_id)
    check_alike(other, "POST", "/jobs/{}/cancel", job_id)
    check_alike(other, "POST", "/uploads/{}/complete", ticket["id"])


def check_alike(caller: Caller, method: str, path: str, there: str) -> None:
    """Ask for what is another's and for what is not there, in turns: one answer, in the same time."""
    took: dict[str, list[float]] = {"foreign": [], "absent": []}
    told = set()
    for _ in range(PAIRS):
        for which, one in (("foreign", there), ("absent", str(uuid4()))):
            began = time.perf_counter()
            answer = caller.call(method, path.format(one))
            took[which].append(time.perf_counter() - began)
            told.add((answer.status_code, answer.get_json()["code"], answer.get_json()["message"]))

    assert len(told) == 1 and next(iter(told))[0] == 404, (method, path, told)
    assert abs(median(took["foreign"]) - median(took["absent"])) < 0.005, (method, path)


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
