"""Sign-in with Google (OpenID Connect) and GitHub (OAuth 2 and its API), through Authlib's client."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any, Protocol

import httpx
from authlib.common.errors import AuthlibBaseError  # type: ignore[import-untyped]
from authlib.oauth2.client import OAuth2Client  # type: ignore[import-untyped]
from flask import current_app

from api.errors import NotFoundError
from api.extensions import get_settings
from api.identities.claims import BadTokenError, Expected, verify_token
from api.identities.fetching import client_options, fetch_json
from api.identities.keys import PAUSE_S, KeyCache
from api.identities.profiles import Profile
from api.identities.settings import IdentitySettings, require_safe_url
from tasks.errors import PermanentError, TransientError

DISCOVERY_FRESH_S = 3600.0


@dataclass(frozen=True)
class Attempt:
    """What one sign-in is bound to: the same on the way out and on the way back."""

    state: str
    nonce: str
    verifier: str
    redirect_uri: str


class Provider(Protocol):
    """Somebody who tells who people are."""

    name: str
    issuer: str

    def authorization_url(self, attempt: Attempt) -> str:
        """Return where the browser goes; raise ``identity.unavailable`` (TransientError)."""

    def fetch_profile(self, code: str, attempt: Attempt) -> Profile:
        """Exchange the code; raise ``oauth.refused`` (PermanentError), ``identity.unavailable`` (TransientError)."""


class HttpxClient(OAuth2Client):
    """Authlib's OAuth 2 client over our own HTTP client, which has a deadline and a cap.

    Authlib's own adapter takes whichever of two HTTP libraries it finds installed.
    """

    def _fetch_token(
        self, url: str, body: str = "", headers: Any = None, auth: Any = None, method: str = "POST", **_: Any
    ) -> Any:
        # A copy: Authlib writes the client's secret into the headers, and its default ones are shared
        url, headers, body = auth.prepare(method, url, dict(headers), body)
        return self.parse_response_token(self.session.request(method, url, content=body, headers=headers))


class OpenIdProvider:
    """A provider of OpenID Connect with discovery."""

    def __init__(self, name: str, issuer: str, *, client: tuple[str, str], timeout_s: float, skew_s: int) -> None:
        self.name = name
        self.issuer = issuer
        self._client_id, self._client_secret = client
        self._timeout_s, self._skew_s = timeout_s, skew_s
        self._lock = threading.Lock()
        self._document: dict[str, str] = {}
        self._due_at = float("-inf")
        self._keys = KeyCache(lambda: self._endpoint("jwks_uri"), timeout_s=timeout_s)

    def authorization_url(self, attempt: Attempt) -> str:
        """Return where the browser goes; see :class:`Provider`."""
        client = self._client(attempt)
        url, _ = client.create_authorization_url(
            self._endpoint("authorization_endpoint"),
            state=attempt.state,
            code_verifier=attempt.verifier,
            nonce=attempt.nonce,
        )
        return str(url)

    def fetch_profile(self, code: str, attempt: Attempt) -> Profile:
        """Exchange the code and check the ID token; see :class:`Provider`."""
        client, endpoint = self._client(attempt), self._endpoint("token_endpoint")
        answer = fetch_token(client, endpoint, code, attempt, timeout_s=self._timeout_s)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise refused("no ID token")
        expected = Expected(self.issuer, self._client_id, nonce=attempt.nonce, skew_s=self._skew_s)
        try:
            claims = verify_token(token, self._keys, expected)
        except BadTokenError as error:
            raise refused(f"ID token: {error}") from error
        email = claims.get("email")
        proven = claims.get("email_verified") is True and isinstance(email, str)
        return Profile(self.name, claims["sub"], email if proven else None)

    def _client(self, attempt: Attempt) -> HttpxClient:
        return make_client((self._client_id, self._client_secret), "openid email", attempt)

    def _endpoint(self, name: str) -> str:
        with self._lock:
            if time.monotonic() > self._due_at:
                self._discover()
            if not self._document:
                raise TransientError("identity.unavailable", "The provider cannot be reached")
            return self._document[name]

    def _discover(self) -> None:
        try:
            found = fetch_json(f"{self.issuer}/.well-known/openid-configuration", timeout_s=self._timeout_s)
            self._document = read_discovery(found, self.issuer)
            self._due_at = time.monotonic() + DISCOVERY_FRESH_S
        except TransientError:  # what was known before goes on working
            self._due_at = time.monotonic() + PAUSE_S


def read_discovery(document: Any, issuer: str) -> dict[str, str]:
    """Return the endpoints of a provider; raise ``identity.unavailable`` for a document that is not its own."""
    names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    try:
        if document["issuer"] != issuer:
            raise ValueError("another issuer")
        for name in names:
            require_safe_url(name, document[name])
        return {name: document[name] for name in names}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TransientError("identity.unavailable", "The provider's discovery document cannot be used") from error


class GithubProvider:
    """GitHub, or a GitHub Enterprise server."""

    name = "github"

    def __init__(self, url: str, api_url: str, *, client: tuple[str, str], timeout_s: float) -> None:
        self.issuer = f"{url}/login/oauth"
        self._api_url = api_url
        self._client_id, self._client_secret = client
        self._timeout_s = timeout_s

    def authorization_url(self, attempt: Attempt) -> str:
        """Return where the browser goes; see :class:`Provider`."""
        client = self._client(attempt)
        url, _ = client.create_authorization_url(
            f"{self.issuer}/authorize", state=attempt.state, code_verifier=attempt.verifier
        )
        return str(url)

    def fetch_profile(self, code: str, attempt: Attempt) -> Profile:
        """Exchange the code and ask the API who it is; see :class:`Provider`."""
        endpoint = f"{self.issuer}/access_token"
        answer = fetch_token(self._client(attempt), endpoint, code, attempt, timeout_s=self._timeout_s)
        bearer = answer.get("access_token")
        if not isinstance(bearer, str) or not bearer.isascii() or not bearer.isprintable():
            raise refused("no access token")
        user = fetch_json(f"{self._api_url}/user", timeout_s=self._timeout_s, bearer=bearer)
        number = user.get("id") if isinstance(user, dict) else None
        if isinstance(number, bool) or not isinstance(number, int):
            raise refused("no user id")
        emails = fetch_json(f"{self._api_url}/user/emails", timeout_s=self._timeout_s, bearer=bearer)
        return Profile(self.name, str(number), primary_email(emails))

    def _client(self, attempt: Attempt) -> HttpxClient:
        return make_client((self._client_id, self._client_secret), "read:user user:email", attempt)


def primary_email(emails: Any) -> str | None:
    """Return the primary address if it is proven."""
    for one in emails if isinstance(emails, list) else []:
        if isinstance(one, dict) and one.get("primary") is True and one.get("verified") is True:
            email = one.get("email")
            return email if isinstance(email, str) else None
    return None


def make_client(client: tuple[str, str], scope: str, attempt: Attempt) -> HttpxClient:
    """Return an OAuth 2 client that proves by PKCE that it is the one who asked.

    :param client: id and secret.
    """
    client_id, secret = client
    return HttpxClient(
        None,
        client_id,
        secret,
        scope=scope,
        redirect_uri=attempt.redirect_uri,
        code_challenge_method="S256",
    )


def fetch_token(client: HttpxClient, url: str, code: str, attempt: Attempt, *, timeout_s: float) -> dict[str, Any]:
    """Exchange a code; raise ``oauth.refused``, ``identity.unavailable``."""
    try:
        with httpx.Client(**client_options(timeout_s)) as client.session:
            answer = client.fetch_token(url, code=code, code_verifier=attempt.verifier, grant_type="authorization_code")
    except httpx.HTTPError as error:
        raise TransientError("identity.unavailable", f"The token endpoint: {type(error).__name__}") from error
    except (AuthlibBaseError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise refused(f"token endpoint: {type(error).__name__}") from error
    return dict(answer)


def refused(reason: str) -> PermanentError:
    """Return the error for an answer that must not be believed; the reason is for the log."""
    return PermanentError("oauth.refused", "The provider's answer cannot be accepted", {"reason": reason})


def make_providers(settings: IdentitySettings) -> dict[str, Provider]:
    """Return the providers that are configured."""
    providers: dict[str, Provider] = {}
    if settings.google_client_id:
        providers["google"] = OpenIdProvider(
            "google",
            settings.google_issuer,
            client=(settings.google_client_id, settings.google_client_secret),
            timeout_s=settings.timeout_s,
            skew_s=settings.skew_s,
        )
    if settings.github_client_id:
        providers["github"] = GithubProvider(
            settings.github_url,
            settings.github_api_url,
            client=(settings.github_client_id, settings.github_client_secret),
            timeout_s=settings.timeout_s,
        )
    return providers


def get_providers() -> dict[str, Provider]:
    """Return the current application's providers, which keep their keys."""
    extensions = current_app.extensions
    if "identity-providers" not in extensions:
        extensions["identity-providers"] = make_providers(get_settings().identity)
    found: dict[str, Provider] = extensions["identity-providers"]
    return found


def get_provider(name: str) -> Provider:
    """Return a provider or raise ``oauth.unknown_provider``."""
    provider = get_providers().get(name)
    if provider is None:
        raise NotFoundError("oauth.unknown_provider", "Sign-in with this provider is not configured")
    return provider
