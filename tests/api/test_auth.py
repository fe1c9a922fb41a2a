"""Accounts and sessions: who gets in, with what, and for how long."""

from __future__ import annotations

import base64
import json
import time
import uuid
from typing import Any

import jwt
import pytest

from api.auth.guard import AUDIENCE, ISSUER
from api.auth.models import AuthSession
from api.config import read_api_settings
from api.extensions import db
from api.users.models import User
from tasks.errors import ConfigurationError
from tests.api.instances import api_process, bearer
from tests.apps import PASSWORD, REAL_HASHER, sign_up

ADA = {"email": "ada@example.com", "password": PASSWORD}


def register(client: Any, **changed: Any) -> Any:
    return client.post("/api/v1/auth/register", json={**ADA, **changed})


def login(client: Any, **changed: Any) -> Any:
    return client.post("/api/v1/auth/login", json={**ADA, **changed})


def whoami(client: Any, token: str) -> Any:
    return client.get("/api/v1/auth/me", headers=bearer(token))


def refresh(client: Any, token: str) -> Any:
    return client.post("/api/v1/auth/refresh", headers=bearer(token))


@pytest.fixture
def tokens(client: Any) -> dict[str, Any]:
    """A signed-in account's pair of tokens."""
    assert register(client).status_code == 201
    pair: dict[str, Any] = login(client).get_json()
    return pair


def refused(answer: Any, status: int, code: str) -> None:
    """Assert one error in the one form."""
    assert (answer.status_code, answer.get_json()["code"]) == (status, code)
    assert set(answer.get_json()) == {"code", "message", "details", "request_id"}


def test_an_account_is_made_signed_in_and_seen(client: Any) -> None:
    made = register(client, email="  Ada@Example.COM ")
    pair = login(client).get_json()
    me = whoami(client, pair["access_token"])

    assert (made.status_code, made.get_json()["email"]) == (201, "ada@example.com")
    assert made.get_json()["plan"] == "free"
    assert (pair["token_type"], pair["expires_in_s"]) == ("Bearer", 1440 * 60)
    assert (me.status_code, me.get_json()) == (200, made.get_json())
    assert "password" not in made.get_data(as_text=True)


def test_a_password_is_kept_as_a_salted_hash(client: Any) -> None:
    register(client)
    register(client, email="bob@example.com")

    first, second = (user.password_hash or "" for user in db.session.query(User))
    assert first.startswith("$argon2id$")
    assert PASSWORD not in first
    assert first != second


def test_a_hash_costs_a_guesser_what_the_standard_asks() -> None:
    """RFC 9106's second recommendation: 64 MiB, three passes, four lanes; other tests hash at a lower price."""
    assert (REAL_HASHER.memory_cost, REAL_HASHER.time_cost, REAL_HASHER.parallelism) == (64 * 1024, 3, 4)


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"password": "ninechars"}, 422, "user.password_weak"),
        ({"password": ""}, 422, "user.password_weak"),
        ({"password": "x" * 1025}, 422, "request.invalid"),
        ({"email": "nobody"}, 422, "user.email_invalid"),
        ({"email": "a b@example.com"}, 422, "user.email_invalid"),
        ({"email": "a@@example.com"}, 422, "user.email_invalid"),
        ({"email": "a@example"}, 422, "user.email_invalid"),
        ({"email": f"{'a' * 250}@example.com"}, 422, "request.invalid"),
        ({"email": None}, 422, "request.invalid"),
        ({"role": "admin"}, 422, "request.invalid"),
    ],
)
def test_a_bad_account_is_refused(client: Any, changed: dict[str, Any], status: int, code: str) -> None:
    refused(register(client, **changed), status, code)

    assert db.session.query(User).count() == 0


def test_an_email_is_taken_once_whatever_its_case(client: Any) -> None:
    register(client)

    refused(register(client, email="ADA@example.com"), 409, "user.email_taken")
    assert db.session.query(User).count() == 1


