"""What administrators may do to accounts and plans, and that every change is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from api.admin.service import ban
from api.audit.models import AuditEntry
from api.extensions import db
from api.users.models import Plan, User
from tests.api.documented import ADMIN, call, operations, read_document
from tests.api.farm import Caller
from tests.api.worlds import by_token, nothing_changes
from tests.apps import PASSWORD
from tests.factories.users import UserFactory


def entries_of(target_id: str) -> list[tuple[str, Any, Any]]:
    db.session.expire_all()
    rows = db.session.query(AuditEntry).filter_by(target_id=target_id).order_by(AuditEntry.created_at)
    return [(row.action, row.before, row.after) for row in rows]


@pytest.fixture
def plan(app: Any) -> Iterator[Plan]:
    """A plan that no other test looks at."""
    made = Plan(
        code=f"p-{uuid4().hex[:8]}", daily_renders=3, monthly_renders=9, concurrent_renders=1, storage_bytes=1000
    )
    db.session.add(made)
    db.session.commit()
    code = made.code
    yield made
    db.session.rollback()
    db.session.query(User).filter_by(plan_code=code).update({"plan_code": "free"})
    db.session.query(Plan).filter_by(code=code).delete()
    db.session.commit()


def test_users_are_found_by_address_role_plan_and_state(admin: Caller, user: Caller, other: Caller) -> None:
    UserFactory(email="gone@example.org", enabled=False)

    def found(query: str) -> set[str]:
        return {one["email"] for one in admin.get(f"/admin/users?{query}")["items"]}

    assert found("search=EXAMPLE.org") == {"gone@example.org"}
    assert found("search=ada%40") == {"ada@example.com"}
    assert found("search=%25") == set()
    assert found("enabled=false") == {"gone@example.org"}
    assert found("role=admin&plan=free") == {row.email for row in db.session.query(User).filter_by(role="admin")}
    assert len(found("")) == 4


def test_users_come_in_pages(admin: Caller, user: Caller, other: Caller) -> None:
    first = admin.get("/admin/users?limit=2")
    second = admin.get(f"/admin/users?limit=2&cursor={first['next_cursor']}")

    ids = [one["id"] for one in first["items"] + second["items"]]
    assert len(ids) == len(set(ids)) == 3
    assert second["next_cursor"] is None


def test_a_ban_holds_at_once_and_is_recorded(admin: Caller, user: Caller, client: Any) -> None:
    token = user.post("/tokens", {"name": "x", "scopes": ["read"]}, expect=201)["token"]

    banned = admin.post(f"/admin/users/{user.id}/ban", {"reason": "spam"}, expect=200)
    admin.post(f"/admin/users/{user.id}/ban", {"reason": "again"}, expect=200)

    assert (banned["enabled"], banned["session_count"]) == (False, 0)
    assert user.get("/auth/me", expect=401)["code"] == "auth.revoked_token"
    assert Caller(client, token, user.id).get("/assets", expect=401)["code"] == "auth.revoked_token"
    who = {"email": "ada@example.com", "password": PASSWORD}
    assert client.post("/api/v1/auth/login", json=who).status_code == 403
    assert entries_of(user.id)[-1] == ("user.banned", {"enabled": True}, {"enabled": False, "reason": "spam"})

    admin.delete(f"/admin/users/{user.id}/ban", expect=200)

    assert client.post("/api/v1/auth/login", json=who).status_code == 200
    user.get("/auth/me", expect=401)
    assert entries_of(user.id)[-1] == ("user.unbanned", {"enabled": False}, {"enabled": True})


def test_role_and_plan_change_and_only_what_changed_is_recorded(admin: Caller, user: Caller, plan: Plan) -> None:
    changed = admin.expect(200, "PATCH", f"/admin/users/{user.id}", {"plan": plan.code, "role": "user"})

    assert (changed["plan"], changed["role"], changed["quotas"]["daily_renders"]["cap"]) == (plan.code, "user", 3)
    assert entries_of(user.id)[-1] == ("user.changed", {"plan_code": "free"}, {"plan_code": plan.code})
    entry = db.session.query(AuditEntry).filter_by(target_id=user.id, action="user.changed").one()
    assert (str(entry.actor_id), entry.via, entry.address) == (admin.id, "session", "127.0.0.1")
    assert len(entry.request_id) == 32


def test_an_unknown_plan_changes_nothing(admin: Caller, user: Caller) -> None:
    refused = admin.expect(404, "PATCH", f"/admin/users/{user.id}", {"role": "admin", "plan": "gold"})

    assert refused["code"] == "plan.not_found"
    assert admin.get(f"/admin/users/{user.id}")["role"] == "user"
    assert [one for one in entries_of(user.id) if one[0].startswith("user.changed")] == []


@pytest.mark.security("S-11")
@pytest.mark.parametrize("field", ["password_hash", "email", "id", "enabled", "plan_code"])
def test_no_other_column_can_be_changed(admin: Caller, user: Caller, field: str) -> None:
    admin.expect(422, "PATCH", f"/admin/users/{user.id}", {field: "x"})


def test_the_last_administrator_stays_one(admin: Caller) -> None:
    db.session.query(User).filter(User.role == "admin", User.id != admin.id).update({"role": "user"})
    db.session.commit()

    demoted = admin.expect(409, "PATCH", f"/admin/users/{admin.id}", {"role": "user"})
    banned = admin.post(f"/admin/users/{admin.id}/ban", {"reason": "oops"}, expect=409)

    assert demoted["code"] == banned["code"] == "user.last_admin"
    assert admin.get(f"/admin/users/{admin.id}")["role"] == "admin"
    second = UserFactory(role="admin")
    admin.expect(200, "PATCH", f"/admin/users/{admin.id}", {"role": "user"})
    assert db.session.get_one(User, second.id).role == "admin"
    assert admin.get("/admin/users", expect=403)["code"] == "auth.forbidden"


def test_a_users_own_limit_takes_the_place_of_the_plans(admin: Caller, user: Caller) -> None:
    body = {"filename": "a.mp4", "content_type": "video/mp4", "size_bytes": 1001}

    limited = admin.expect(200, "PUT", f"/admin/users/{user.id}/quotas", {"storage_bytes": 1000})
    assert limited["overrides"] == {"storage_bytes": 1000}
    assert user.post("/uploads", body, expect=413)["code"] == "quota.storage_bytes"
    assert user.get("/usage")["quotas"]["storage_bytes"]["cap"] == 1000

    freed = admin.expect(200, "PUT", f"/admin/users/{user.id}/quotas", {})
    assert freed["overrides"] == {}
    user.post("/uploads", body, expect=201)
    assert entries_of(user.id)[-2:] == [
        ("user.quotas_changed", {}, {"storage_bytes": 1000}),
        ("user.quotas_changed", {"storage_bytes": 1000}, {}),
    ]


def test_a_negative_limit_is_refused(admin: Caller, user: Caller) -> None:
    admin.expect(422, "PUT", f"/admin/users/{user.id}/quotas", {"daily_renders": -1})

    assert admin.get(f"/admin/users/{user.id}")["overrides"] == {}


def test_a_plan_changes_for_everyone_on_it(admin: Caller, user: Caller, plan: Plan) -> None:
    admin.expect(200, "PATCH", f"/admin/users/{user.id}", {"plan": plan.code})

    changed = admin.expect(200, "PATCH", f"/admin/plans/{plan.code}", {"daily_renders": 7})

    assert changed["daily_renders"] == 7
    assert user.get("/usage")["quotas"]["daily_renders"]["cap"] == 7
    assert entries_of(plan.code) == [("plan.changed", {"daily_renders": 3}, {"daily_renders": 7})]
    assert plan.code in [one["code"] for one in admin.get("/admin/plans")["items"]]


def test_unknown_users_and_plans_are_not_found(admin: Caller) -> None:
    for method, path, body in (
        ("GET", f"/admin/users/{uuid4()}", None),
        ("PATCH", f"/admin/users/{uuid4()}", {"role": "user"}),
        ("POST", f"/admin/users/{uuid4()}/ban", {"reason": "x"}),
        ("PUT", f"/admin/users/{uuid4()}/quotas", {}),
    ):
        assert admin.expect(404, method, path, body)["code"] == "user.not_found"
    assert admin.expect(404, "PATCH", "/admin/plans/gold", {})["code"] == "plan.not_found"


@pytest.mark.security("S-10")
def test_nobody_else_gets_into_any_admin_operation(application: Any, user: Caller, admin: Caller, client: Any) -> None:
    of_admins = [one for one in operations(read_document(application)) if one.path.startswith(ADMIN)]
    program, banned, anonymous = by_token(user), by_token(admin), Caller(client, "", "")
    text = admin.post("/tokens", {"name": "x", "scopes": ["admin"]}, expect=201)["token"]
    ids = {"user_id": user.id}
    for one in (program, banned):
        one.get("/assets")  # notes that the token is in use
    of_admin = Caller(client, text, admin.id)
    unscoped = [call(banned, one, ids) for one in of_admins]
    of_admin.get("/admin/users")
    UserFactory(role="admin")  # the last one cannot be banned
    ban(db.session(), db.session.get_one(User, admin.id), "a test")
    db.session.commit()

    with nothing_changes():
        by_session = [call(user, one, ids) for one in of_admins]
        by_program = [call(program, one, ids) for one in of_admins]
        nobody = {call(one, of, ids).status for of in of_admins for one in (admin, banned, of_admin, anonymous)}

    assert {(told.status, told.code) for told in by_session} == {(403, "auth.forbidden")}
    refused = {(403, "token.scope_missing"), (403, "token.not_allowed")}
    assert {(told.status, told.code) for told in by_program} == refused
    assert {(told.status, told.code) for told in unscoped} == refused
    assert nobody == {401}
    assert len(of_admins) > 30
