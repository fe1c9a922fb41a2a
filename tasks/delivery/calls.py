"""Calling a platform's HTTP API: one client, and one table from its answers to our errors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from tasks.errors import PermanentError, TransientError

TIMEOUT = httpx.Timeout(60.0, connect=10.0)
PIECE = 256 * 1024


class Caller:
    """An HTTP client of one platform, whose address the operator configured.

    Redirects are not followed: a token goes nowhere else. Behind the wall ``HTTPS_PROXY`` names the way out.
    """

    def __init__(self, base_url: str) -> None:
        self._http = httpx.Client(base_url=base_url, timeout=TIMEOUT)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def call(self, method: str, url: str, **sent: Any) -> httpx.Response:
        """Send one request; raise ``publish.unavailable`` for no answer, 408, 429 and 5xx."""
        try:
            answer = self._http.request(method, url, **sent)
        except httpx.HTTPError as error:
            raise unavailable(f"no answer ({type(error).__name__})") from error
        if answer.status_code in (408, 429) or answer.status_code >= 500:
            raise unavailable(f"it answers {answer.status_code}")
        return answer


def unavailable(why: str) -> TransientError:
    """Return the error of a platform that cannot take the clip now."""
    return TransientError("publish.unavailable", f"The target cannot take the clip now: {why}")


def refused(why: str, **extra: Any) -> PermanentError:
    """Return the error of a platform that does not take the clip."""
    return PermanentError("publish.refused", f"The target refuses the clip: {why[:500]}", extra)


def unauthorized(why: str) -> PermanentError:
    """Return the error of a platform that does not know us any more."""
    return PermanentError("publish.unauthorized", f"The target's authorization is not good: {why[:500]}")


def quota(why: str) -> PermanentError:
    """Return the error of an account that may not publish more for a while."""
    return PermanentError("publish.quota", f"The account may publish no more for now: {why[:500]}")


def json_of(answer: httpx.Response) -> dict[str, Any]:
    """Return the object in an answer; raise ``publish.unavailable`` for anything else."""
    try:
        told = answer.json()
    except ValueError as error:
        raise unavailable("it answers without JSON") from error
    if not isinstance(told, dict):
        raise unavailable("it answers JSON that is no object")
    return told


def read_piece(path: Path, start: int, size: int) -> Iterator[bytes]:
    """Yield a part of a file, piece by piece."""
    with path.open("rb") as file:
        file.seek(start)
        while size > 0 and (piece := file.read(min(PIECE, size))):
            size -= len(piece)
            yield piece