@pytest.mark.parametrize("wrong", [{"password": "another password"}, {"email": "bob@example.com"}, {"email": "x"}])
def test_a_wrong_sign_in_tells_no_reason(client: Any, wrong: dict[str, str]) -> None:
    register(client)

    answer = login(client, **wrong)

    refused(answer, 401, "auth.bad_credentials")
    assert answer.get_json()["message"] == "E-mail and password do not fit"
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_refresh_gives_a_new_pair_of_the_same_session(client: Any, tokens: dict[str, Any]) -> None:
    fresh = refresh(client, tokens["refresh_token"])

    assert fresh.status_code == 200
    assert fresh.get_json()["refresh_token"] != tokens["refresh_token"]
    assert whoami(client, fresh.get_json()["access_token"]).status_code == 200
    assert refresh(client, fresh.get_json()["refresh_token"]).status_code == 200
    assert db.session.query(AuthSession).count() == 1


@pytest.mark.security("S-8")
def test_a_refresh_token_used_twice_ends_the_whole_session_on_every_instance(
    client: Any, tokens: dict[str, Any], database_environ: dict[str, str]
) -> None:
    fresh = refresh(client, tokens["refresh_token"]).get_json()
    another = login(client).get_json()
    with api_process(database_environ) as elsewhere:
        assert whoami(elsewhere, fresh["access_token"]).status_code == 200

        refused(refresh(client, tokens["refresh_token"]), 401, "auth.refresh_reused")

        for token in (fresh["access_token"], tokens["access_token"]):
            there = whoami(elsewhere, token)
            assert (there.status_code, there.json()["code"]) == (401, "auth.revoked_token")
        assert whoami(elsewhere, another["access_token"]).status_code == 200
    refused(refresh(client, fresh["refresh_token"]), 401, "auth.revoked_token")
    refused(whoami(client, fresh["access_token"]), 401, "auth.revoked_token")
    refused(whoami(client, tokens["access_token"]), 401, "auth.revoked_token")
    assert whoami(client, another["access_token"]).status_code == 200


@pytest.mark.security("S-8")
def test_signing_out_counts_at_once_and_on_every_instance(
    client: Any, tokens: dict[str, Any], database_environ: dict[str, str]
) -> None:
    with api_process(database_environ) as elsewhere:
        assert whoami(elsewhere, tokens["access_token"]).status_code == 200

        out = client.post("/api/v1/auth/logout", headers=bearer(tokens["access_token"]))

        assert (out.status_code, out.data) == (204, b"")
        there = whoami(elsewhere, tokens["access_token"])
        assert (there.status_code, there.json()["code"]) == (401, "auth.revoked_token")
    refused(whoami(client, tokens["access_token"]), 401, "auth.revoked_token")
    refused(refresh(client, tokens["refresh_token"]), 401, "auth.revoked_token")


def test_signing_out_ends_one_session_only(client: Any, tokens: dict[str, Any]) -> None:
    another = login(client).get_json()

    client.post("/api/v1/auth/logout", headers=bearer(tokens["access_token"]))

    assert whoami(client, another["access_token"]).status_code == 200


@pytest.mark.security("S-8")
def test_a_disabled_account_is_out(client: Any, tokens: dict[str, Any]) -> None:
    db.session.query(User).update({"enabled": False})
    db.session.commit()

    assert whoami(client, tokens["access_token"]).status_code == 401
    assert refresh(client, tokens["refresh_token"]).status_code in (401, 403)
    refused(login(client), 403, "auth.disabled")
    refused(login(client, password="not the password"), 401, "auth.bad_credentials")


def test_an_account_that_is_gone_is_out(client: Any, tokens: dict[str, Any]) -> None:
    db.session.query(User).delete()
    db.session.commit()

    refused(whoami(client, tokens["access_token"]), 401, "auth.revoked_token")
    refused(refresh(client, tokens["refresh_token"]), 401, "auth.revoked_token")


def forge(app: Any, claims: dict[str, Any], *, secret: str = "", algorithm: str = "HS256") -> str:
    """Sign changed claims; a claim of None is left out."""
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(kept, secret or app.extensions["settings"].jwt_secret, algorithm)


def unsigned(claims: dict[str, Any]) -> str:
    """Return a token that asks not to be verified."""
    parts = [{"alg": "none", "typ": "JWT"}, claims]
    return ".".join(base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode() for p in parts) + "."


