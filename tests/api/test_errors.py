"""Errors have one form, a stable code and a request id, whatever went wrong and wherever."""

from __future__ import annotations

import io
import json
import logging
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text

import api
from api.errors import CODES
from api.extensions import db
from api.logs import RequestFields
from tasks.logs import JsonFormatter
from tests.api.farm import Caller
from tests.api.gate import Gate, gate_before
from tests.api.instances import bearer
from tests.api.others import another_app
from tests.apps import PASSWORD, sign_up

pytestmark = pytest.mark.security("S-17")

LOGIN = "/api/v1/auth/login"
CREDENTIALS = {"email": "ada@example.com", "password": PASSWORD}
JSON = {"Content-Type": "application/json"}


def told(answer: Any, status: int, code: str) -> dict[str, Any]:
    """Assert the one form and return the details."""
    body = answer.get_json()
    assert (answer.status_code, body["code"]) == (status, code), body
    assert set(body) == {"code", "message", "details", "request_id"}
    assert body["request_id"] == answer.headers["X-Request-Id"]
    assert body["message"]
    assert CODES[code][0] == status
    details: dict[str, Any] = body["details"]
    return details


def deep(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "request.no_such_path"),
        ("GET", "/api/v1/nowhere", 404, "request.no_such_path"),
        ("GET", "/api/v1/renders/not-an-id", 404, "request.no_such_path"),
        ("GET", "/api/static/docs/swagger/../../../setup.cfg", 404, "request.no_such_path"),
        ("GET", "/api/static/docs/other/x.js", 404, "request.no_such_path"),
        ("GET", LOGIN, 405, "request.method_not_allowed"),
        ("INVENTED", LOGIN, 405, "request.method_not_allowed"),
    ],
)
def test_a_wrong_address_is_told_in_the_one_form(client: Any, method: str, path: str, status: int, code: str) -> None:
    told(client.open(path, method=method), status, code)


def test_a_wrong_method_is_told_the_right_ones(client: Any) -> None:
    answer = client.delete(LOGIN)

    assert sorted(answer.headers["Allow"].split(", ")) == ["OPTIONS", "POST"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 422, "request.invalid"),
        (b"{", 400, "request.malformed"),
        (b'{"email": "a", "email"}', 400, "request.malformed"),
        (b"\xff\xfe\xfd", 400, "request.malformed"),
        (b'{"email": ' + b"9" * 5000 + b"}", 400, "request.malformed"),
        (b"[]", 422, "request.invalid"),
        (b'"text"', 422, "request.invalid"),
        (b"null", 422, "request.invalid"),
        (deep(64), 422, "request.invalid"),
        (deep(65), 422, "request.too_deep"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, 422, "request.too_deep"),
        (deep(100_000), 422, "request.too_deep"),
    ],
)
def test_a_body_that_is_no_good_json_is_refused(client: Any, body: bytes, status: int, code: str) -> None:
    told(client.post(LOGIN, data=body, headers=JSON), status, code)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ('"a\\u0000b"', "May not hold the character NUL."),
        ('"a\\ud800b"', "Holds half of a surrogate pair."),
        ("NaN", "Not a number that JSON knows."),
        ("-Infinity", "Not a number that JSON knows."),
        ("1e999", "Not a number that JSON knows."),
    ],
)
def test_a_value_that_no_database_keeps_is_found_by_its_pointer(client: Any, value: str, message: str) -> None:
    body = f'{{"a~b": [0, {{"c/d": {value}}}]}}'

    details = told(client.post(LOGIN, data=body, headers=JSON), 422, "request.invalid")

    assert details == {"findings": [{"pointer": "/a~0b/1/c~1d", "message": message}]}


@pytest.mark.parametrize("key", ["a\\u0000", "\\udfff"])
def test_a_key_that_no_database_keeps_is_refused(client: Any, key: str) -> None:
    details = told(client.post(LOGIN, data=f'{{"{key}": 1}}', headers=JSON), 422, "request.invalid")

    assert len(details["findings"]) == 1


def test_nul_in_the_query_is_refused(user: Caller) -> None:
    told(user.call("GET", "/jobs?cursor=a%00b"), 422, "request.invalid")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_other_content_than_json_is_refused(client: Any, kind: str) -> None:
    told(client.post(LOGIN, data=b"email=x", headers={"Content-Type": kind}), 415, "request.wrong_content_type")


def test_a_body_above_the_limit_is_refused(client: Any) -> None:
    body = json.dumps({"email": "x" * (8 << 20)})

    told(client.post(LOGIN, data=body, headers=JSON), 413, "request.too_large")


