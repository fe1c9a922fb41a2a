"""S-15: secrets that people and processes send are in no log line, whatever becomes of the request."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
import redis

from api.extensions import db
from api.logs import RequestFields
from tasks.logs import configure_logging
from tests.api.farm import CLIP, Caller, announce
from tests.apps import PASSWORD

pytestmark = pytest.mark.security("S-15")
PLANTED = [f"planted-secret-{number:02d}-a7f3c9e1" for number in range(16)]


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that a process set to DEBUG says, as it says it."""
    heard, root = io.StringIO(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logging("DEBUG", "json", stream=heard)
    root.handlers[0].addFilter(RequestFields())
    yield heard
    root.handlers[:] = handlers
    root.setLevel(level)


def send_all(client: Any, user: Caller) -> None:
    """Send each secret where secrets are sent, most of them wrongly."""
    v1, good = "/api/v1", {"Authorization": f"Bearer {user.token}"}
    who = {"email": "ada@example.com"}
    client.post(f"{v1}/auth/login", json={**who, "password": PLANTED[0]})
    client.post(f"{v1}/auth/register", json={"email": "eve@example.com", "password": PLANTED[1]})
    client.post(f"{v1}/auth/password", json={"current_password": PLANTED[2], "password": PLANTED[3]}, headers=good)
    client.get(f"{v1}/auth/me", headers={"Authorization": f"Bearer {PLANTED[4]}"})
    client.get(f"{v1}/jobs?cursor={PLANTED[5]}&token={PLANTED[6]}", headers=good)
    client.get(f"{v1}/live/events?ticket={PLANTED[15]}")
    client.post(f"{v1}/auth/password/reset", json={"token": PLANTED[7], "password": PLANTED[8]})
    client.post(f"{v1}/auth/oauth/token", json={"code": PLANTED[9], "verifier": PLANTED[10] * 3})
    client.get(f"{v1}/auth/me", headers={"Cookie": f"session={PLANTED[11]}"})
    client.post(f"{v1}/payments/webhook", data=b"{}", headers={"Stripe-Signature": f"t=1,v1={PLANTED[12]}"})
    client.post(f"{v1}/auth/login", data=f'{{"password": "{PLANTED[13]}"', content_type="application/json")
    client.post(f"{v1}/auth/refresh", headers={"Authorization": f"Basic {PLANTED[14]}"})


def test_planted_secrets_are_in_no_line(client: Any, user: Caller, log: io.StringIO) -> None:
    send_all(client, user)

    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert len([line for line in lines if line["message"] == "request"]) >= 11
    assert [secret for secret in PLANTED if secret in log.getvalue()] == []


def test_what_lets_somebody_in_is_in_no_line(client: Any, user: Caller, log: io.StringIO) -> None:
    token = user.post("/tokens", {"name": "x", "scopes": ["read"]}, expect=201)["token"]
    client.get("/api/v1/jobs", headers={"Authorization": f"Bearer {token}"})
    ticket = announce(user, CLIP)
    signature = ticket["upload"]["parts"][0]["url"].partition("X-Amz-Signature=")[2].partition("&")[0]

    assert len(signature) == 64
    told = log.getvalue()
    assert [secret for secret in (token, user.token, signature, PASSWORD) if secret in told] == []


def test_secrets_are_nowhere_in_the_database_as_they_are(client: Any, user: Caller) -> None:
    token = user.post("/tokens", {"name": "x", "scopes": ["read"]}, expect=201)["token"]
    send_all(client, user)

    db.session.rollback()
    held = []
    for table in db.metadata.sorted_tables:
        for row in db.session.execute(table.select()).all():
            text = repr(tuple(row))
            held += [(table.name, secret[:12]) for secret in (token, user.token, PASSWORD, *PLANTED) if secret in text]
    assert held == []


def test_secrets_are_nowhere_in_redis(client: Any, user: Caller, application: Any) -> None:
    token = user.post("/tokens", {"name": "x", "scopes": ["read"]}, expect=201)["token"]
    send_all(client, user)

    with closing(redis.Redis.from_url(application.extensions["settings"].redis_url)) as broker:
        kept = {key: repr(key) + read_whole(broker, key) for key in broker.scan_iter("*")}
    assert kept
    secrets = (token, user.token, PASSWORD, *PLANTED)
    assert [(key, secret[:12]) for key, text in kept.items() for secret in secrets if secret in text] == []


def read_whole(broker: redis.Redis, key: bytes) -> str:
    """Return all that lies under a key, whatever its type."""
    reads: dict[bytes, Callable[[bytes], Any]] = {
        b"string": broker.get,
        b"list": lambda name: broker.lrange(name, 0, -1),
        b"set": broker.smembers,
        b"zset": lambda name: broker.zrange(name, 0, -1),
        b"hash": broker.hgetall,
        b"stream": broker.xrange,
    }
    return repr(reads.get(broker.type(key), lambda name: "")(key))
