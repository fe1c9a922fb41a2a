"""A provider of OpenID Connect that is also a GitHub, over HTTP: strict with us, and wrong where a test says so."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

CLIENT_ID, CLIENT_SECRET = "reelyard-client", "reelyard-client-secret"
Claims = dict[str, Any]


@dataclass
class Person:
    """Who sits at the browser, as the provider knows them."""

    subject: str = "1001"
    email: str | None = "ada@example.com"
    verified: bool = True


@dataclass
class Idp:
    """The provider's state; what begins with ``wrong`` makes it misbehave."""

    url: str = ""
    person: Person = field(default_factory=Person)
    keys: dict[str, RSAKey | ECKey] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    wrong_claims: Claims = field(default_factory=dict)
    wrong_token: Callable[[Claims], str | None] | None = None
    wrong_status: dict[str, int] = field(default_factory=dict)
    wrong_body: dict[str, bytes] = field(default_factory=dict)
    delay_s: dict[str, float] = field(default_factory=dict)
    anything_goes: bool = False

    def reset(self) -> None:
        """Behave again."""
        fresh = Idp(self.url, keys={"first": make_key("first")})
        for name, value in vars(fresh).items():
            setattr(self, name, value)

    def sign(self, claims: Claims, *, kid: str = "first", headers: Claims | None = None) -> str:
        """Return a token of the provider's."""
        return sign(claims, self.keys[kid], headers)

    def count(self, path: str) -> int:
        return self.requests.count(path)


_made: dict[str, RSAKey] = {}


def make_key(kid: str) -> RSAKey:
    """Return a key of that id, made once a run."""
    if kid not in _made:
        _made[kid] = RSAKey.generate_key(2048, parameters={"kid": kid})
    return _made[kid]


def sign(claims: Claims, key: RSAKey | ECKey | OctKey, headers: Claims | None = None) -> str:
    """Sign claims; a claim of None is left out."""
    kept = {name: value for name, value in claims.items() if value is not None}
    algorithm = {"RSA": "RS256", "EC": "ES256", "oct": "HS256"}[key.key_type]
    head = {"alg": algorithm, "typ": "JWT", "kid": key.kid, **(headers or {})}
    from joserfc.jws import JWSRegistry

    lenient = JWSRegistry(algorithms=[head["alg"]], strict_check_header=False)
    return jwt.encode({k: v for k, v in head.items() if v is not None}, kept, key, registry=lenient)


def encode(value: Any) -> str:
    """Return one part of a token."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def unsigned(claims: Claims, algorithm: str = "none") -> str:
    """Return a token that asks not to be verified."""
    return f"{encode({'alg': algorithm, 'kid': 'first'})}.{encode(claims)}."


@contextmanager
def run_idp() -> Iterator[Idp]:
    """Serve in threads."""
    idp = Idp()

    class Bound(Handler):
        state = idp

    server = ThreadingHTTPServer(("127.0.0.1", 0), Bound)
    server.daemon_threads = True
    idp.url = f"http://127.0.0.1:{server.server_address[1]}"
    idp.reset()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield idp
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Handler(BaseHTTPRequestHandler):
    """One request to the provider."""

    state: Idp
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self.serve()

    def do_POST(self) -> None:
        self.serve()

    def serve(self) -> None:
        idp, path = self.state, urlsplit(self.path).path
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        idp.requests.append(path)
        time.sleep(idp.delay_s.get(path, 0))
        if path in idp.wrong_status or path in idp.wrong_body:
            self.answer(idp.wrong_status.get(path, 200), idp.wrong_body.get(path, b"{}"))
            return
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        form = {name: values[0] for name, values in parse_qs(body).items()}
        routes: dict[str, Callable[[], None]] = {
            "/.well-known/openid-configuration": self.discovery,
            "/jwks": lambda: self.json({"keys": [key.as_dict(private=False) for key in idp.keys.values()]}),
            "/authorize": lambda: self.authorize(query),
            "/token": lambda: self.token(form, openid=True),
            "/login/oauth/authorize": lambda: self.authorize(query),
            "/login/oauth/access_token": lambda: self.token(form, openid=False),
            "/user": lambda: self.json({"id": int(idp.person.subject), "login": "ada", "email": idp.person.email}),
            "/user/emails": self.emails,
        }
        routes.get(path, lambda: self.json({"error": "no such path"}, 404))()

    def discovery(self) -> None:
        url = self.state.url
        self.json(
            {
                "issuer": url,
                "authorization_endpoint": f"{url}/authorize",
                "token_endpoint": f"{url}/token",
                "jwks_uri": f"{url}/jwks",
            }
        )

    def authorize(self, query: dict[str, str]) -> None:
        """Send the browser back with a code, as if the person had agreed."""
        assert query["client_id"] == CLIENT_ID
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self.state.codes[code] = query
        back = urlencode({"code": code, "state": query["state"], "scope": query["scope"], "authuser": "0"})
        self.send_response(302)
        self.send_header("Location", f"{query['redirect_uri']}?{back}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def token(self, form: dict[str, str], *, openid: bool) -> None:
        """Exchange a code once, for the right client, redirect URI and verifier."""
        basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        asked = self.state.codes.pop(form.get("code", ""), None)
        challenge = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        good = asked is not None and (
            self.headers.get("Authorization") == f"Basic {basic}"
            and form.get("grant_type") == "authorization_code"
            and form.get("redirect_uri") == asked["redirect_uri"]
            and base64.urlsafe_b64encode(challenge).decode().rstrip("=") == asked["code_challenge"]
        )
        if asked is None or not (good or self.state.anything_goes):
            self.json({"error": "invalid_grant"}, 200 if not openid else 400)  # GitHub answers errors with 200
            return
        answer: dict[str, Any] = {"access_token": "access", "token_type": "Bearer"}
        token = self.id_token(asked) if openid else None
        self.json({**answer, "id_token": token} if token else answer)

    def id_token(self, asked: dict[str, str]) -> str | None:
        idp, now = self.state, int(time.time())
        claims = {
            "iss": idp.url,
            "aud": CLIENT_ID,
            "sub": idp.person.subject,
            "iat": now,
            "exp": now + 600,
            "nonce": asked["nonce"],
            "email": idp.person.email,
            "email_verified": idp.person.verified,
            **idp.wrong_claims,
        }
        return idp.wrong_token(claims) if idp.wrong_token else idp.sign(claims)

    def emails(self) -> None:
        assert self.headers["Authorization"] == "Bearer access"
        person = self.state.person
        other = {"email": "other@example.com", "primary": False, "verified": True}
        self.json([other, {"email": person.email, "primary": True, "verified": person.verified}])

    def json(self, value: Any, status: int = 200) -> None:
        self.answer(status, json.dumps(value).encode())

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
