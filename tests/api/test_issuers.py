"""Tokens of external issuers, signed with real keys and checked against a JWKS over HTTP."""

from __future__ import annotations

import base64
import json
import math
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import ECKey, OctKey

from api.auth.models import AuthSession
from api.auth.sessions import sweep
from api.extensions import db
from api.identities.issuers import get_trusted
from api.identities.keys import FRESH_S, PAUSE_S, KeyCache, read_keys
from api.identities.models import Identity
from api.users.models import User
from tasks.errors import TransientError
from tests.api.idp import Claims, Idp, encode, make_key, run_idp, sign, unsigned
from tests.api.instances import api_process, bearer
from tests.api.others import another_app
from tests.conftest import TEST_SETTINGS
from tests.factories.users import UserFactory

pytestmark = pytest.mark.security("S-8")

CLERK, STUDIO, AUDIENCE = "https://clerk.example.com", "https://studio.example.com", "reelyard-api"
ADA = "ada@example.com"
OUR_SECRET = TEST_SETTINGS["REELYARD_JWT_SECRET"]


@pytest.fixture(scope="module")
def shared_idp() -> Iterator[Idp]:
    with run_idp() as idp:
        yield idp


@pytest.fixture(scope="module")
def issuer_environ(database_environ: dict[str, str], shared_idp: Idp) -> dict[str, str]:
    clerk = {"issuer": CLERK, "jwks_url": f"{shared_idp.url}/jwks", "authorized_parties": [STUDIO]}
    auth0 = {"issuer": f"{shared_idp.url}", "jwks_url": f"{shared_idp.url}/jwks", "audience": AUDIENCE,
             "email_claim": "mail", "email_verified_claim": "mail_ok"}  # fmt: skip
    return {
        **database_environ,
        "REELYARD_ISSUERS": json.dumps([clerk, auth0]),
        "REELYARD_IDENTITY_TIMEOUT_S": "0.5",
        "REELYARD_CLOCK_SKEW_S": "30",
    }


@pytest.fixture(scope="module")
def issuer_application(application: Any, issuer_environ: dict[str, str]) -> Iterator[Any]:
    with another_app(issuer_environ) as one:
        yield one


@pytest.fixture
def site(app: Any, issuer_application: Any) -> Iterator[Any]:
    """A client of an application that believes Clerk and one more issuer, with empty caches."""
    issuer_application.extensions.pop("identity-issuers", None)
    with issuer_application.app_context():
        yield issuer_application.test_client()
        db.session.remove()


@pytest.fixture
def idp(shared_idp: Idp) -> Idp:
    shared_idp.reset()
    return shared_idp


def clerk_claims(**changed: Any) -> Claims:
    """Return claims as Clerk's session tokens have them: azp and sid, no aud, a short life."""
    now = int(time.time())
    claims = {"iss": CLERK, "azp": STUDIO, "sub": "user_2abc", "sid": "sess_1", "iat": now, "nbf": now - 10,
              "exp": now + 60, "email": ADA, "email_verified": True, "v": 2, "fva": [1, -1]}  # fmt: skip
    return {**claims, **changed}


def clerk_token(idp: Idp, **changed: Any) -> str:
    return idp.sign(clerk_claims(**changed), headers={"cat": "cl_B7d4PD111AAA"})


def whoami(client: Any, token: str) -> Any:
    return client.get("/api/v1/auth/me", headers=bearer(token))


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["code"]


def test_a_first_token_opens_an_account_and_later_ones_find_it(site: Any, idp: Idp) -> None:
    first = whoami(site, clerk_token(idp))
    moved = whoami(site, clerk_token(idp, email="moved@example.com", sid="sess_2"))
    silent = whoami(site, clerk_token(idp, email=None, email_verified=None))

    assert (first.status_code, first.get_json()["email"]) == (200, ADA)
    assert moved.get_json() == silent.get_json() == first.get_json()
    assert [(row.provider, row.subject) for row in db.session.query(Identity)] == [(CLERK, "user_2abc")]
    assert db.session.query(User).one().email_verified_at is not None
    assert db.session.query(AuthSession).count() == 2
    assert idp.count("/jwks") == 1


