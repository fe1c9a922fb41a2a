"""How long a session lasts however often it is refreshed, and what a sign-in leaves in the logs."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from api.audit.models import AuditEntry
from api.auth.models import AuthSession
from api.auth.throttle import account_key
from api.extensions import db
from tasks.logs import JsonFormatter
from tests.api.instances import bearer
from tests.apps import PASSWORD
from tests.factories.users import UserFactory

pytestmark = pytest.mark.security("S-8")

ADA = "ada@example.com"
DAY_S = 86_400


def login(client: Any, password: str = PASSWORD, email: str = ADA) -> Any:
    return client.post("/api/v1/auth/login", json={"email": email, "password": password})


def refresh(client: Any, pair: dict[str, Any]) -> Any:
    return client.post("/api/v1/auth/refresh", headers=bearer(pair["refresh_token"]))


def make_older(by: timedelta) -> AuthSession:
    """Move the one session's beginning; return it."""
    row = db.session.query(AuthSession).one()
    row.created_at -= by
    db.session.commit()
    return row


@pytest.fixture
def ada(app: Any) -> Any:
    return UserFactory(email=ADA)


def test_a_session_ends_however_often_it_is_refreshed(client: Any, ada: Any) -> None:
    pair = login(client).get_json()
    make_older(timedelta(days=89, hours=23))
    pair = refresh(client, pair).get_json()
    make_older(timedelta(hours=1))

    answer = refresh(client, pair)

    assert (answer.status_code, answer.get_json()["code"]) == (401, "auth.session_over")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert refresh(client, pair).get_json()["code"] == "auth.session_over"  # refused, not used up
    assert db.session.query(AuthSession).one().revoked_at is None
    assert login(client).status_code == 200


def test_nothing_signed_for_a_session_outlives_it(client: Any, ada: Any) -> None:
    pair = login(client).get_json()
    row = make_older(timedelta(days=89, hours=23))
    last = row.created_at + timedelta(days=90)

    fresh = refresh(client, pair).get_json()

    claims = jwt.decode(fresh["access_token"], options={"verify_signature": False})
    assert 3590 < fresh["expires_in_s"] <= 3600
    assert last.timestamp() - 10 < claims["exp"] <= last.timestamp()
    db.session.expire_all()
    assert db.session.query(AuthSession).one().expires_at == last


def test_a_young_session_is_not_cut(client: Any, ada: Any) -> None:
    pair = login(client).get_json()
    make_older(timedelta(days=50))

    fresh = refresh(client, pair).get_json()

    assert fresh["expires_in_s"] == DAY_S
    db.session.expire_all()
    left = db.session.query(AuthSession).one().expires_at - datetime.now(UTC)
    assert timedelta(days=29, hours=23) < left <= timedelta(days=30)


def test_a_used_token_of_an_old_session_still_tells_that_it_was_stolen(client: Any, ada: Any) -> None:
    pair = login(client).get_json()
    refresh(client, pair)
    make_older(timedelta(days=91))

    assert refresh(client, pair).get_json()["code"] == "auth.refresh_reused"
    assert db.session.query(AuthSession).one().revoked_at is not None


def test_each_sign_in_is_in_the_audit_log_with_its_method(client: Any, ada: Any) -> None:
    first, second = login(client), login(client)

    ids = [str(row.id) for row in db.session.query(AuthSession).order_by(AuthSession.created_at)]
    entries = db.session.query(AuditEntry).filter_by(actor_id=ada.id).order_by(AuditEntry.created_at).all()
    assert [(one.action, one.target_type, one.target_id, one.after) for one in entries] == [
        ("session.opened", "session", session_id, {"method": "password"}) for session_id in ids
    ]
    assert [one.request_id for one in entries] == [one.headers["X-Request-Id"] for one in (first, second)]
    assert {(one.via, one.address, one.actor_email) for one in entries} == {("session", "127.0.0.1", ADA)}


def test_strangers_add_nothing_to_the_audit_log(client: Any, ada: Any) -> None:
    before = db.session.query(AuditEntry).count()

    statuses = [login(client, "not the password").status_code, login(client, email="nobody@example.com").status_code]

    assert statuses == [401, 401]
    assert db.session.query(AuditEntry).count() == before


@pytest.fixture
def log(app: Any) -> Iterator[list[dict[str, Any]]]:
    """What is logged, as a machine reads it."""
    lines: list[dict[str, Any]] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(json.loads(self.format(record)))

    handler, root = Keep(), logging.getLogger()
    handler.setFormatter(JsonFormatter())
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield lines
    root.removeHandler(handler)
    root.setLevel(level)


def told(log: list[dict[str, Any]], message: str) -> list[dict[str, Any]]:
    return [line for line in log if line["message"] == message]


def test_a_sign_in_is_a_line_with_account_and_method(client: Any, ada: Any, log: list[dict[str, Any]]) -> None:
    login(client)

    [line] = told(log, "signed in")
    assert (line["level"], line["user_id"], line["method"]) == ("INFO", str(ada.id), "password")
    assert line["session_id"] == str(db.session.query(AuthSession).one().id)
    assert told(log, "request")[0]["code"] is None


@pytest.mark.parametrize(
    ("email", "password", "enabled", "status", "code"),
    [
        (ADA, "not the password", True, 401, "auth.bad_credentials"),
        ("nobody@example.com", PASSWORD, True, 401, "auth.bad_credentials"),
        ("my secret pass phrase", PASSWORD, True, 401, "auth.bad_credentials"),
        (ADA, PASSWORD, False, 403, "auth.disabled"),
    ],
)
def test_a_refused_sign_in_is_a_line_that_repeats_nothing_typed(
    client: Any, ada: Any, log: list[dict[str, Any]], email: str, password: str, enabled: bool, status: int, code: str
) -> None:
    ada.enabled = enabled
    db.session.commit()

    assert login(client, password, email).status_code == status

    [line] = told(log, "sign-in refused")
    assert (line["level"], line["method"], line["code"], line["address"]) == (
        "WARNING",
        "password",
        code,
        "127.0.0.1",
    )
    assert line["account"] == account_key(email if "@" in email else "")
    assert [one["code"] for one in told(log, "request")] == [code]
    assert not any(typed in json.dumps(log) for typed in (email, password))


def test_a_stolen_refresh_token_is_a_line_with_its_session(client: Any, ada: Any, log: list[dict[str, Any]]) -> None:
    pair = login(client).get_json()
    refresh(client, pair)

    refresh(client, pair)

    [line] = told(log, "sign-in refused")
    assert (line["code"], line["user_id"]) == ("auth.refresh_reused", str(ada.id))
