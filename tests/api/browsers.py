"""A browser that signs in elsewhere: keeps cookies, follows the provider, reads fragments."""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from tests.api.instances import bearer


class Browser:
    """One person's browser at one application."""

    def __init__(self, app: Any) -> None:
        self.client = app.test_client()
        self.verifier = secrets.token_urlsafe(48)

    @property
    def challenge(self) -> str:
        return base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).decode().rstrip("=")

    def start(self, provider: str, next_path: str = "/projects") -> str:
        """Begin; return the provider's URL."""
        query = {"challenge": self.challenge, "next": next_path}
        answer = self.client.get(f"/api/v1/auth/oauth/{provider}/start", query_string=query)
        assert answer.status_code == 302, answer.get_json()
        return str(answer.headers["Location"])

    def link(self, provider: str, access: str) -> str:
        """Begin to link; return the provider's URL."""
        answer = self.client.post(
            f"/api/v1/auth/oauth/{provider}/link", json={"next": "/account"}, headers=bearer(access)
        )
        assert answer.status_code == 200, answer.get_json()
        return str(answer.get_json()["url"])

    @staticmethod
    def agree(url: str) -> str:
        """Say yes at the provider; return where it sends the browser."""
        answer = httpx.get(url, trust_env=False)
        assert answer.status_code == 302, answer.text
        return str(answer.headers["Location"])

    def come_back(self, url: str) -> str:
        """Follow the provider's redirect; return where ours goes."""
        parts = urlsplit(url)
        answer = self.client.get(f"{parts.path}?{parts.query}")
        assert answer.status_code == 302, answer.get_data(as_text=True)
        return str(answer.headers["Location"])

    def redeem(self, location: str) -> Any:
        """Exchange the code in a fragment."""
        code = parse_qs(urlsplit(location).fragment)["code"][0]
        return self.client.post("/api/v1/auth/oauth/token", json={"code": code, "verifier": self.verifier})

    def sign_in(self, provider: str) -> dict[str, Any]:
        """Do it all; return the tokens."""
        answer = self.redeem(self.come_back(self.agree(self.start(provider))))
        assert answer.status_code == 200, answer.get_json()
        tokens: dict[str, Any] = answer.get_json()
        return tokens
