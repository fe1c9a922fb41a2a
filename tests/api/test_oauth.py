"""Sign-in with Google and GitHub, against a provider over HTTP with real keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from api.auth.models import AuthSession
from api.extensions import db
from api.identities.models import Identity, OauthFlow, OauthGrant
from api.users.models import User
from tests.api.browsers import Browser
from tests.api.idp import CLIENT_ID, CLIENT_SECRET, Idp, Person, run_idp
from tests.api.instances import bearer
from tests.api.others import another_app
from tests.apps import PASSWORD
from tests.factories.users import UserFactory

pytestmark = pytest.mark.security("S-9")

PUBLIC_URL = "http://127.0.0.1:8000"
PROVIDERS = ["google", "github"]


@pytest.fixture(scope="module")
def shared_idp() -> Iterator[Idp]:
    with run_idp() as idp:
        yield idp


@pytest.fixture(scope="module")
def oauth_application(application: Any, database_environ: dict[str, str], shared_idp: Idp) -> Iterator[Any]:
    environ = {
        **database_environ,
        "REELYARD_GOOGLE_CLIENT_ID": CLIENT_ID,
        "REELYARD_GOOGLE_CLIENT_SECRET": CLIENT_SECRET,
        "REELYARD_GOOGLE_ISSUER": shared_idp.url,
        "REELYARD_GITHUB_CLIENT_ID": CLIENT_ID,
        "REELYARD_GITHUB_CLIENT_SECRET": CLIENT_SECRET,
        "REELYARD_GITHUB_URL": shared_idp.url,
        "REELYARD_GITHUB_API_URL": shared_idp.url,
        "REELYARD_IDENTITY_TIMEOUT_S": "0.5",
        "REELYARD_AUTH_RATE": "9999/minute",
    }
    with another_app(environ) as one:
        yield one


@pytest.fixture
def site(app: Any, oauth_application: Any) -> Iterator[Any]:
    """An application with both providers, whose caches are empty."""
    oauth_application.extensions.pop("identity-providers", None)
    with oauth_application.app_context():
        yield oauth_application
        db.session.remove()


@pytest.fixture
def idp(shared_idp: Idp) -> Idp:
    """The provider, behaving."""
    shared_idp.reset()
    return shared_idp


def me(browser: Browser, tokens: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = browser.client.get("/api/v1/auth/me", headers=bearer(tokens["access_token"])).get_json()
    return answer


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_first_sign_in_opens_an_account_and_the_next_finds_it(site: Any, idp: Idp, provider: str) -> None:
    browser = Browser(site)
    first = me(browser, browser.sign_in(provider))
    again = me(browser, Browser(site).sign_in(provider))

    assert (first["email"], first["role"], again["id"]) == ("ada@example.com", "user", first["id"])
    user = db.session.query(User).one()
    assert (user.password_hash, user.email_verified_at is not None) == (None, True)
    assert [row.method for row in db.session.query(AuthSession)] == [provider, provider]
    assert (db.session.query(OauthFlow).count(), db.session.query(OauthGrant).count()) == (0, 0)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_way_out_binds_the_sign_in(site: Any, idp: Idp, provider: str) -> None:
    browser = Browser(site)
    url = urlsplit(browser.start(provider))
    sent = {name: values[0] for name, values in parse_qs(url.query).items()}

    assert sent["redirect_uri"] == f"{PUBLIC_URL}/api/v1/auth/oauth/{provider}/callback"
    assert (sent["code_challenge_method"], len(sent["code_challenge"]), len(sent["state"])) == ("S256", 43, 43)
    assert ("nonce" in sent) == (provider == "google")
    flow = db.session.query(OauthFlow).one()
    assert sent["state"] not in str(vars(flow))
    cookie = browser.client.get_cookie("reelyard-sign-in")
    assert cookie is not None
    assert (cookie.http_only, cookie.same_site, cookie.path) == (True, "Lax", "/")


def test_the_redirect_uri_does_not_follow_the_host_header(site: Any, idp: Idp) -> None:
    query = {"challenge": "x" * 43}
    answer = site.test_client().get(
        "/api/v1/auth/oauth/google/start", query_string=query, headers={"Host": "evil.example"}
    )

    assert parse_qs(urlsplit(answer.headers["Location"]).query)["redirect_uri"] == [
        f"{PUBLIC_URL}/api/v1/auth/oauth/google/callback"
    ]


def test_the_subject_counts_and_not_the_address(site: Any, idp: Idp) -> None:
    browser = Browser(site)
    first = me(browser, browser.sign_in("google"))
    idp.person = Person(email="moved@example.com")

    assert me(browser, browser.sign_in("google"))["id"] == first["id"]
    assert me(browser, browser.sign_in("google"))["email"] == "ada@example.com"


def test_one_account_links_both_and_each_lets_its_owner_in(site: Any, idp: Idp) -> None:
    browser = Browser(site)
    tokens = browser.sign_in("google")
    idp.person = Person("2002", "elsewhere@example.com")
    location = browser.come_back(browser.agree(browser.link("github", tokens["access_token"])))

    assert location == f"{PUBLIC_URL}/account#linked=github"
    assert me(browser, Browser(site).sign_in("github"))["email"] == "ada@example.com"
    listed = browser.client.get("/api/v1/auth/identities", headers=bearer(tokens["access_token"])).get_json()["items"]
    assert [(one["provider"], one["email"]) for one in listed] == [
        ("google", "ada@example.com"),
        ("github", "elsewhere@example.com"),
    ]


def test_the_last_way_in_stays(site: Any, idp: Idp) -> None:
    browser = Browser(site)
    headers = bearer(browser.sign_in("google")["access_token"])
    [only] = browser.client.get("/api/v1/auth/identities", headers=headers).get_json()["items"]
    path = f"/api/v1/auth/identities/{only['id']}"

    refused = browser.client.delete(path, headers=headers)
    assert (refused.status_code, refused.get_json()["code"]) == (409, "auth.last_way_in")
    db.session.query(User).update({"password_hash": "x"})
    db.session.commit()
    assert browser.client.delete(path, headers=headers).status_code == 204
    assert browser.client.delete(path, headers=headers).status_code == 404
    assert db.session.query(Identity).count() == 0


def test_a_proven_account_is_not_entered_through_its_address(site: Any, idp: Idp) -> None:
    UserFactory(email="ada@example.com")
    browser = Browser(site)

    location = browser.come_back(browser.agree(browser.start("google")))

    assert location == f"{PUBLIC_URL}/sign-in#error=oauth.account_exists"
    assert (db.session.query(Identity).count(), db.session.query(AuthSession).count()) == (0, 0)


def test_an_account_on_an_unproven_address_gives_way(site: Any, idp: Idp) -> None:
    """Somebody who registered the address beforehand keeps no way in."""
    thief = site.test_client()
    who = {"email": "ada@example.com", "password": PASSWORD}
    thief.post("/api/v1/auth/register", json=who)
    stolen = thief.post("/api/v1/auth/login", json=who).get_json()
    token = thief.post(
        "/api/v1/tokens", json={"name": "x", "scopes": ["read"]}, headers=bearer(stolen["access_token"])
    ).get_json()["token"]
    idp.person = Person("666", "thief@example.com")
    planted = Browser(site)
    planted.come_back(planted.agree(planted.link("github", stolen["access_token"])))
    idp.person = Person()

    Browser(site).sign_in("google")

    for bad in (stolen["access_token"], token):
        assert thief.get("/api/v1/auth/me", headers=bearer(bad)).status_code == 401
    assert thief.post("/api/v1/auth/refresh", headers=bearer(stolen["refresh_token"])).status_code == 401
    assert thief.post("/api/v1/auth/login", json=who).status_code == 401
    assert [(row.provider, row.subject) for row in db.session.query(Identity)] == [("google", "1001")]


def test_a_code_is_good_once_and_for_whoever_began(site: Any, idp: Idp) -> None:
    browser, thief = Browser(site), Browser(site)
    location = browser.come_back(browser.agree(browser.start("google")))
    assert browser.redeem(location).status_code == 200
    assert (browser.redeem(location).status_code, browser.redeem(location).get_json()["code"]) == (
        422,
        "oauth.bad_code",
    )

    location = browser.come_back(browser.agree(browser.start("google")))
    assert thief.redeem(location).get_json()["code"] == "oauth.bad_code"
    assert browser.redeem(location).get_json()["code"] == "oauth.bad_code"


def test_nothing_is_there_when_nothing_is_configured(client: Any) -> None:
    assert client.get("/api/v1/auth/oauth").get_json() == {"items": []}
    for path in ("start?challenge=" + "x" * 43, "callback?state=x&code=y"):
        answer = client.get(f"/api/v1/auth/oauth/google/{path}")
        assert (answer.status_code, answer.get_json()["code"]) == (404, "oauth.unknown_provider")


@pytest.mark.parametrize(
    "next_path",
    ["//evil.example", "https://evil.example", "/\\evil.example", "\\/evil.example", "/a\r\nSet-Cookie: x=1", "", "a",
     "/%0d%0a\n", "/#code=x", "javascript:alert(1)", "/" + "x" * 600, "/\t/evil.example"],
)  # fmt: skip
def test_nobody_is_sent_to_another_site(site: Any, idp: Idp, next_path: str) -> None:
    query = {"challenge": "x" * 43, "next": next_path}

    answer = site.test_client().get("/api/v1/auth/oauth/google/start", query_string=query)

    assert (answer.status_code, answer.get_json()["code"]) == (422, "request.invalid")
    assert db.session.query(OauthFlow).count() == 0


@pytest.mark.parametrize("challenge", ["", "short", "x" * 44, "x" * 42 + "="])
def test_no_sign_in_begins_without_a_challenge(site: Any, idp: Idp, challenge: str) -> None:
    answer = site.test_client().get("/api/v1/auth/oauth/google/start", query_string={"challenge": challenge})

    assert (answer.status_code, answer.get_json()["code"]) == (422, "request.invalid")