def test_a_chunked_body_is_no_way_around_the_checks(client: Any) -> None:
    def send(body: bytes) -> Any:
        return client.post(
            LOGIN,
            input_stream=io.BytesIO(body),
            headers={**JSON, "Transfer-Encoding": "chunked"},
            environ_overrides={"wsgi.input_terminated": True},
        )

    told(send(deep(1000)), 422, "request.too_deep")
    told(send(b'{"email": "' + b"x" * (8 << 20) + b'"}'), 413, "request.too_large")
    told(send(json.dumps(CREDENTIALS).encode()), 401, "auth.bad_credentials")


def test_every_wrong_field_is_found_and_a_misspelt_one_corrected(client: Any) -> None:
    answer = client.post(LOGIN, json={"emial": "ada@example.com", "password": 5, "role": "admin"})

    findings = {finding["pointer"]: finding for finding in told(answer, 422, "request.invalid")["findings"]}
    assert findings["/emial"] == {
        "pointer": "/emial",
        "message": "Unknown field.",
        "suggestion": "did you mean email?",
    }
    assert findings["/email"]["message"] == "Missing data for required field."
    assert findings["/password"]["message"] == "Not a valid string."
    assert "suggestion" not in findings["/role"]


def test_a_misspelt_field_inside_another_is_corrected(user: Caller) -> None:
    order = {"source_asset_id": "7f6c2c1e-8a54-4f0e-9b1e-0d6f6c9f2f11", "scenario": {}, "output": {"codek": "h264"}}

    findings = told(user.call("POST", "/renders", order), 422, "request.invalid")["findings"]

    assert findings == [{"pointer": "/output/codek", "message": "Unknown field.", "suggestion": "did you mean codec?"}]


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=many", "limt=5"])
def test_a_wrong_query_is_found(user: Caller, query: str) -> None:
    findings = told(user.call("GET", f"/jobs?{query}"), 422, "request.invalid")["findings"]

    assert [finding["pointer"] for finding in findings] == ["/" + query.partition("=")[0]]


@pytest.mark.parametrize("cursor", ["x", "bnVsbA", "WzEsMl0", "e30"])
def test_a_cursor_of_nobody_is_refused(user: Caller, cursor: str) -> None:
    told(user.call("GET", f"/jobs?cursor={cursor}"), 422, "request.bad_cursor")


@pytest.mark.parametrize(
    ("given", "kept"),
    [("abcd-1234_X.9", True), ("short", False), ("x" * 65, False), ("with space", False), ("ünïcödé1", False)],
)
def test_a_sane_request_id_is_kept(client: Any, given: str, kept: bool) -> None:
    answer = client.get("/nowhere", headers={"X-Request-Id": given})

    assert (answer.headers["X-Request-Id"] == given) is kept
    assert answer.get_json()["request_id"] == answer.headers["X-Request-Id"]


def test_every_answer_has_the_security_headers(client: Any) -> None:
    for path in ("/", "/api/docs", "/nowhere", "/healthz", "/api/openapi.json"):
        headers = client.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert headers["X-Frame-Options"] == "DENY", path
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"], path
    assert "Access-Control-Allow-Origin" not in client.get("/", headers={"Origin": "https://evil.example"}).headers


def test_scripts_of_listed_origins_may_call(app: Any, database_environ: dict[str, str]) -> None:
    environ = {**database_environ, "REELYARD_CORS_ORIGINS": "https://editor.example"}
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,idempotency-key"}

    with another_app(environ) as open_to_one:
        client = open_to_one.test_client()
        good = client.options(LOGIN, headers={"Origin": "https://editor.example", **asked})
        evil = client.options(LOGIN, headers={"Origin": "https://evil.example", **asked})

    assert good.headers["Access-Control-Allow-Origin"] == "https://editor.example"
    assert "authorization" in good.headers["Access-Control-Allow-Headers"].lower()
    assert "Access-Control-Allow-Origin" not in evil.headers


@pytest.fixture
def database_gate(database_environ: dict[str, str]) -> Iterator[Gate]:
    """A gate before PostgreSQL."""
    where = urlsplit(database_environ["DATABASE_URL"])
    with gate_before(str(where.hostname), int(where.port or 5432)) as gate:
        yield gate


