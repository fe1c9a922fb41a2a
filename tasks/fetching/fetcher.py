"""Fetching and posting under caps: redirects, bytes, seconds."""

from __future__ import annotations

import hashlib
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import certifi
import httpcore

from tasks.errors import PermanentError, TransientError
from tasks.fetching.urls import Target, follow, read_url
from tasks.fetching.wire import GuardedBackend, Resolver, resolve

_REDIRECTS = (301, 302, 303, 307, 308)
_WAIT_S = 15.0
_PIECE = 256 * 1024


@dataclass(frozen=True)
class FetchLimits:
    """Caps of one fetch; ``total_s`` covers redirects, names and the last byte."""

    max_bytes: int = 5 << 30
    total_s: float = 600.0
    max_redirects: int = 5


@dataclass(frozen=True)
class Fetched:
    """What came: ``content_type`` is the sender's claim and proves nothing."""

    url: str
    content_type: str
    size_bytes: int
    sha256: str


class Fetcher:
    """Fetches from the public internet and nowhere else. Holds no connection between calls.

    :param inside: also reach inner networks, on any port: for tests and closed installations, as the operator says.
    :param proxy: the only way out of this host, ``http://host:port``; empty connects from here.

    Errors: ``url.refused``, ``url.too_large``, ``url.too_many_redirects``, ``url.bad_answer`` (permanent);
    ``url.unavailable`` (transient).
    """

    def __init__(
        self,
        limits: FetchLimits | None = None,
        *,
        resolver: Resolver = resolve,
        inside: bool = False,
        proxy: str = "",
    ) -> None:
        self._limits, self._resolver, self._inside = limits or FetchLimits(), resolver, inside
        self._proxy = proxy
        self._tls = ssl.create_default_context(cafile=certifi.where())

    def check(self, url: str) -> None:
        """Raise ``url.refused`` for a URL that it would not go to, as far as that can be read off it."""
        read_url(url, inside=self._inside)

    def fetch(self, url: str, path: Path) -> Fetched:
        """Write what a URL gives to a file, which must not be there yet; no file is left when that fails."""
        target = read_url(url, inside=self._inside)
        deadline = time.monotonic() + self._limits.total_s
        for _ in range(self._limits.max_redirects + 1):
            with self._answer("GET", target, deadline) as answer:
                location = header(answer, b"location")
                if answer.status in _REDIRECTS and location:
                    target = follow(target, location, inside=self._inside)
                    continue
                check_answer(answer, self._limits.max_bytes)
                size_bytes, sha256 = self._save(answer, path)
                return Fetched(target.url, header(answer, b"content-type"), size_bytes, sha256)
        raise PermanentError("url.too_many_redirects", f"More than {self._limits.max_redirects} redirects")

    def read(self, url: str, headers: Mapping[str, str]) -> bytes:
        """Return what a URL gives to headers of ours; no redirect is followed, so that a key goes nowhere else."""
        deadline, data = time.monotonic() + self._limits.total_s, bytearray()
        with self._answer("GET", read_url(url, inside=self._inside), deadline, headers=headers) as answer:
            check_answer(answer, self._limits.max_bytes)
            for chunk in answer.iter_stream():
                data += chunk
                if len(data) > self._limits.max_bytes:
                    raise too_large(self._limits.max_bytes)
        return bytes(data)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Send a body and return the status; redirects are not followed, the answer is not read."""
        deadline = time.monotonic() + self._limits.total_s
        with self._answer("POST", read_url(url, inside=self._inside), deadline, body=body, headers=headers) as answer:
            return answer.status

    def put(self, url: str, path: Path, headers: Mapping[str, str], *, tick: Callable[[int], None]) -> int:
        """Send a file and return the status; ``tick`` is told how many bytes went. As with ``post`` otherwise."""
        deadline = time.monotonic() + self._limits.total_s
        sized = {"Content-Length": str(path.stat().st_size), **headers}
        target = read_url(url, inside=self._inside)
        with self._answer("PUT", target, deadline, body=pieces_of(path, tick), headers=sized) as answer:
            return answer.status

    @contextmanager
    def _answer(
        self,
        method: str,
        target: Target,
        deadline: float,
        *,
        body: bytes | Iterator[bytes] | None = None,
        headers: Mapping[str, str] = {},
    ) -> Iterator[httpcore.Response]:
        """Send one request over a connection of its own."""
        sent = {
            "Host": target.authority,
            "User-Agent": "Reelyard",
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            **headers,
        }
        backend = GuardedBackend(self._resolver, deadline, inside=self._inside, proxy=self._proxy)
        waits = dict.fromkeys(("connect", "read", "write", "pool"), _WAIT_S)
        address = httpcore.URL(
            scheme=target.scheme.encode(), host=target.host.encode(), port=target.port, target=target.path.encode()
        )
        pool = httpcore.ConnectionPool(ssl_context=self._tls, network_backend=backend, max_connections=1)
        try:
            with (
                pool,
                pool.stream(
                    method, address, headers=list(sent.items()), content=body, extensions={"timeout": waits}
                ) as answer,
            ):
                yield answer
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
            raise TransientError("url.unavailable", f"The host does not answer: {type(error).__name__}") from error

    def _save(self, answer: httpcore.Response, path: Path) -> tuple[int, str]:
        """Write the body; count what really comes, whatever was announced."""
        size_bytes, digest = 0, hashlib.sha256()
        try:
            with path.open("xb") as file:
                for chunk in answer.iter_stream():
                    size_bytes += len(chunk)
                    if size_bytes > self._limits.max_bytes:
                        raise too_large(self._limits.max_bytes)
                    digest.update(chunk)
                    file.write(chunk)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return size_bytes, digest.hexdigest()


def pieces_of(path: Path, tick: Callable[[int], None]) -> Iterator[bytes]:
    """Yield a file piece by piece."""
    sent = 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece
            sent += len(piece)
            tick(sent)


def check_answer(answer: httpcore.Response, max_bytes: int) -> None:
    """Refuse what is no plain success, is packed, or announces too much."""
    if answer.status in (408, 425, 429) or answer.status >= 500:
        raise TransientError("url.unavailable", f"The host answers {answer.status}")
    if answer.status != 200:
        raise PermanentError("url.bad_answer", f"The host answers {answer.status}", {"status": answer.status})
    if header(answer, b"content-encoding") not in ("", "identity"):
        raise PermanentError("url.bad_answer", "The answer is compressed, which nobody asked for")
    announced = header(answer, b"content-length")
    if announced.isdigit() and int(announced) > max_bytes:
        raise too_large(max_bytes)


def too_large(max_bytes: int) -> PermanentError:
    """Return ``url.too_large``."""
    return PermanentError("url.too_large", f"What the address gives has more than {max_bytes} bytes")


def header(answer: httpcore.Response, name: bytes) -> str:
    """Return the first header of a name; empty without one."""
    return next((value.decode("latin-1") for key, value in answer.headers if key.lower() == name), "")
