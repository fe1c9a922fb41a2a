"""Talking to providers: a deadline over the whole answer, a cap on its size, no redirects."""

from __future__ import annotations

import time
from typing import Any

import httpx

from api.crowd import outside
from tasks.errors import TransientError

MAX_BYTES = 256 * 1024


class CappedTransport(httpx.HTTPTransport):
    """Reads every answer whole before it is given on, and gives up when it is too large or takes too long.

    :param deadline_s: seconds from the request to the last byte of its answer.
    """

    def __init__(self, deadline_s: float) -> None:
        super().__init__()
        self._deadline_s = deadline_s

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; raise ``httpx.ReadTimeout`` or ``httpx.ReadError`` instead of waiting or reading on."""
        with outside():
            return self._read_whole(request)

    def _read_whole(self, request: httpx.Request) -> httpx.Response:
        last = time.monotonic() + self._deadline_s
        response = super().handle_request(request)
        try:
            if "Content-Encoding" in response.headers:
                raise httpx.ReadError("the answer is compressed, which nobody asked for", request=request)
            chunks, size = [], 0
            for chunk in response.iter_raw():
                size += len(chunk)
                chunks.append(chunk)
                if size > MAX_BYTES:
                    raise httpx.ReadError("the answer is too large", request=request)
                if time.monotonic() > last:
                    raise httpx.ReadTimeout("the answer takes too long", request=request)
        finally:
            response.close()
        return httpx.Response(response.status_code, headers=response.headers, content=b"".join(chunks))


def client_options(timeout_s: float) -> dict[str, Any]:
    """Return the options of every HTTP client for providers.

    Their URLs are the operator's own, so that loopback and inner networks are allowed.
    """
    return {
        "transport": CappedTransport(timeout_s),
        "timeout": timeout_s,
        "follow_redirects": False,
        "trust_env": False,
        "headers": {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "Reelyard"},
    }


def fetch_json(url: str, *, timeout_s: float, bearer: str = "") -> Any:
    """Return the JSON that a URL gives; raise ``identity.unavailable`` (TransientError)."""
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    try:
        with httpx.Client(**client_options(timeout_s)) as client:
            answer = client.get(url, headers=headers)
            answer.raise_for_status()
            return answer.json()
    except (httpx.HTTPError, ValueError, RecursionError) as error:
        raise TransientError("identity.unavailable", f"The provider does not answer: {type(error).__name__}") from error