def test_claims_are_mapped_and_an_audience_is_asked_for(site: Any, idp: Idp) -> None:
    now = int(time.time())
    about = {"sub": "auth0|1", "mail": "Bob@Example.com", "mail_ok": True}
    claims = {"iss": idp.url, "aud": ["x", AUDIENCE], "azp": "some-client", "iat": now, "exp": now + 60, **about}

    assert whoami(site, idp.sign(claims)).get_json()["email"] == "bob@example.com"
    assert code_of(whoami(site, idp.sign({**claims, "aud": "x"}))) == (401, "auth.bad_token")
    assert code_of(whoami(site, idp.sign({**claims, "aud": None}))) == (401, "auth.bad_token")
    unproven = {**claims, "sub": "auth0|2", "mail_ok": None, "email": "c@example.com", "email_verified": True}
    assert code_of(whoami(site, idp.sign(unproven))) == (403, "identity.no_account")


HOUR = 3600
BAD_CLAIMS: dict[str, Claims] = {
    "party wrong": {"azp": "https://evil.example"},
    "party missing": {"azp": None},
    "party a list": {"azp": [STUDIO]},
    "subject missing": {"sub": None},
    "subject empty": {"sub": ""},
    "subject a number": {"sub": 1},
    "subject too long": {"sub": "x" * 256},
    "end missing": {"exp": None},
    "end a text": {"exp": "9999999999"},
    "start missing": {"iat": None},
    "from the future": {"iat": int(time.time()) + HOUR},
    "not yet": {"nbf": int(time.time()) + HOUR},
}


@pytest.mark.parametrize("name", BAD_CLAIMS)
def test_claims_that_do_not_fit_are_bad_tokens(site: Any, idp: Idp, name: str) -> None:
    assert code_of(whoami(site, clerk_token(idp, **BAD_CLAIMS[name]))) == (401, "auth.bad_token")
    assert db.session.query(User).count() == 0


