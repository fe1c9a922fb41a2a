"""Requests sent again: the work is done once, and the first answer comes back whatever happened in between."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from typing import Any

import psycopg2
import pytest
from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields

import api.idempotency
from api.auth import login_required
from api.errors import ConflictError
from api.extensions import db, get_smorest
from api.idempotency import after_commit, idempotent, sweep_keys
from api.idempotency.models import IdempotencyKey
from api.users.models import User
from api.users.service import create_user
from tests.api.farm import Caller
from tests.api.instances import bearer
from tests.api.others import another_app
from tests.apps import PASSWORD, sign_up

STYLES = ("atomic", "committing")
"""Where the decorator stands: outside of the response and committing, or inside of a view that commits by itself."""


class Made(Schema):
    """What the views of these tests make: an account, since that is a real row."""

    id = fields.UUID()
    email = fields.String()


class Faults:
    """What goes wrong next."""

    pause_s = 0.0
    before_commit: Exception | None = None
    after_commit: Exception | None = None


def do_work(name: str) -> User:
    user = create_user(db.session(), f"{uuid.uuid4().hex}@{name}.example.com", PASSWORD)
    time.sleep(Faults.pause_s)
    if Faults.before_commit:
        raise Faults.before_commit
    return user


def after_work() -> None:
    if Faults.after_commit:
        raise Faults.after_commit


def build_blueprint() -> Blueprint:
    blueprint = Blueprint("made", __name__, url_prefix="/api/v1/test")

    @blueprint.route("/atomic/<name>")
    class Atomic(MethodView):
        decorators = [login_required]

        @idempotent("atomic")
        @blueprint.response(201, Made)
        def post(self, name: str) -> Any:
            """Make one"""
            user = do_work(name)
            after_commit(after_work)
            return user, 201, {"Location": f"/made/{user.id}"}

    @blueprint.route("/committing/<name>")
    class Committing(MethodView):
        decorators = [login_required]

        @blueprint.response(201, Made)
        @idempotent("committing")
        def post(self, name: str) -> Any:
            """Make one"""
            user = do_work(name)
            db.session.commit()
            after_work()
            return user, 201, {"Location": f"/made/{user.id}"}

    return blueprint


@pytest.fixture(scope="module")
def keyed_application(application: Any, database_environ: dict[str, str]) -> Iterator[Any]:
    """An application with two views of these tests."""
    with another_app(database_environ) as keyed:
        get_smorest(keyed).register_blueprint(build_blueprint())
        yield keyed


@pytest.fixture
def keyed(app: Any, keyed_application: Any) -> Iterator[Any]:
    """The application with empty tables."""
    Faults.pause_s, Faults.before_commit, Faults.after_commit = 0.0, None, None
    yield keyed_application
    Faults.pause_s, Faults.before_commit, Faults.after_commit = 0.0, None, None


@pytest.fixture
def token(keyed: Any) -> str:
    return sign_up(keyed.test_client(), "ada@example.com")[1]


def make(keyed: Any, token: str, style: str, key: str | None, *, name: str = "a", body: Any = None) -> Any:
    headers = {**bearer(token), **({"Idempotency-Key": key} if key is not None else {})}
    return keyed.test_client().post(f"/api/v1/test/{style}/{name}", json=body or {}, headers=headers)


def made() -> int:
    db.session.rollback()
    return db.session.query(User).filter(User.email.like("%@_.example.com")).count()


@pytest.mark.parametrize("style", STYLES)
def test_the_same_key_and_request_give_the_first_answer(keyed: Any, token: str, style: str) -> None:
    first, second = make(keyed, token, style, "k"), make(keyed, token, style, "k")

    assert (first.status_code, second.status_code) == (201, 201)
    assert second.get_json() == first.get_json()
    assert second.headers["Location"] == first.headers["Location"]
    assert ("Idempotent-Replayed" in first.headers, second.headers["Idempotent-Replayed"]) == (False, "true")
    assert made() == 1


@pytest.mark.parametrize("style", STYLES)
def test_without_a_key_each_request_does_its_work(keyed: Any, token: str, style: str) -> None:
    answers = [make(keyed, token, style, None) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert made() == 2


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("changed", [{"body": {"x": 1}}, {"name": "b"}])
def test_a_key_used_for_another_request_is_refused(keyed: Any, token: str, style: str, changed: dict[str, Any]) -> None:
    make(keyed, token, style, "k")

    other = make(keyed, token, style, "k", **changed)

    assert (other.status_code, other.get_json()["code"]) == (409, "idempotency.key_reused")
    assert made() == 1


def test_keys_are_of_one_user_and_one_endpoint(keyed: Any, token: str) -> None:
    _, another = sign_up(keyed.test_client(), "bob@example.com")

    answers = [
        make(keyed, token, "atomic", "k"),
        make(keyed, another, "atomic", "k"),
        make(keyed, token, "committing", "k"),
    ]

    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert made() == 3


@pytest.mark.parametrize("style", STYLES)
def test_ten_at_once_do_the_work_once_and_hear_the_same(keyed: Any, token: str, style: str) -> None:
    Faults.pause_s = 0.3
    start, answers = Barrier(10), []

    def send() -> None:
        start.wait()
        answers.append(make(keyed, token, style, "k"))

    threads = [Thread(target=send) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert made() == 1
    heard = {answer.get_json()["id"] for answer in answers if answer.status_code == 201}
    codes = {answer.get_json()["code"] for answer in answers if answer.status_code != 201}
    assert len(heard) == 1
    # Where the answer is stored after the work's commit, a rival may come between the two.
    assert codes <= (set() if style == "atomic" else {"idempotency.in_progress"})


@pytest.mark.parametrize("style", STYLES)
def test_work_that_was_refused_leaves_the_key_free(keyed: Any, token: str, style: str) -> None:
    Faults.before_commit = ConflictError("asset.in_use", "Not now")
    refused = make(keyed, token, style, "k")
    Faults.before_commit = None

    again = make(keyed, token, style, "k")

    assert (refused.status_code, refused.get_json()["code"]) == (409, "asset.in_use")
    assert (again.status_code, "Idempotent-Replayed" in again.headers) == (201, False)
    assert made() == 1


def test_a_crash_right_after_the_commit_loses_neither_work_nor_answer(keyed: Any, token: str) -> None:
    Faults.after_commit = RuntimeError("the process dies here")
    crashed = make(keyed, token, "atomic", "k")
    Faults.after_commit = None

    again = make(keyed, token, "atomic", "k")

    assert (crashed.status_code, crashed.get_json()["code"]) == (500, "internal.error")
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")
    assert again.headers["Location"] == f"/made/{again.get_json()['id']}"
    assert made() == 1


def test_a_crash_right_after_a_views_own_commit_does_the_work_once(keyed: Any, token: str) -> None:
    Faults.after_commit = RuntimeError("the process dies here")
    make(keyed, token, "committing", "k")
    Faults.after_commit = None

    again = make(keyed, token, "committing", "k")

    assert (again.status_code, again.get_json()["code"]) == (409, "idempotency.in_progress")
    assert made() == 1


def test_a_first_request_that_takes_too_long_is_in_progress(
    keyed: Any, token: str, user_id: str, database_environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.idempotency, "WAIT_MS", 200)
    connection = psycopg2.connect(database_environ["DATABASE_URL"])
    row = (user_id, "atomic", "k", "", "{}")
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO idempotency_key (user_id, endpoint, key, body_sha256, headers) VALUES %s", (row,))

    waiting = make(keyed, token, "atomic", "k")
    connection.rollback()
    connection.close()

    assert (waiting.status_code, waiting.get_json()["code"]) == (409, "idempotency.in_progress")
    assert make(keyed, token, "atomic", "k").status_code == 201


@pytest.fixture
def user_id(keyed: Any, token: str) -> str:
    return str(db.session.query(User.id).filter_by(email="ada@example.com").scalar())


@pytest.mark.parametrize(("key", "status"), [("", 422), ("k" * 256, 422), ("k" * 255, 201), ("a\tb", 422)])
def test_a_key_has_1_to_255_printable_characters(keyed: Any, token: str, key: str, status: int) -> None:
    answer = make(keyed, token, "atomic", key)

    assert answer.status_code == status
    assert made() == (1 if status == 201 else 0)


def test_old_keys_are_forgotten(keyed: Any, token: str) -> None:
    make(keyed, token, "atomic", "old")
    make(keyed, token, "atomic", "new")
    past = datetime.now(UTC) - timedelta(days=8)
    db.session.query(IdempotencyKey).filter_by(key="old").update({"created_at": past})
    db.session.commit()

    assert sweep_keys(db.session()) == 1

    assert [row.key for row in db.session.query(IdempotencyKey)] == ["new"]


def test_ordering_a_render_looks_at_the_key(user: Caller) -> None:
    order = {"source_asset_id": str(uuid.uuid4()), "scenario": {}}

    answer = user.call("POST", "/renders", order, headers={"Idempotency-Key": ""})

    assert (answer.status_code, answer.get_json()["code"]) == (422, "idempotency.key_invalid")


def test_a_name_that_keys_would_not_fit_under_is_found_out_at_the_start() -> None:
    idempotent("videos.clip.{clip_id}")

    with pytest.raises(ValueError, match="too long"):
        idempotent("videos.{video_id}.clip.{clip_id}")
