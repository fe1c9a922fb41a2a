"""S-8: what a browser may send from anywhere changes nothing: no GET writes a row, but those with a reason."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from sqlalchemy import event

from api.extensions import db
from tests.api.farm import Caller
from tests.api.test_fonts import announce as announce_font
from tests.security.running import Running, running_api

pytestmark = pytest.mark.security("S-8")
WRITES = re.compile(
    r"\b(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM|TRUNCATE|MERGE\s+INTO)\s+(?!(?:SKIP|NOWAIT|OF|SET)\b)\"?(\w+)", re.I
)
"""A statement that changes rows, with its table; ``FOR UPDATE`` at the end has none."""
OAUTH = "GET /api/v1/auth/oauth/{provider}"
TOLD = {"live_event", "live_reader", "webhook_delivery"}
"""Where a change is told to those who listen."""
WRITING = {
    # The taking away is itself recorded
    "GET /api/v1/admin/audit/export": {"audit_log"},
    # Each gives the caller once what is the caller's anyway: the day's credits, a player, a place in the audience
    "GET /api/v1/credits": {"credit_account", "credit_entry", "live_reader", "webhook_delivery"},
    "GET /api/v1/player": {"player"},
    "GET /api/v1/live/events": {"live_reader"},
    # What a browser does on its own between here and a provider: bound to its cookie and to a state that counts once
    f"{OAUTH}/start": {"oauth_flow"},
    f"{OAUTH}/callback": {"oauth_flow"},
    # A request that makes a picture when there is none yet: a GET because a page shows it as one
    "GET /api/v1/renders/{render_id}/still": {"still", "job", "step", "event", "outbox", *TOLD},
}
"""GETs that write, and the tables. All but OAuth's want a bearer token, which no page of another origin can send."""
FREE_OF_BEARER = {f"{OAUTH}/start", f"{OAUTH}/callback"}
OFF = {
    "GET /api/v1/live/socket": "needs a WebSocket: tests/api/test_live_socket.py",
    "GET /flower/": "wants its own cookie: tests/integration/test_flower.py",
    "GET /flower/{path}": "the same",
    "GET /api/static/docs/{name}/{file}": "files of the package",
    "GET /studio/assets/{file}": "the same",
    "GET /studio/stage/{file}": "the same",
}
"""GETs that this walk does not get through to, and why."""
QUERIES = {
    "GET /api/v1/renders/{render_id}/still": {"t": "0.1", "wait_s": "0"},
    "GET /api/v1/transcripts/search": {"q": "Hello"},
}


def template_of(rule: Any) -> str:
    return re.sub(r"<(?:[^:<>]+:)?(\w+)>", r"{\1}", rule.rule)


@contextmanager
def written() -> Iterator[list[str]]:
    """Collect the statements of this thread within the block that change rows."""
    found: list[str] = []
    here = threading.get_ident()

    def note(connection: Any, cursor: Any, sent: str, parameters: Any, context: Any, *rest: Any) -> None:
        statement = context.statement  # of a planned one only the name is sent
        if threading.get_ident() == here and WRITES.search(statement):
            found.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def tables_of(statements: list[str]) -> set[str]:
    return {table.lower() for statement in statements for table in WRITES.findall(statement)}


def more_ids(caller: Caller, ids: dict[str, str]) -> dict[str, str]:
    """Make what the fuzzer makes for itself; return the ids."""
    scenario = caller.get(f"/transcripts/{ids['transcript_id']}/scenario?preset=pop")
    body = {"source_asset_id": ids["asset_id"], "scenario": scenario, "wait_s": 0}
    delivery = caller.post(f"/webhooks/{ids['webhook_id']}/test", expect=202)["id"]
    return {
        "font_id": announce_font(caller, b"any bytes")["id"],
        "still_id": caller.post("/stills", {**body, "t": 0.5}, expect=202)["id"],
        "validation_id": caller.post("/renders/validate", body, expect=202)["id"],
        "token_id": caller.post("/tokens", {"name": "walk", "scopes": ["read"]}, expect=201)["id"],
        "delivery_id": delivery,
        "version": "1",
    }


def fill(name: str, running: Running, ids: dict[str, str]) -> str:
    """Return the path of a thing that is there."""
    good = running.good.get(name, {})
    known = {**ids, **good.get("path_parameters", {})}
    path = re.sub(r"{(\w+)}", lambda found: str(known.get(found[1], found[0])), name.removeprefix("GET "))
    query = {**good.get("query", {}), **QUERIES.get(name, {})}
    return f"{path}?{urlencode(query)}" if query else path


@pytest.fixture
def world(app: Any, database_environ: dict[str, str]) -> Iterator[tuple[Any, Running]]:
    """An application with one of everything, whose caller is an administrator."""
    made: list[Any] = []
    with running_api(database_environ, wrap=made.append) as running, made[0].app_context():
        yield made[0], running
        db.session.remove()


def test_the_eye_sees_what_writes() -> None:
    writing = ('INSERT INTO "user" (id)', "UPDATE job SET x = 1", "WITH a AS (DELETE FROM b RETURNING id) SELECT")
    at_most_one = "INSERT INTO c (id) ON CONFLICT (id) DO UPDATE SET x = 1"

    assert [WRITES.findall(statement) for statement in writing] == [["user"], ["job"], ["b"]]
    assert WRITES.findall(at_most_one) == ["c"]
    for end in ("FOR UPDATE", "FOR UPDATE SKIP LOCKED", "FOR NO KEY UPDATE NOWAIT", "FOR UPDATE OF job"):
        assert not WRITES.search(f"SELECT job.updated_at, job.deleted FROM job {end}")


def test_no_get_writes(world: tuple[Any, Running]) -> None:
    application, running = world
    client = application.test_client()
    ids = {**running.ids, **more_ids(Caller(client, running.token, running.user_id), running.ids)}
    client.get("/healthz")  # undoes what the seeds did to the caller
    names = sorted({f"GET {template_of(rule)}" for rule in application.url_map.iter_rules() if "GET" in rule.methods})
    writing, failed = {}, []
    for name in names:
        with written() as statements:
            answer = client.get(fill(name, running, ids), headers={"Authorization": f"Bearer {running.token}"})
            if answer.mimetype != "text/event-stream":
                answer.get_data()
            answer.close()
        if statements:
            writing[name] = tables_of(statements)
        if answer.status_code >= 400 and name not in OFF:
            failed.append((name, answer.status_code, (answer.get_json(silent=True) or {}).get("code")))

    assert len(names) > 100
    assert failed == []
    assert writing == WRITING


def test_what_writes_wants_a_token_that_no_other_page_can_send(client: Any) -> None:
    paths = [name.removeprefix("GET ").format(render_id=uuid4()) for name in set(WRITING) - FREE_OF_BEARER]

    answers = [client.get(path, headers={"Cookie": "reelyard_refresh=x"}) for path in paths]

    assert {(one.status_code, one.get_json()["code"]) for one in answers} == {(401, "auth.missing_token")}
