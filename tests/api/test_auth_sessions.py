"""Sessions as their owner sees them, what ends them everywhere, and sign-ins that fail too often."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.auth import service
from api.auth.models import AuthSession, SignInAttempt
from api.auth.sessions import sweep
from api.auth.throttle import PER_ACCOUNT, PER_ADDRESS, WINDOW, account_key, network_of
from api.control.schedule import BEAT_SCHEDULE
from api.extensions import db
from api.identities.models import OauthFlow
from api.limits import get_limiter
from api.mail.models import MailMessage
from api.users.models import User
from tasks.names import TaskName
from tests.api.farm import Caller
from tests.api.instances import api_process, bearer
from tests.apps import PASSWORD
from tests.factories.users import AuthSessionFactory, UserFactory

pytestmark = pytest.mark.security("S-8")

ADA = "ada@example.com"
PAST = datetime(2026, 1, 1, tzinfo=UTC)
NEW = "another good password"


def login(client: Any, email: str = ADA, password: str = PASSWORD, address: str = "127.0.0.1") -> Any:
    return client.post(
        "/api/v1/auth/login",
        json={"email": email, "password": password},
        headers={"User-Agent": "tests"},
        environ_base={"REMOTE_ADDR": address},
    )


def whoami(client: Any, token: str) -> int:
    status: int = client.get("/api/v1/auth/me", headers=bearer(token)).status_code
    return status


@pytest.fixture
def ada(app: Any) -> Any:
    return UserFactory(email=ADA)


def test_an_owner_sees_the_sessions_and_ends_one(client: Any, ada: Any, other: Caller) -> None:
    here, there = (login(client, address=address).get_json() for address in ("10.0.0.1", "2001:db8::1"))
    listed = client.get("/api/v1/auth/sessions", headers=bearer(here["access_token"])).get_json()["items"]

    assert [(one["address"], one["current"], one["method"], one["user_agent"]) for one in listed] == [
        ("2001:db8::/64", False, "password", "tests"),
        ("10.0.0.1", True, "password", "tests"),
    ]
    assert not {"refresh_jti", "user_id"} & set(listed[0])
    path = f"/auth/sessions/{listed[0]['id']}"
    assert other.delete(path, expect=404)["code"] == "session.not_found"
    owner = Caller(client, here["access_token"], "")
    owner.delete(path, expect=204)
    assert owner.delete(path, expect=404)["code"] == "session.not_found"
    assert (whoami(client, there["access_token"]), whoami(client, here["access_token"])) == (401, 200)


def test_sessions_come_in_pages(client: Any, ada: Any) -> None:
    for _ in range(3):
        AuthSessionFactory(user=ada)
    AuthSessionFactory(user=ada, revoked_at=datetime.now(UTC))
    AuthSessionFactory(user=ada, expires_at=datetime.now(UTC))
    token = login(client).get_json()["access_token"]

    first = client.get("/api/v1/auth/sessions?limit=3", headers=bearer(token)).get_json()
    rest = client.get(
        "/api/v1/auth/sessions", query_string={"cursor": first["next_cursor"]}, headers=bearer(token)
    ).get_json()
    assert (len(first["items"]), len(rest["items"]), rest["next_cursor"]) == (3, 1, None)


@pytest.mark.parametrize("how", ["logout-all", "password", "ban", "delete"])
def test_what_ends_all_sessions_counts_at_once_on_every_process(
    client: Any, ada: Any, admin: Caller, database_environ: dict[str, str], how: str
) -> None:
    here, there = (login(client).get_json() for _ in range(2))
    headers = bearer(here["access_token"])
    with api_process(database_environ) as elsewhere:
        before = elsewhere.get("/api/v1/auth/me", headers=bearer(there["access_token"])).status_code
        if how == "logout-all":
            assert client.post("/api/v1/auth/logout-all", headers=headers).status_code == 204
        elif how == "password":
            body = {"current_password": PASSWORD, "password": NEW}
            assert client.post("/api/v1/auth/password", json=body, headers=headers).status_code == 200
        elif how == "ban":
            admin.post(f"/admin/users/{ada.id}/ban", {"reason": "spam"}, expect=200)
        else:
            db.session.query(User).filter_by(email=ADA).delete()
            db.session.commit()
        after = [
            elsewhere.get("/api/v1/auth/me", headers=bearer(pair["access_token"])).status_code for pair in (here, there)
        ]
        refreshed = elsewhere.post("/api/v1/auth/refresh", headers=bearer(there["refresh_token"])).status_code

    assert (before, after, refreshed) == (200, [401, 401], 401)


def test_a_changed_password_leaves_the_caller_a_new_session(client: Any, ada: Any) -> None:
    old = login(client).get_json()
    body = {"current_password": PASSWORD, "password": NEW}

    fresh = client.post("/api/v1/auth/password", json=body, headers=bearer(old["access_token"])).get_json()

    assert (whoami(client, old["access_token"]), whoami(client, fresh["access_token"])) == (401, 200)
    assert (login(client).status_code, login(client, password=NEW).status_code) == (401, 200)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"current_password": "not the password", "password": NEW}, 403, "auth.wrong_password"),
        ({"current_password": PASSWORD, "password": "short"}, 422, "user.password_weak"),
        ({"password": NEW}, 422, "request.invalid"),
    ],
)
def test_a_password_is_not_changed_to_anything_by_anybody(
    client: Any, ada: Any, body: dict[str, str], status: int, code: str
) -> None:
    token = login(client).get_json()["access_token"]

    answer = client.post("/api/v1/auth/password", json=body, headers=bearer(token))

    assert (answer.status_code, answer.get_json()["code"]) == (status, code)
    assert (whoami(client, token), login(client).status_code) == (200, 200)


def test_an_account_without_a_password_gets_one_by_mail_only(client: Any, ada: Any) -> None:
    token = login(client).get_json()["access_token"]
    db.session.query(User).update({"password_hash": None})
    db.session.commit()

    body = {"current_password": "", "password": NEW}
    answer = client.post("/api/v1/auth/password", json=body, headers=bearer(token))

    assert (answer.status_code, answer.get_json()["code"]) == (409, "auth.no_password")
    assert login(client, password="").status_code == 401


def test_without_mail_an_address_moves_at_once_and_taken_ones_do_not(client: Any, ada: Any) -> None:
    UserFactory(email="bob@example.com")
    token = login(client).get_json()["access_token"]

    def move(email: str) -> Any:
        return client.post("/api/v1/auth/email", json={"email": email, "password": PASSWORD}, headers=bearer(token))

    taken = move("BOB@example.com")
    assert (taken.status_code, taken.get_json()["code"]) == (409, "user.email_taken")
    assert move("ada@elsewhere.example").status_code == 202
    assert (login(client).status_code, login(client, "ada@elsewhere.example").status_code) == (401, 200)


@pytest.mark.parametrize(
    "password",
    ["short one", "aaaaaaaaaaaa", "abababababab", "1234567890", "0987654321", "abcdefghijkl", "qwertyuiop",
     "poiuytrewq", "ada@example.com", "ADA@EXAMPLE.COM", "example.com", "example.com1", "q1w2e3r4t5",
     "Password123", "1qaz2wsx3edc", "manchester", "Netherlands"],
)  # fmt: skip
def test_what_a_guesser_tries_first_is_no_password(client: Any, password: str) -> None:
    answer = client.post("/api/v1/auth/register", json={"email": ADA, "password": password})

    assert (answer.status_code, answer.get_json()["code"]) == (422, "user.password_weak")


def test_a_password_is_the_same_however_a_keyboard_writes_its_letters(client: Any) -> None:
    composed, decomposed = "caf\u00e9 au lait 7", "cafe\u0301 au lait 7"
    client.post("/api/v1/auth/register", json={"email": ADA, "password": composed})

    assert login(client, password=decomposed).status_code == 200


def fail(client: Any, times: int, email: str = ADA, address: str = "10.9.9.9") -> list[int]:
    return [login(client, email, "not the password", address).status_code for _ in range(times)]


@pytest.fixture
def unhurried(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """No limit by address, and hashes that take no time, so that only the throttle is looked at."""
    monkeypatch.setattr(get_limiter(), "enabled", False)
    monkeypatch.setattr(service, "verify_password", lambda stored, given: bool(stored) and given == PASSWORD)


@pytest.mark.parametrize("email", [ADA, "nobody@example.com"])
def test_an_address_gets_few_tries_at_a_name_whether_it_exists_or_not(
    client: Any, ada: Any, unhurried: None, email: str
) -> None:
    assert fail(client, PER_ADDRESS + 2, email) == [401] * PER_ADDRESS + [429] * 2
    refused = login(client, email, PASSWORD, "10.9.9.9")

    assert (refused.status_code, refused.get_json()["code"]) == (429, "auth.too_many_attempts")
    assert 0 < int(refused.headers["Retry-After"]) <= WINDOW.total_seconds() + 1
    assert login(client, address="10.1.1.1").status_code == 200


def test_a_success_forgets_the_failures_of_its_address(client: Any, ada: Any, unhurried: None) -> None:
    for _ in range(3):
        assert fail(client, PER_ADDRESS - 1) == [401] * (PER_ADDRESS - 1)
        assert login(client, address="10.9.9.9").status_code == 200


def test_a_crowd_does_not_lock_the_owner_out(client: Any, ada: Any, unhurried: None) -> None:
    assert login(client, address="10.1.1.1").status_code == 200
    rows = [SignInAttempt(account_sha256=account_key(ADA), address=f"10.2.0.{n}") for n in range(PER_ACCOUNT)]
    db.session.add_all(rows)
    db.session.commit()

    assert login(client, address="10.3.3.3").status_code == 429
    assert login(client, address="10.1.1.1").status_code == 200
    assert login(client, "bob@example.com", address="10.3.3.3").status_code == 401
    ago = datetime.now(UTC) - WINDOW
    db.session.query(SignInAttempt).update({"created_at": ago})
    db.session.commit()
    assert login(client, address="10.3.3.3").status_code == 200


def test_tries_at_the_same_moment_count_each_other(app: Any, ada: Any, unhurried: None) -> None:
    answers, start = [], threading.Barrier(8)

    def work() -> None:
        client = app.test_client()
        start.wait()
        answers.extend(fail(client, 4))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers.count(401) <= PER_ADDRESS
    assert answers.count(401) + answers.count(429) == 32


def test_a_spoofed_address_header_does_not_help(client: Any, ada: Any, unhurried: None) -> None:
    def attempt(number: int) -> int:
        headers = {"X-Forwarded-For": f"10.5.0.{number}", "Forwarded": f"for=10.5.0.{number}"}
        body = {"email": ADA, "password": "not the password"}
        status: int = client.post("/api/v1/auth/login", json=body, headers=headers).status_code
        return status

    assert [attempt(number) for number in range(PER_ADDRESS + 1)] == [401] * PER_ADDRESS + [429]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("unix socket", "unix socket"),
        ("x" * 100, "x" * 64),
    ],
)
def test_an_address_is_counted_by_what_its_owner_has(address: str, network: str) -> None:
    assert network_of(address) == network


def test_sessions_nobody_can_use_are_swept(client: Any, ada: Any) -> None:
    now = datetime.now(UTC)
    for days in (-1, 6, 8):
        AuthSessionFactory(user=ada, expires_at=now - timedelta(days=days))
    db.session.add(SignInAttempt(account_sha256="x", address="", created_at=now - timedelta(days=2)))
    db.session.commit()

    assert sweep(db.session()) == 1
    assert (db.session.query(AuthSession).count(), db.session.query(SignInAttempt).count()) == (2, 0)


def test_a_refresh_moves_the_end_of_a_session(client: Any, ada: Any) -> None:
    pair = login(client).get_json()
    row = db.session.query(AuthSession).one()
    row.expires_at = soon = datetime.now(UTC) + timedelta(minutes=1)
    db.session.commit()

    assert client.post("/api/v1/auth/refresh", headers=bearer(pair["refresh_token"])).status_code == 200
    db.session.expire_all()
    left = db.session.query(AuthSession).one().expires_at - soon
    assert timedelta(days=29) < left < timedelta(days=30)


def test_old_rows_are_swept_on_a_schedule(
    app: Any, monkeypatch: pytest.MonkeyPatch, database_environ: dict[str, str]
) -> None:
    monkeypatch.setenv("REDIS_URL", database_environ["REDIS_URL"])
    from api.control import tasks

    monkeypatch.setattr(tasks, "flask_app", lambda: app)
    db.session.add(MailMessage(kind="x", address=ADA, created_at=datetime.now(UTC) - timedelta(days=8)))
    db.session.add(
        OauthFlow(state_sha256="x", browser_sha256="x", provider="x", challenge="", next_path="/", expires_at=PAST)
    )
    db.session.commit()

    assert BEAT_SCHEDULE["sweep-rows"]["task"] == TaskName.CONTROL_SWEEP_ROWS
    swept = tasks.sweep_rows()
    assert {name: count for name, count in swept.items() if count} == {"flows": 1, "mail": 1}
