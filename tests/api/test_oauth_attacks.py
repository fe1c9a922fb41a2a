"""Sixty ways for a sign-in elsewhere to go wrong, by the provider's fault or a stranger's: nobody gets in, nothing is
made, and the browser ends on a clean page of ours."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from joserfc.jwk import ECKey, RSAKey

from api.auth.models import AuthSession
from api.extensions import db
from api.identities.models import Identity, OauthFlow, OauthGrant
from api.users.models import User
from tests.api.browsers import Browser
from tests.api.idp import CLIENT_ID, Claims, Idp, Person, encode, make_key, sign, unsigned
from tests.api.instances import bearer
from tests.api.test_oauth import PUBLIC_URL, idp, oauth_application, shared_idp, site
from tests.factories.users import UserFactory

pytestmark = pytest.mark.security("S-9")

__all__ = ["idp", "oauth_application", "shared_idp", "site"]

Attack = Callable[[Any, Idp], str]
"""Carries an attack out and returns where our site sends the browser."""


def go(browser: Browser, provider: str = "google") -> str:
    return browser.come_back(browser.agree(browser.start(provider)))


def with_claims(**changed: Any) -> Attack:
    def attack(site: Any, idp: Idp) -> str:
        idp.wrong_claims = {name: value(idp) if callable(value) else value for name, value in changed.items()}
        return go(Browser(site))

    return attack


def with_token(make: Callable[[Idp, Claims], str | None]) -> Attack:
    def attack(site: Any, idp: Idp) -> str:
        idp.wrong_token = lambda claims: make(idp, claims)
        return go(Browser(site))

    return attack


def with_answer(
    path: str, *, status: int = 200, body: bytes = b"{}", delay_s: float = 0, provider: str = "google"
) -> Attack:
    def attack(site: Any, idp: Idp) -> str:
        browser = Browser(site)
        back = browser.agree(browser.start(provider))
        if delay_s:
            idp.delay_s[path] = delay_s
        else:
            idp.wrong_status[path], idp.wrong_body[path] = status, body
        return browser.come_back(back)

    return attack


def with_person(person: Person, provider: str = "google") -> Attack:
    def attack(site: Any, idp: Idp) -> str:
        idp.person = person
        return go(Browser(site), provider)

    return attack


def with_query(change: Callable[[dict[str, str]], dict[str, str]]) -> Attack:
    def attack(site: Any, idp: Idp) -> str:
        browser = Browser(site)
        back = urlsplit(browser.agree(browser.start("google")))
        query = {name: values[0] for name, values in parse_qs(back.query).items()}
        return browser.come_back(f"{back.path}?{urlencode(change(query))}")

    return attack


def in_another_browser(site: Any, idp: Idp) -> str:
    thief = Browser(site)
    back = thief.agree(thief.start("google"))
    victim = Browser(site)
    victim.start("google")
    return victim.come_back(back)


def replayed(site: Any, idp: Idp) -> str:
    browser = Browser(site)
    back = browser.agree(browser.start("google"))
    browser.come_back(back)
    db.session.query(User).delete()
    db.session.commit()
    return browser.come_back(back)


def code_replayed(site: Any, idp: Idp) -> str:
    """The code of one sign-in is put into another one of the same browser."""
    browser = Browser(site)
    first = urlsplit(browser.agree(browser.start("google")))
    second = urlsplit(browser.agree(browser.start("google")))
    code, state = parse_qs(first.query)["code"][0], parse_qs(second.query)["state"][0]
    return browser.come_back(f"{second.path}?{urlencode({'code': code, 'state': state})}")


def code_injected(site: Any, idp: Idp) -> str:
    """The same, at a provider that forgets to look at the verifier: the nonce tells."""
    idp.anything_goes = True
    return code_replayed(site, idp)


def other_provider(site: Any, idp: Idp) -> str:
    browser = Browser(site)
    back = urlsplit(browser.agree(browser.start("google")))
    return browser.come_back(f"{back.path.replace('google', 'github')}?{back.query}")


def redirect_changed(site: Any, idp: Idp) -> str:
    browser = Browser(site)
    url = browser.start("google").replace("oauth%2Fgoogle%2Fcallback", "oauth%2Fgithub%2Fcallback")
    assert "github" in url
    back = urlsplit(browser.agree(url))
    return browser.come_back(f"{back.path.replace('github', 'google')}?{back.query}")


def downgraded(site: Any, idp: Idp) -> str:
    """Somebody changes the challenge on the way out, to redeem the code with a verifier of their own."""
    browser = Browser(site)
    url = urlsplit(browser.start("google"))
    query = {name: values[0] for name, values in parse_qs(url.query).items()}
    return browser.come_back(browser.agree(f"{idp.url}/authorize?{urlencode({**query, 'code_challenge': 'x' * 43})}"))


def too_late(site: Any, idp: Idp) -> str:
    browser = Browser(site)
    back = browser.agree(browser.start("google"))
    db.session.query(OauthFlow).update({"expires_at": db.func.now()})
    db.session.commit()
    return browser.come_back(back)


def hmac_by_hand(claims: Claims, secret: bytes) -> str:
    """Sign as HS256: the library rightly refuses to make a secret of a public key."""
    text = f"{encode({'alg': 'HS256', 'kid': 'first'})}.{encode(claims)}"
    made = hmac.new(secret, text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(made).decode().rstrip('=')}"


def hmac_with_public_key(idp: Idp, claims: Claims) -> str:
    return hmac_by_hand(claims, idp.keys["first"].as_pem(private=False))


def hmac_with_jwks_document(idp: Idp, claims: Claims) -> str:
    return hmac_by_hand(
        claims, json.dumps({"keys": [key.as_dict(private=False) for key in idp.keys.values()]}).encode()
    )


def key_in_the_header(idp: Idp, claims: Claims) -> str:
    own = RSAKey.generate_key(2048)
    return sign(claims, own, {"kid": "first", "jwk": own.as_dict(private=False)})


def curve_key_in_disguise(idp: Idp, claims: Claims) -> str:
    return sign(claims, ECKey.generate_key("P-256"), {"kid": "first"})


def unknown_critical_header(idp: Idp, claims: Claims) -> str:
    text = f"{encode({'alg': 'RS256', 'kid': 'first', 'crit': ['ours'], 'ours': 1})}.{encode(claims)}"
    made = idp.keys["first"].get_op_key("sign").sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{text}.{base64.urlsafe_b64encode(made).decode().rstrip('=')}"


def changed_afterwards(idp: Idp, claims: Claims) -> str:
    head, _, signature = idp.sign(claims).split(".")
    return f"{head}.{encode({**claims, 'sub': '1'})}.{signature}"


def no_signature(idp: Idp, claims: Claims) -> str:
    return idp.sign(claims).rpartition(".")[0] + "."


HOUR = 3600
REFUSED = "oauth.refused"
ATTACKS: dict[str, tuple[Attack, str]] = {
    # On the way back
    "no state": (with_query(lambda query: {"code": query["code"]}), "oauth.bad_state"),
    "another state": (with_query(lambda query: {**query, "state": "x" * 43}), "oauth.bad_state"),
    "state in another browser": (in_another_browser, "oauth.bad_state"),
    "answer replayed": (replayed, "oauth.bad_state"),
    "answer of another provider's path": (other_provider, "oauth.bad_state"),
    "answer too late": (too_late, "oauth.bad_state"),
    "no code": (with_query(lambda query: {"state": query["state"]}), REFUSED),
    "made-up code": (with_query(lambda query: {**query, "code": "made-up"}), REFUSED),
    "code of another sign-in": (code_replayed, REFUSED),
    "code of another sign-in at a careless provider": (code_injected, REFUSED),
    "mixed-up issuer": (with_query(lambda query: {**query, "iss": "https://evil.example"}), REFUSED),
    "redirect_uri changed": (redirect_changed, REFUSED),
    "challenge changed": (downgraded, REFUSED),
    "person said no": (with_query(lambda query: {"state": query["state"], "error": "access_denied"}), "oauth.denied"),
    "error with markup": (with_query(lambda query: {"state": query["state"], "error": "<script>"}), REFUSED),
    "error beside a code": (with_query(lambda query: {**query, "error": "server_error"}), REFUSED),
    # The token endpoint
    "token endpoint 500": (with_answer("/token", status=500), "identity.unavailable"),
    "token endpoint slow": (with_answer("/token", delay_s=1), "identity.unavailable"),
    "token endpoint endless": (with_answer("/token", body=b" " * 300_000), "identity.unavailable"),
    "token endpoint no JSON": (with_answer("/token", body=b"<html>"), REFUSED),
    "token endpoint a list": (with_answer("/token", body=b"[]"), REFUSED),
    "token endpoint deep": (with_answer("/token", body=b"[" * 200_000), REFUSED),
    "ID token missing": (with_token(lambda idp, claims: None), REFUSED),
    "ID token a number": (with_answer("/token", body=b'{"access_token": "a", "id_token": 1}'), REFUSED),
    "keys 500": (with_answer("/jwks", status=500), "identity.unavailable"),
    "keys none": (with_answer("/jwks", body=b'{"keys": []}'), "identity.unavailable"),
    # The ID token
    "nonce wrong": (with_claims(nonce="another"), REFUSED),
    "nonce missing": (with_claims(nonce=None), REFUSED),
    "aud wrong": (with_claims(aud="another-client"), REFUSED),
    "aud missing": (with_claims(aud=None), REFUSED),
    "aud shared without azp": (with_claims(aud=[CLIENT_ID, "another-client"]), REFUSED),
    "azp wrong": (with_claims(azp="another-client"), REFUSED),
    "iss wrong": (with_claims(iss="https://evil.example"), REFUSED),
    "iss with a slash": (with_claims(iss=lambda idp: f"{idp.url}/"), REFUSED),
    "iss missing": (with_claims(iss=None), REFUSED),
    "sub missing": (with_claims(sub=None), REFUSED),
    "sub empty": (with_claims(sub=""), REFUSED),
    "sub too long": (with_claims(sub="x" * 256), REFUSED),
    "expired": (with_claims(iat=int(time.time()) - 2 * HOUR, exp=int(time.time()) - HOUR), REFUSED),
    "exp missing": (with_claims(exp=None), REFUSED),
    "exp text": (with_claims(exp="tomorrow"), REFUSED),
    "iat in the future": (with_claims(iat=int(time.time()) + HOUR, exp=int(time.time()) + 2 * HOUR), REFUSED),
    "nbf in the future": (with_claims(nbf=int(time.time()) + HOUR), REFUSED),
    "alg none": (with_token(lambda idp, claims: unsigned(claims)), REFUSED),
    "alg NoNe": (with_token(lambda idp, claims: unsigned(claims, "NoNe")), REFUSED),
    "signature missing": (with_token(no_signature), REFUSED),
    "changed afterwards": (with_token(changed_afterwards), REFUSED),
    "HS256 with the public key": (with_token(hmac_with_public_key), REFUSED),
    "HS256 with the key document": (with_token(hmac_with_jwks_document), REFUSED),
    "HS256 with the client id": (
        with_token(lambda idp, claims: hmac_by_hand(claims, CLIENT_ID.encode())),
        REFUSED,
    ),
    "unknown kid": (with_token(lambda idp, claims: sign(claims, make_key("second"))), REFUSED),
    "other key under a known kid": (with_token(lambda idp, c: sign(c, make_key("second"), {"kid": "first"})), REFUSED),
    "key in the header": (with_token(key_in_the_header), REFUSED),
    "curve key in disguise": (with_token(curve_key_in_disguise), REFUSED),
    "unknown critical header": (
        with_token(lambda idp, c: idp.sign(c, headers={"crit": ["b64"], "b64": False})),
        REFUSED,
    ),
    # Who it is
    "address not verified": (with_person(Person(verified=False)), "oauth.unverified_email"),
    "address verified by a text": (with_claims(email_verified="true"), "oauth.unverified_email"),
    "no address": (with_person(Person(email=None)), "oauth.unverified_email"),
    "address that only looks like one": (with_person(Person(email="\uff41da@example.com")), "oauth.unverified_email"),
    "GitHub address not verified": (with_person(Person(verified=False), "github"), "oauth.unverified_email"),
    "GitHub API 500": (with_answer("/user", status=500, provider="github"), "identity.unavailable"),
    "GitHub user without id": (with_answer("/user", body=b'{"login": "ada"}', provider="github"), REFUSED),
    "GitHub user with a text for an id": (with_answer("/user", body=b'{"id": "1 or 1"}', provider="github"), REFUSED),
    "GitHub e-mails no list": (
        with_answer("/user/emails", body=b'{"message": "no"}', provider="github"),
        "oauth.unverified_email",
    ),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_a_bad_sign_in_ends_on_a_clean_page_and_lets_nobody_in(site: Any, idp: Idp, name: str) -> None:
    attack, code = ATTACKS[name]

    location = attack(site, idp)

    assert location == f"{PUBLIC_URL}/sign-in#error={code}"
    for table in (User, Identity, OauthGrant, AuthSession):
        assert db.session.query(table).count() == 0, table


def test_there_are_more_than_twenty_five_of_them() -> None:
    assert len(ATTACKS) > 25


def test_another_case_of_an_address_is_the_same_account(site: Any, idp: Idp) -> None:
    """It has a password and is proven, so that nobody comes in through its address, however it is written."""
    UserFactory(email="ada@example.com")
    idp.person = Person("3003", "ADA@Example.COM")

    assert go(Browser(site)) == f"{PUBLIC_URL}/sign-in#error=oauth.account_exists"
    assert db.session.query(User).count() == 1


def test_a_new_subject_with_a_known_address_does_not_get_the_account(site: Any, idp: Idp) -> None:
    Browser(site).sign_in("google")
    idp.person = Person("9999", "ada@example.com")

    assert go(Browser(site)) == f"{PUBLIC_URL}/sign-in#error=oauth.account_exists"


def signed_in(site: Any, idp: Idp, subject: str, email: str) -> tuple[Browser, str]:
    browser = Browser(site)
    idp.person = Person(subject, email)
    return browser, browser.sign_in("google")["access_token"]


def test_an_identity_of_another_account_is_not_linked(site: Any, idp: Idp) -> None:
    signed_in(site, idp, "1", "ada@example.com")
    thief, access = signed_in(site, idp, "2", "eve@example.com")
    idp.person = Person("1", "ada@example.com")

    location = thief.come_back(thief.agree(thief.link("google", access)))

    assert location == f"{PUBLIC_URL}/sign-in#error=identity.linked_elsewhere"
    owners = {row.subject: row.user_id for row in db.session.query(Identity)}
    assert len(set(owners.values())) == 2


def test_a_link_is_finished_in_the_browser_and_session_that_began_it(site: Any, idp: Idp) -> None:
    """A thief who has a victim's browser finish the link would get the victim's identity on the own account."""
    thief, access = signed_in(site, idp, "2", "eve@example.com")
    idp.person = Person("1", "ada@example.com")
    back = thief.agree(thief.link("google", access))
    assert Browser(site).come_back(back) == f"{PUBLIC_URL}/sign-in#error=oauth.bad_state"

    back = thief.agree(thief.link("google", access))
    thief.client.post("/api/v1/auth/logout", headers=bearer(access))
    assert thief.come_back(back) == f"{PUBLIC_URL}/sign-in#error=auth.revoked_token"
    assert [row.subject for row in db.session.query(Identity)] == ["2"]


def test_a_banned_account_does_not_come_in_by_its_identity(site: Any, idp: Idp) -> None:
    browser = Browser(site)
    browser.sign_in("google")
    late = browser.come_back(browser.agree(browser.start("google")))
    db.session.query(User).update({"enabled": False})
    db.session.commit()

    assert go(Browser(site)) == f"{PUBLIC_URL}/sign-in#error=auth.disabled"
    assert browser.redeem(late).get_json()["code"] == "auth.disabled"


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"issuer": "https://evil.example"}', b"no JSON", b"null"])
def test_a_bad_discovery_document_ends_on_a_clean_page(site: Any, idp: Idp, body: bytes) -> None:
    idp.wrong_body["/.well-known/openid-configuration"] = body

    assert Browser(site).start("google") == f"{PUBLIC_URL}/sign-in#error=identity.unavailable"
    assert db.session.query(OauthFlow).count() == 0


def test_endpoints_on_another_scheme_are_not_gone_to(site: Any, idp: Idp) -> None:
    document = {
        "issuer": idp.url,
        "authorization_endpoint": "javascript:alert(1)",
        "token_endpoint": "file:///etc",
        "jwks_uri": idp.url,
    }
    idp.wrong_body["/.well-known/openid-configuration"] = json.dumps(document).encode()

    assert Browser(site).start("google") == f"{PUBLIC_URL}/sign-in#error=identity.unavailable"


def test_the_secret_of_the_client_goes_to_its_own_provider_only(site: Any, idp: Idp) -> None:
    """Authlib keeps default headers for all clients; the secret must not stay in them."""
    from authlib.oauth2.client import DEFAULT_HEADERS  # type: ignore[import-untyped]

    Browser(site).sign_in("google")

    assert "Authorization" not in DEFAULT_HEADERS
    assert base64.b64encode(CLIENT_ID.encode()) not in str(DEFAULT_HEADERS).encode()