CHANGED_CLAIMS = {
    "refresh as access": {"type": "refresh"},
    "other audience": {"aud": "elsewhere"},
    "no audience": {"aud": None},
    "other issuer": {"iss": "elsewhere"},
    "no issuer": {"iss": None},
    "no session": {"sid": None},
    "session that is no id": {"sid": "1"},
    "session that is no text": {"sid": 1},
    "no subject": {"sub": None},
    "not yet valid": {"nbf": int(time.time()) + 3600},
}


@pytest.mark.parametrize("name", CHANGED_CLAIMS)
def test_a_token_with_other_claims_is_bad(app: Any, client: Any, tokens: dict[str, Any], name: str) -> None:
    claims = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    assert (claims["iss"], claims["aud"]) == (ISSUER, AUDIENCE)
    assert whoami(client, forge(app, claims)).status_code == 200

    refused(whoami(client, forge(app, {**claims, **CHANGED_CLAIMS[name]})), 401, "auth.bad_token")


def test_a_token_signed_in_another_way_is_bad(app: Any, client: Any, tokens: dict[str, Any]) -> None:
    claims = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    head, body, signature = tokens["access_token"].split(".")

    refused(whoami(client, unsigned(claims)), 401, "auth.bad_token")
    refused(whoami(client, forge(app, claims, secret="s" * 64)), 401, "auth.bad_token")
    refused(whoami(client, forge(app, claims, secret="s" * 64, algorithm="HS512")), 401, "auth.bad_token")
    long_secret = app.extensions["settings"].jwt_secret * 2
    assert whoami(client, forge(app, claims, secret=long_secret, algorithm="HS512")).status_code == 401
    refused(whoami(client, f"{head}.{body}."), 401, "auth.bad_token")
    refused(whoami(client, f"{head}.{body}.{signature[::-1]}"), 401, "auth.bad_token")


def test_a_token_after_its_time_is_expired(app: Any, client: Any, tokens: dict[str, Any]) -> None:
    claims = jwt.decode(tokens["access_token"], options={"verify_signature": False})

    refused(whoami(client, forge(app, {**claims, "exp": int(time.time()) - 1})), 401, "auth.expired_token")


def test_tokens_are_good_for_their_own_purpose_only(client: Any, tokens: dict[str, Any]) -> None:
    refused(whoami(client, tokens["refresh_token"]), 401, "auth.bad_token")
    refused(refresh(client, tokens["access_token"]), 401, "auth.bad_token")
    assert whoami(client, tokens["access_token"]).status_code == 200


def test_a_session_of_somebody_else_does_not_fit(app: Any, client: Any, tokens: dict[str, Any]) -> None:
    stranger, _ = sign_up(client, "bob@example.com")
    claims = jwt.decode(tokens["access_token"], options={"verify_signature": False})

    refused(whoami(client, forge(app, {**claims, "sub": stranger})), 401, "auth.revoked_token")
    refused(whoami(client, forge(app, {**claims, "sid": str(uuid.uuid4())})), 401, "auth.revoked_token")


@pytest.mark.security("S-8")
@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "auth.missing_token"),
        ("", "auth.missing_token"),
        ("Basic YWRhOnNlY3JldA==", "auth.missing_token"),
        ("Bearer garbage", "auth.bad_token"),
        ("Bearer a.b.c", "auth.bad_token"),
        ("Bearer one two", "auth.bad_token"),
        ("Bearer", "auth.bad_token"),
        ("Bearer \xfc.\xfc.\xfc", "auth.bad_token"),
    ],
)
def test_what_is_no_token_is_refused(client: Any, header: str | None, code: str) -> None:
    headers = {} if header is None else {"Authorization": header}

    answer = client.get("/api/v1/auth/me", headers=headers)

    refused(answer, 401, code)
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.security("S-8")
@pytest.mark.parametrize("name", ["REELYARD_JWT_SECRET", "REELYARD_CALLBACK_SECRET"])
def test_a_process_refuses_to_start_on_a_short_secret(database_environ: dict[str, str], name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} must be at least 32 bytes"):
        read_api_settings({**database_environ, name: "s" * 31})

    assert read_api_settings({**database_environ, name: "s" * 32})
