"""API tokens: what they may do, for how long, and how little is kept of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from api.audit.models import AuditEntry
from api.extensions import db
from api.tokens import service
from api.tokens.models import ApiToken
from api.tokens.scopes import BY_BLUEPRINT, BY_OPERATION, scope_of
from api.tokens.secret import digest, is_well_formed, make_secret
from api.users.models import User
from tests.api.farm import Caller

FAR = (datetime.now(UTC) + timedelta(days=90)).isoformat()


def make(user: Caller, *scopes: str, **more: Any) -> tuple[Caller, dict[str, Any]]:
    """Make a token over HTTP; return a caller that uses it, and the answer."""
    made = user.post("/tokens", {"name": "import", "scopes": list(scopes), **more}, expect=201)
    return Caller(user.client, made["token"], user.id), made


def stored(made: dict[str, Any]) -> ApiToken:
    db.session.expire_all()
    return db.session.get_one(ApiToken, made["id"])


def code_of(caller: Caller, method: str, path: str, status: int, body: dict[str, Any] | None = None) -> str:
    return str(caller.expect(status, method, path, body)["code"])


def test_a_token_gets_its_owner_in_where_its_scopes_reach(user: Caller) -> None:
    program, made = make(user, "read")

    assert program.get("/auth/me")["id"] == user.id
    assert program.get("/assets")["items"] == []
    refused = program.post("/uploads", {}, expect=403)
    assert (refused["code"], refused["details"]) == ("token.scope_missing", {"scope": "upload", "scopes": ["read"]})
    assert made["scopes"] == ["read"]


@pytest.mark.security("S-8")
def test_the_text_is_shown_once_and_only_its_hash_is_kept(user: Caller) -> None:
    _, made = make(user, "read", expires_at=FAR)
    text = made["token"]
    listed = user.get("/tokens")["items"]
    row = db.session.execute(db.text("SELECT row_to_json(api_token)::text FROM api_token")).scalar_one()

    assert text.startswith("rly_test_") and len(text) == 47
    assert [one["prefix"] for one in listed] == [text[:17]]
    assert "token" not in listed[0] and text not in str(user.get(f"/tokens/{made['id']}"))
    assert text not in row and text[17:] not in row
    assert stored(made).token_sha256 == digest(text)


@pytest.mark.security("S-8")
def test_a_revoked_token_is_refused_at_once(user: Caller) -> None:
    program, made = make(user, "read")
    program.get("/assets")

    user.delete(f"/tokens/{made['id']}", expect=204)
    user.delete(f"/tokens/{made['id']}", expect=204)

    assert code_of(program, "GET", "/assets", 401) == "token.invalid"
    assert user.get("/tokens")["items"] == []
    assert [one["id"] for one in user.get("/tokens?revoked=true")["items"]] == [made["id"]]
    actions = db.session.query(AuditEntry.action).filter_by(target_id=made["id"]).order_by(AuditEntry.created_at)
    assert [row.action for row in actions] == ["token.created", "token.revoked"]


def test_a_token_is_over_when_its_time_is(user: Caller) -> None:
    program, made = make(user, "read", expires_at=FAR)
    program.get("/assets")

    stored(made).expires_at = datetime.now(UTC) - timedelta(seconds=1)
    db.session.commit()

    assert code_of(program, "GET", "/assets", 401) == "token.invalid"


def test_an_end_in_the_past_or_an_unknown_scope_makes_nothing(user: Caller) -> None:
    past = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    for wrong in ({"expires_at": past}, {"scopes": ["everything"]}, {"scopes": []}, {"name": ""}, {"user_id": user.id}):
        user.post("/tokens", {"name": "x", "scopes": ["read"], **wrong}, expect=422)

    assert db.session.query(ApiToken).count() == 0


@pytest.mark.security("S-8")
def test_no_token_makes_tokens_or_manages_the_account(user: Caller) -> None:
    program, made = make(user, "read", "upload", "render", "organisation")

    for method, path in (("POST", "/tokens"), ("GET", "/tokens"), ("DELETE", f"/tokens/{made['id']}")):
        assert code_of(program, method, path, 403, {} if method == "POST" else None) == "token.not_allowed"
    assert code_of(program, "POST", "/auth/logout", 403) == "token.not_allowed"
    assert code_of(program, "POST", "/auth/refresh", 401) == "auth.bad_token"


def test_only_administrators_give_the_scope_admin(user: Caller, admin: Caller) -> None:
    refused = user.post("/tokens", {"name": "x", "scopes": ["admin"]}, expect=403)
    program, _ = make(admin, "admin")

    assert refused["code"] == "token.scope_refused"
    program.get("/admin/users")
    db.session.query(User).filter_by(id=admin.id).update({"role": "user"})
    db.session.commit()
    assert code_of(program, "GET", "/admin/users", 403) == "auth.forbidden"


def test_a_token_of_a_disabled_account_is_refused(user: Caller) -> None:
    program, _ = make(user, "read")
    db.session.query(User).filter_by(id=user.id).update({"enabled": False})
    db.session.commit()

    assert code_of(program, "GET", "/assets", 401) == "auth.revoked_token"


def test_the_last_use_is_written_at_most_once_a_minute(user: Caller) -> None:
    program, made = make(user, "read")
    assert stored(made).last_used_at is None

    program.get("/assets")
    first = stored(made).last_used_at
    program.get("/assets")
    second = stored(made).last_used_at
    assert first is not None
    stored(made).last_used_at = first - timedelta(seconds=61)
    db.session.commit()
    program.get("/assets")

    assert second == first
    later = stored(made).last_used_at
    assert later is not None and later >= first


def test_a_refused_call_counts_as_no_use(user: Caller) -> None:
    program, made = make(user, "read")

    program.post("/uploads", {}, expect=403)

    assert stored(made).last_used_at is None


def test_a_found_token_is_looked_up_by_all_of_it_or_by_its_beginning(user: Caller, other: Caller) -> None:
    _, first = make(user, "read")
    make(user, "read")

    for found in (first["token"], first["prefix"], first["prefix"][:12]):
        assert first["id"] in [one["id"] for one in user.get(f"/tokens?prefix={found}")["items"]]
    assert len(user.get(f"/tokens?prefix={first['token']}")["items"]) == 1
    assert user.get("/tokens?prefix=rly%25")["items"] == []
    assert other.get(f"/tokens?prefix={first['token']}")["items"] == []


@pytest.mark.security("S-10")
def test_somebody_elses_token_is_not_found(user: Caller, other: Caller) -> None:
    program, made = make(user, "read")

    for method in ("GET", "DELETE"):
        assert code_of(other, method, f"/tokens/{made['id']}", 404) == "token.not_found"
    program.get("/assets")


@pytest.mark.security("S-8")
@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:-1] + ("a" if text[-1] != "a" else "b"),
        lambda text: text[:20] + ("a" if text[20] != "a" else "b") + text[21:],
        lambda text: text.replace("rly_test_", "rly_live_"),
        lambda text: text + "A",
        lambda text: text[:-1],
        lambda text: text.swapcase(),
        lambda text: "rly_",
        lambda text: make_secret(live=True).text,
        lambda text: f"{text} {text}",
        lambda text: "rly_test_" + "0" * 38,
    ],
)
def test_what_is_not_quite_a_token_is_401(user: Caller, change: Any) -> None:
    _, made = make(user, "read")

    answer = Caller(user.client, change(made["token"]), user.id).call("GET", "/assets")

    assert answer.status_code == 401
    assert answer.get_json()["code"] in ("token.invalid", "auth.bad_token", "auth.missing_token")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_the_checksum_tells_a_token_from_noise() -> None:
    texts = [make_secret(live=True).text for _ in range(200)]

    assert len(set(texts)) == 200
    assert all(is_well_formed(text) for text in texts)
    assert not any(is_well_formed(text[:-7] + ("x" if text[-7] != "x" else "y") + text[-6:]) for text in texts)
    assert repr(make_secret(live=True)).startswith("Secret(rly_live_") and len(repr(make_secret(live=True))) < 30


def test_an_account_has_only_so_many_tokens(user: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MOST", 2)
    _, first = make(user, "read")
    make(user, "read")

    assert code_of(user, "POST", "/tokens", 409, {"name": "x", "scopes": ["read"]}) == "token.too_many"
    user.delete(f"/tokens/{first['id']}", expect=204)
    make(user, "read")


def test_repeated_requests_and_limits_know_the_owner(user: Caller) -> None:
    program, _ = make(user, "read")

    by_token, by_session = program.call("GET", "/assets"), user.call("GET", "/assets")

    left = [int(answer.headers["RateLimit-Remaining"]) for answer in (by_token, by_session)]
    assert left[1] == left[0] - 1  # one account, one limit


def test_the_table_of_scopes_speaks_of_every_guarded_operation(application: Any) -> None:
    unknown = []
    for rule in application.url_map.iter_rules():
        view = application.view_functions[rule.endpoint]
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
            is_listed = rule.endpoint.partition(".")[0] in BY_BLUEPRINT or (method, rule.endpoint) in BY_OPERATION
            if getattr(view, "needs_login", False) and not is_listed:
                unknown.append((method, rule.rule, rule.endpoint))

    assert unknown == [], "say in api/tokens/scopes.py which scope these want"
    assert {endpoint for _, endpoint in BY_OPERATION} <= set(application.view_functions)


@pytest.mark.security("S-10")
def test_what_the_table_does_not_know_is_refused_to_every_token() -> None:
    assert scope_of("GET", f"{uuid4().hex}.Thing") is None
    assert scope_of("POST", "") is None
