"""How calls go over HTTP, and the one error form as an exception."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx


class ReelyardError(Exception):
    """Raised for every answer that is an error: ``code`` is stable, ``str()`` of it is for people."""

    def __init__(self, code: str, message: str, *, status: int, details: dict[str, Any], request_id: str = "") -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status, self.details, self.request_id = code, message, status, details, request_id


class JobFailedError(ReelyardError):
    """Raised when a job that was waited for failed or was cancelled."""


class Transport:
    """One API, one signed-in user, one pool of connections."""

    def __init__(self, base_url: str, *, token: str = "", timeout_s: float = 30.0) -> None:
        """Connect to ``base_url``.

        :param token: an API token or an access token; ``sign_in`` sets it too.
        """
        self._http = httpx.Client(base_url=base_url.rstrip("/"), timeout=timeout_s)
        self.token = token

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    @property
    def token(self) -> str:
        """The token that every call carries."""
        return self._token

    @token.setter
    def token(self, token: str) -> None:
        self._token = token
        if token:
            self._http.headers["Authorization"] = f"Bearer {token}"
        else:
            self._http.headers.pop("Authorization", None)

    def call(self, method: str, path: str, **options: Any) -> Any:
        """Send a request and return its JSON answer, None without one; raise ReelyardError for an error."""
        response = self.send(method, path, **options)
        return response.json() if response.content else None

    def fetch(self, method: str, path: str, **options: Any) -> bytes:
        """Send a request and return the bytes of its answer; raise ReelyardError for an error."""
        return self.send(method, path, **options).content

    def send(
        self, method: str, path: str, *, body: Any = None, query: dict[str, Any] | None = None, **options: Any
    ) -> httpx.Response:
        """Send a request, leaving out what is None; raise ReelyardError for an error."""
        headers = {name: str(value) for name, value in (options.get("headers") or {}).items() if value is not None}
        response = self._http.request(method, path, json=body, params=without_none(query), headers=headers)
        if response.is_error:
            raise error_of(response)
        return response

    @staticmethod
    def quoted(value: str | int) -> str:
        """Return a path parameter as it stands in a path."""
        return quote(str(value), safe="")


def without_none(query: dict[str, Any] | None) -> dict[str, Any]:
    """Return the query without what was not given; truth as JSON writes it."""
    given = {name: value for name, value in (query or {}).items() if value is not None}
    return {name: str(value).lower() if isinstance(value, bool) else value for name, value in given.items()}


def error_of(response: httpx.Response) -> ReelyardError:
    """Return the exception for an answer; what does not speak our form has the code ``api.unexpected``."""
    try:
        body = response.json()
        code, message, details = body["code"], body["message"], body.get("details") or {}
        request_id = body.get("request_id", "")
    except (ValueError, KeyError, TypeError):
        code, message, details, request_id = "api.unexpected", response.text[:300], {}, ""
    return ReelyardError(code, message, status=response.status_code, details=details, request_id=request_id)