@pytest.fixture
def gated(app: Any, database_gate: Gate, database_environ: dict[str, str]) -> Iterator[Any]:
    """An application of its own that reaches PostgreSQL through the gate, with a view that fails."""
    where = urlsplit(database_environ["DATABASE_URL"])
    url = where._replace(netloc=f"{where.username}:{where.password}@127.0.0.1:{database_gate.port}").geturl()
    with another_app({**database_environ, "DATABASE_URL": url, "REELYARD_DB_POOL_SIZE": "1"}) as gated:
        gated.add_url_rule("/boom", view_func=boom)
        yield gated


def boom() -> str:
    raise ZeroDivisionError("the password is hunter2")


def test_a_fault_of_ours_tells_nothing_of_its_inside(gated: Any, caplog: pytest.LogCaptureFixture) -> None:
    answer = gated.test_client().get("/boom")

    told(answer, 500, "internal.error")
    assert "hunter2" not in answer.get_data(as_text=True)
    assert "ZeroDivisionError" in caplog.text


def test_a_database_that_is_away_is_told_at_once_and_forgotten_when_back(gated: Any, database_gate: Gate) -> None:
    client = gated.test_client()
    _, token = sign_up(client, "gate@example.com")
    database_gate.shut()

    started = time.monotonic()
    answers = [client.get("/api/v1/auth/me", headers=bearer(token)) for _ in range(3)]

    assert time.monotonic() - started < 3
    for answer in answers:
        told(answer, 503, "service.database_unavailable")
        assert answer.headers["Retry-After"] == "2"
    database_gate.open()
    assert client.get("/api/v1/auth/me", headers=bearer(token)).status_code == 200


def test_a_database_that_never_answers_is_no_hang(gated: Any, database_gate: Gate) -> None:
    client = gated.test_client()
    _, token = sign_up(client, "clog@example.com")
    database_gate.clog()

    started = time.monotonic()
    told(client.get("/api/v1/auth/me", headers=bearer(token)), 503, "service.database_unavailable")

    assert time.monotonic() - started < 6


def test_a_statement_that_takes_too_long_is_ended_and_told(
    app: Any, database_environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(api.SESSION, "statement_timeout", 200)
    with another_app(database_environ) as impatient:
        impatient.add_url_rule("/slow", view_func=lambda: str(db.session.execute(text("SELECT pg_sleep(5)"))))

        started = time.monotonic()
        told(impatient.test_client().get("/slow"), 503, "service.database_unavailable")

        assert time.monotonic() - started < 3


def test_connections_that_are_all_in_use_are_told(gated: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client = gated.test_client()
    _, token = sign_up(client, "busy@example.com")
    with gated.app_context():
        monkeypatch.setattr(db.engine.pool, "_timeout", 0.2)
        held = [db.engine.connect() for _ in range(2)]
        answer = client.get("/api/v1/auth/me", headers=bearer(token))
        for connection in held:
            connection.close()

    told(answer, 503, "service.database_unavailable")
    assert answer.headers["Retry-After"] == "2"
    assert client.get("/api/v1/auth/me", headers=bearer(token)).status_code == 200


@pytest.fixture
def log(app: Any) -> Iterator[list[dict[str, Any]]]:
    """What is logged, as a machine reads it."""
    lines: list[dict[str, Any]] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            line = self.format(record)
            assert "\n" not in line
            lines.append(json.loads(line))

    handler = Keep()
    handler.setFormatter(JsonFormatter())
    handler.addFilter(RequestFields())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield lines
    root.removeHandler(handler)
    root.setLevel(level)


def test_a_request_is_one_line_that_tells_who_and_what_but_no_secret(log: list[Any], user: Caller) -> None:
    log.clear()

    answer = user.call("GET", "/jobs?cursor=secret-cursor")

    lines = [line for line in log if line["message"] == "request"]
    assert len(lines) == 1
    line = lines[0]
    assert (line["method"], line["path"], line["route"]) == ("GET", "/api/v1/jobs", "/api/v1/jobs")
    assert (line["status"], line["user_id"]) == (answer.status_code, user.id)
    assert line["request_id"] == answer.headers["X-Request-Id"]
    assert user.token not in json.dumps(log)
    assert "secret-cursor" not in json.dumps(log)


@pytest.mark.parametrize("path", ["/a%0d%0aFAKE%20LINE", "/%1b%5b31mred", "/%22%7d%0a%7b%22x%22:1", "/%e2%80%a8"])
def test_no_path_forges_a_line(log: list[Any], client: Any, path: str) -> None:
    client.get(path)

    assert [line["status"] for line in log if line["message"] == "request"] == [404]