FORGED: dict[str, Callable[[Idp], str]] = {
    "alg none": lambda idp: unsigned(clerk_claims()),
    "unknown key": lambda idp: sign(clerk_claims(), make_key("second")),
    "other key under a known id": lambda idp: sign(clerk_claims(), make_key("second"), {"kid": "first"}),
    "HS256": lambda idp: sign(clerk_claims(), OctKey.import_key("x" * 64), {"kid": "first"}),
    "curve key": lambda idp: sign(clerk_claims(), ECKey.generate_key("P-256"), {"kid": "first"}),
    "no signature": lambda idp: clerk_token(idp).rpartition(".")[0] + ".",
    "no header": lambda idp: "." + clerk_token(idp).partition(".")[2],
    "key id a number": lambda idp: f"{encode({'alg': 'RS256', 'kid': 1})}.{clerk_token(idp).partition('.')[2]}",
    "signed by us": lambda idp: sign(clerk_claims(), OctKey.import_key(OUR_SECRET), {"kid": "first"}),
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_tokens_are_bad_tokens(site: Any, idp: Idp, name: str) -> None:
    assert code_of(whoami(site, FORGED[name](idp))) == (401, "auth.bad_token")
    assert db.session.query(User).count() == 0


def test_a_token_of_a_stranger_is_bad(site: Any, idp: Idp) -> None:
    assert code_of(whoami(site, clerk_token(idp, iss="https://evil.example"))) == (401, "auth.bad_token")
    assert code_of(whoami(site, clerk_token(idp, iss=None))) == (401, "auth.bad_token")
    assert idp.requests == []


@pytest.mark.parametrize(("seconds", "status"), [(-29, 200), (-32, 401)])
def test_clocks_may_differ_as_far_as_configured(site: Any, idp: Idp, seconds: int, status: int) -> None:
    whoami(site, clerk_token(idp))  # the keys are there: no second is left for fetching them
    now = math.ceil(time.time())
    over = whoami(site, clerk_token(idp, iat=now - HOUR, exp=now + seconds))
    now = int(time.time())
    early = whoami(site, clerk_token(idp, iat=now - seconds, nbf=now - seconds, exp=now + HOUR))

    assert (over.status_code, early.status_code) == (status, status)
    if status == 401:
        assert (code_of(over)[1], code_of(early)[1]) == ("auth.expired_token", "auth.bad_token")


def test_a_new_key_is_fetched_once(site: Any, idp: Idp) -> None:
    assert whoami(site, clerk_token(idp)).status_code == 200
    idp.keys = {"second": make_key("second")}
    token = sign(clerk_claims(), make_key("second"))
    keys = get_trusted()[CLERK].keys
    keys._tried_at -= PAUSE_S + 1

    assert [whoami(site, token).status_code for _ in range(3)] == [200, 200, 200]
    assert idp.count("/jwks") == 2
    assert code_of(whoami(site, clerk_token_of_old_key())) == (401, "auth.bad_token")


def clerk_token_of_old_key() -> str:
    return sign(clerk_claims(), make_key("first"))


def test_forged_key_ids_do_not_make_us_a_nuisance(site: Any, idp: Idp) -> None:
    for number in range(20):
        key = sign(clerk_claims(), make_key("second"), {"kid": f"made-up-{number}"})
        assert code_of(whoami(site, key)) == (401, "auth.bad_token")

    assert idp.count("/jwks") == 1


def test_an_issuer_that_is_down_does_not_lock_out_who_has_a_key(site: Any, idp: Idp) -> None:
    assert whoami(site, clerk_token(idp)).status_code == 200
    idp.wrong_status["/jwks"] = 500
    keys = get_trusted()[CLERK].keys
    keys._tried_at -= FRESH_S + 1
    keys._fetched_at -= FRESH_S + 1

    assert whoami(site, clerk_token(idp, sid="sess_2")).status_code == 200
    assert idp.count("/jwks") == 2


def test_an_issuer_that_was_never_reached_is_503_and_not_401(site: Any, idp: Idp) -> None:
    idp.wrong_status["/jwks"] = 500

    answer = whoami(site, clerk_token(idp))

    assert code_of(answer) == (503, "identity.unavailable")
    assert answer.headers["Retry-After"] == "2"


def test_keys_are_fetched_again_by_the_clock(idp: Idp) -> None:
    now = [1000.0]
    cache = KeyCache(lambda: f"{idp.url}/jwks", timeout_s=1, clock=lambda: now[0])
    found, counts = [], []
    for seconds, kid in ((0, "first"), (10, "nobody"), (PAUSE_S + 1, "nobody"), (10, "first"), (FRESH_S + 1, "first")):
        now[0] += seconds
        found.append(cache.find(kid) is not None)
        counts.append(idp.count("/jwks"))

    assert found == [True, False, False, True, True]
    assert counts == [1, 1, 2, 2, 3]


def test_who_has_a_key_does_not_wait_while_others_are_fetched(idp: Idp) -> None:
    cache = KeyCache(lambda: f"{idp.url}/jwks", timeout_s=2)
    assert cache.find("first") is not None
    cache._tried_at -= PAUSE_S + 1
    idp.delay_s["/jwks"] = 1.0
    waiting = threading.Thread(target=cache.find, args=("unknown",))
    waiting.start()
    while idp.count("/jwks") < 2:
        time.sleep(0.01)
    began = time.monotonic()

    assert cache.find("first") is not None
    assert time.monotonic() - began < 0.5
    waiting.join()


def test_keys_that_cannot_verify_are_left_out() -> None:
    good, curve = make_key("first").as_dict(private=False), ECKey.generate_key("P-256").as_dict(private=False)
    others = [
        {**good, "kid": "enc", "use": "enc"},
        {"kty": "oct", "k": "eA", "kid": "secret"},
        {**small_key(), "kid": "s"},
    ]
    broken: list[Any] = [{"kty": "RSA", "kid": "b"}, {"kty": "EC", "crv": "P-0", "kid": "c"}, None, 1, {"kty": []}]
    listed = [good, {**curve, "kid": "curve"}, *others, *broken]

    assert set(read_keys({"keys": listed})) == {"first", "curve"}
    for wrong in (None, [], {}, {"keys": None}, {"keys": "x"}):
        assert read_keys(wrong) == {}


def small_key() -> Claims:
    """Return a public key of 1024 bits, which joserfc would not make without a warning."""
    numbers = rsa.generate_private_key(65537, 1024).public_key().public_numbers()
    modulus = base64.urlsafe_b64encode(numbers.n.to_bytes(128, "big")).decode().rstrip("=")
    return {"kty": "RSA", "n": modulus, "e": "AQAB"}


def test_signing_out_ends_the_session_whatever_the_issuer_goes_on_signing(
    site: Any, idp: Idp, issuer_environ: dict[str, str]
) -> None:
    token = clerk_token(idp)
    with api_process(issuer_environ) as elsewhere:
        assert whoami(site, token).status_code == 200
        assert elsewhere.get("/api/v1/auth/me", headers=bearer(token)).status_code == 200

        assert site.post("/api/v1/auth/logout", headers=bearer(token)).status_code == 204

        there = elsewhere.get("/api/v1/auth/me", headers=bearer(token))
        assert (there.status_code, there.json()["code"]) == (401, "auth.revoked_token")
    later = clerk_token(idp, exp=int(time.time()) + 120)
    assert code_of(whoami(site, later)) == (401, "auth.revoked_token")
    assert whoami(site, clerk_token(idp, sid="sess_2")).status_code == 200
    long_ago = datetime.now(UTC) - timedelta(days=300)
    db.session.query(AuthSession).update({"expires_at": long_ago})
    db.session.commit()
    assert sweep(db.session()) == 1
    assert code_of(whoami(site, later)) == (401, "auth.revoked_token")


def test_signing_out_everywhere_refuses_sessions_never_seen(site: Any, idp: Idp) -> None:
    now = int(time.time())
    unseen = clerk_token(idp, sid="sess_2", iat=now - 5)
    token = clerk_token(idp, iat=now - 5)
    assert whoami(site, token).status_code == 200

    assert site.post("/api/v1/auth/logout-all", headers=bearer(token)).status_code == 204

    assert code_of(whoami(site, unseen)) == (401, "auth.revoked_token")
    assert whoami(site, clerk_token(idp, sid="sess_3", iat=now + 5)).status_code == 200


def test_a_ban_counts_at_once(site: Any, idp: Idp) -> None:
    assert whoami(site, clerk_token(idp)).status_code == 200
    db.session.query(User).update({"enabled": False})
    db.session.commit()

    assert code_of(whoami(site, clerk_token(idp))) == (401, "auth.revoked_token")


@pytest.mark.parametrize(
    "changed", [{"email_verified": False}, {"email_verified": "true"}, {"email": None}, {"email": "nobody"}]
)
def test_an_unproven_address_opens_no_account(site: Any, idp: Idp, changed: Claims) -> None:
    assert code_of(whoami(site, clerk_token(idp, **changed))) == (403, "identity.no_account")
    assert db.session.query(User).count() == 0


def test_a_proven_account_is_not_entered_through_its_address(site: Any, idp: Idp) -> None:
    UserFactory(email=ADA)

    assert code_of(whoami(site, clerk_token(idp))) == (403, "identity.no_account")
    assert db.session.query(Identity).count() == 0


def test_first_requests_at_the_same_moment_open_one_account(site: Any, idp: Idp, issuer_application: Any) -> None:
    token, answers, start = clerk_token(idp), [], threading.Barrier(6)

    def ask() -> None:
        client = issuer_application.test_client()
        start.wait()
        answers.append(whoami(client, token).status_code)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [200] * 6
    assert [db.session.query(table).count() for table in (User, Identity, AuthSession)] == [1, 1, 1]


def test_without_issuers_their_tokens_are_bad(client: Any, idp: Idp) -> None:
    assert code_of(whoami(client, clerk_token(idp))) == (401, "auth.bad_token")
    with pytest.raises(TransientError):
        KeyCache(lambda: f"{idp.url}/nowhere", timeout_s=1).find("first")
