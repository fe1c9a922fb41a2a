"""Tokens that are not ours, not whole or not for this: each is a 401 with a stable code, never anything else."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import jwt
import pytest

from tests.api.instances import bearer
from tests.apps import sign_up

pytestmark = pytest.mark.security("S-8")

NOW = int(time.time())
HUGE = 10**30
Parts = dict[str, Any]

CLAIMS: dict[str, tuple[Parts, str]] = {
    "exp past": ({"exp": NOW - 1}, "auth.expired_token"),
    "exp zero": ({"exp": 0}, "auth.expired_token"),
    "exp negative": ({"exp": -HUGE}, "auth.expired_token"),
    "exp text": ({"exp": "tomorrow"}, "auth.bad_token"),
    "exp list": ({"exp": [NOW + 600]}, "auth.bad_token"),
    "exp object": ({"exp": {}}, "auth.bad_token"),
    "exp null": ({"exp": None}, "auth.bad_token"),
    "iat future": ({"iat": NOW + 3600}, "auth.bad_token"),
    "iat text": ({"iat": "x"}, "auth.bad_token"),
    "nbf future": ({"nbf": NOW + 3600}, "auth.bad_token"),
    "nbf text": ({"nbf": "x"}, "auth.bad_token"),
    "nbf list": ({"nbf": []}, "auth.bad_token"),
    "aud other": ({"aud": "elsewhere"}, "auth.bad_token"),
    "aud list of others": ({"aud": ["elsewhere"]}, "auth.bad_token"),
    "aud number": ({"aud": 1}, "auth.bad_token"),
    "aud empty": ({"aud": []}, "auth.bad_token"),
    "aud other case": ({"aud": "REELYARD-API"}, "auth.bad_token"),
    "iss other": ({"iss": "elsewhere"}, "auth.bad_token"),
    "iss list": ({"iss": ["reelyard"]}, "auth.bad_token"),
    "iss number": ({"iss": 1}, "auth.bad_token"),
    "iss with blank": ({"iss": "reelyard "}, "auth.bad_token"),
    "type refresh": ({"type": "refresh"}, "auth.bad_token"),
    "type list": ({"type": ["access"]}, "auth.bad_token"),
    "type other": ({"type": "admin"}, "auth.bad_token"),
    "sid text": ({"sid": "1"}, "auth.bad_token"),
    "sid number": ({"sid": 1}, "auth.bad_token"),
    "sid list": ({"sid": []}, "auth.bad_token"),
    "sid SQL": ({"sid": "' OR 1=1 --"}, "auth.bad_token"),
    "sid NUL": ({"sid": "\x00"}, "auth.bad_token"),
    "sid unknown": ({"sid": "00000000-0000-4000-8000-000000000000"}, "auth.revoked_token"),
    "sub text": ({"sub": "admin"}, "auth.bad_token"),
    "sub number": ({"sub": 1}, "auth.bad_token"),
    "sub object": ({"sub": {"id": 1}}, "auth.bad_token"),
    "sub unknown": ({"sub": "00000000-0000-4000-8000-000000000000"}, "auth.revoked_token"),
}
"""Claims changed in a token that is then signed rightly."""

HEADERS: dict[str, Parts] = {
    "alg none": {"alg": "none"},
    "alg None": {"alg": "None"},
    "alg NONE": {"alg": "NONE"},
    "alg nOnE": {"alg": "nOnE"},
    "alg empty": {"alg": ""},
    "alg null": {"alg": None},
    "alg number": {"alg": 1},
    "alg list": {"alg": ["HS256"]},
    "alg hs256": {"alg": "hs256"},
    "alg HS384": {"alg": "HS384"},
    "alg HS512": {"alg": "HS512"},
    "alg RS256": {"alg": "RS256"},
    "alg ES256": {"alg": "ES256"},
    "alg PS256": {"alg": "PS256"},
    "alg EdDSA": {"alg": "EdDSA"},
    "crit": {"crit": ["exp"], "exp": 0},
    "crit unknown": {"crit": ["ours"], "ours": 1},
    "crit no list": {"crit": "exp"},
    "b64 off": {"b64": False, "crit": ["b64"]},
    "kid number": {"kid": 1},
}
"""Headers changed, with a right HMAC-SHA256 over what is sent."""


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def seal(head: Any, body: Any, secret: str) -> str:
    """Sign with HMAC-SHA256 whatever the header says."""
    text = f"{part(head)}.{part(body)}"
    made = hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(made).decode().rstrip('=')}"


@pytest.fixture
def good(client: Any) -> str:
    return sign_up(client, "ada@example.com")[1]


@pytest.fixture
def secret(app: Any) -> str:
    found: str = app.extensions["settings"].jwt_secret
    return found


def claims_of(token: str) -> Parts:
    read: Parts = jwt.decode(token, options={"verify_signature": False})
    return read


def ask(client: Any, token: str) -> tuple[int, str]:
    answer = client.get("/api/v1/auth/me", headers=bearer(token))
    return answer.status_code, answer.get_json().get("code", "")


def test_the_forgers_tools_make_good_tokens(client: Any, good: str, secret: str) -> None:
    """Else every test below would pass for nothing."""
    assert ask(client, seal({"alg": "HS256", "typ": "JWT"}, claims_of(good), secret))[0] == 200
    assert (
        ask(client, seal({"alg": "HS256", "typ": "JWT"}, {**claims_of(good), "aud": ["reelyard-api"]}, secret))[0]
        == 200
    )


def test_changed_claims_are_refused(client: Any, good: str, secret: str) -> None:
    wrong = {}
    for name, (changed, code) in CLAIMS.items():
        answer = ask(client, seal({"alg": "HS256", "typ": "JWT"}, {**claims_of(good), **changed}, secret))
        if answer != (401, code):
            wrong[name] = answer

    assert wrong == {}


@pytest.mark.parametrize("name", ["exp", "iss", "aud", "sub", "sid"])
def test_a_missing_claim_is_refused(client: Any, good: str, secret: str, name: str) -> None:
    claims = {key: value for key, value in claims_of(good).items() if key != name}

    assert ask(client, seal({"alg": "HS256", "typ": "JWT"}, claims, secret)) == (401, "auth.bad_token")


def test_changed_headers_are_refused(client: Any, good: str, secret: str) -> None:
    wrong = {}
    for name, changed in HEADERS.items():
        answer = ask(client, seal({"alg": "HS256", "typ": "JWT", **changed}, claims_of(good), secret))
        if answer != (401, "auth.bad_token"):
            wrong[name] = answer

    assert wrong == {}


def test_broken_tokens_are_refused(client: Any, good: str, secret: str) -> None:
    head, body, signature = good.split(".")
    broken = {
        "no signature": f"{head}.{body}.",
        "two parts": f"{head}.{body}",
        "four parts": f"{good}.x",
        "signature of another": f"{head}.{part({**claims_of(good), 'sub': 'x'})}.{signature}",
        "signature cut": good[:-4],
        "signature doubled": good + signature,
        "empty body": f"{head}..{signature}",
        "body a list": seal({"alg": "HS256"}, [], secret),
        "body a text": seal({"alg": "HS256"}, "x", secret),
        "body null": seal({"alg": "HS256"}, None, secret),
        "header a list": seal([], claims_of(good), secret),
        "header null": seal(None, claims_of(good), secret),
        "key that is empty": seal({"alg": "HS256"}, claims_of(good), ""),
        "key that is another": seal({"alg": "HS256"}, claims_of(good), secret[::-1]),
        "key of the callbacks": seal(
            {"alg": "HS256"}, claims_of(good), "tests-only-callback-secret-of-more-than-32-bytes"
        ),
        "key in the header": seal({"alg": "HS256", "jwk": {"kty": "oct", "k": part("x")}}, claims_of(good), "x" * 32),
        "deep": f"{head}.{base64.urlsafe_b64encode(b'[' * 3000).decode()}.{signature}",
        "encrypted": "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA",
    }
    wrong = {
        name: ask(client, token) for name, token in broken.items() if ask(client, token) != (401, "auth.bad_token")
    }

    assert wrong == {}


def test_there_are_more_than_sixty_of_them() -> None:
    assert len(CLAIMS) + 5 + len(HEADERS) + 18 > 60


@pytest.mark.parametrize("place", ["query", "cookie", "form"])
def test_a_token_counts_in_the_header_only(client: Any, good: str, place: str) -> None:
    if place == "cookie":
        client.set_cookie("access_token_cookie", good)
    query = {"jwt": good, "access_token": good} if place == "query" else {}
    answer = client.get("/api/v1/auth/me", query_string=query)

    assert (answer.status_code, answer.get_json()["code"]) == (401, "auth.missing_token")
