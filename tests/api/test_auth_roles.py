"""Roles: what only administrators may do, and accounts that the command line makes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from api.auth import admin_required, current_user
from api.errors import ConflictError, NotFoundError
from api.extensions import db
from api.users.models import User
from api.users.service import create_user
from tasks.errors import InvalidInputError
from tests.api.farm import Caller
from tests.api.others import another_app
from tests.apps import PASSWORD
from tests.factories.users import AuthSessionFactory, PlanFactory, UserFactory


@pytest.fixture(scope="module")
def guarded_application(application: Any, database_environ: dict[str, str]) -> Iterator[Any]:
    """An application with one view for administrators."""
    with another_app(database_environ) as guarded:
        guarded.add_url_rule("/api/v1/secret", view_func=admin_required(lambda: {"hello": current_user().email}))
        yield guarded


def ask(guarded: Any, caller: Caller | None) -> Any:
    headers = {"Authorization": f"Bearer {caller.token}"} if caller else {}
    return guarded.test_client().get("/api/v1/secret", headers=headers)


def test_only_administrators_get_in(guarded_application: Any, user: Caller, admin: Caller) -> None:
    nobody, ordinary, allowed = (ask(guarded_application, caller) for caller in (None, user, admin))

    assert (nobody.status_code, nobody.get_json()["code"]) == (401, "auth.missing_token")
    assert (ordinary.status_code, ordinary.get_json()["code"]) == (403, "auth.forbidden")
    assert allowed.status_code == 200


def test_an_administrator_who_is_one_no_more_is_out_at_once(guarded_application: Any, admin: Caller) -> None:
    assert ask(guarded_application, admin).status_code == 200

    db.session.query(User).filter_by(id=admin.id).update({"role": "user"})
    db.session.commit()

    assert ask(guarded_application, admin).status_code == 403


def test_nobody_registers_as_an_administrator(client: Any) -> None:
    answer = client.post(
        "/api/v1/auth/register", json={"email": "eve@example.com", "password": PASSWORD, "role": "admin"}
    )

    assert answer.status_code == 422
    assert db.session.query(User).count() == 0


def test_an_account_of_any_role_and_plan_is_made_by_a_call(app: Any) -> None:
    plan = PlanFactory()

    made = create_user(db.session(), "Root@Example.com", PASSWORD, role="admin", plan=plan.code)

    assert (made.email, made.role, made.plan_code) == ("root@example.com", "admin", plan.code)
    db.session.rollback()
    db.session.delete(plan)
    db.session.commit()


@pytest.mark.parametrize(
    ("wrong", "error", "code"),
    [
        ({"role": "root"}, InvalidInputError, "user.role_unknown"),
        ({"plan": "gold"}, NotFoundError, "plan.not_found"),
        ({"email": "ada@example.com"}, ConflictError, "user.email_taken"),
        ({"password": "too short"}, InvalidInputError, "user.password_weak"),
    ],
)
def test_a_wrong_account_is_refused_and_nothing_is_made(
    app: Any, wrong: dict[str, str], error: type[Exception], code: str
) -> None:
    UserFactory(email="ada@example.com")
    asked: dict[str, Any] = {"email": "bob@example.com", "password": PASSWORD, **wrong}

    with pytest.raises(error, match=code):
        create_user(db.session(), asked.pop("email"), asked.pop("password"), **asked)

    assert [row.email for row in db.session.query(User)] == ["ada@example.com"]


def test_a_refresh_of_a_disabled_account_is_refused(client: Any, user: Caller) -> None:
    who = UserFactory()
    pair = client.post("/api/v1/auth/login", json={"email": who.email, "password": PASSWORD}).get_json()
    db.session.query(User).filter_by(id=who.id).update({"enabled": False})
    db.session.commit()

    answer = client.post("/api/v1/auth/refresh", headers={"Authorization": f"Bearer {pair['refresh_token']}"})

    assert (answer.status_code, answer.get_json()["code"]) == (401, "auth.revoked_token")


def test_sessions_go_with_their_user(app: Any) -> None:
    session = AuthSessionFactory()

    db.session.query(User).filter_by(id=session.user_id).delete()
    db.session.commit()

    assert db.session.execute(db.text("SELECT count(*) FROM auth_session")).scalar() == 0
