"""Connections that go where was checked: names are resolved once, every answer must be public, one deadline for all."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any

import httpcore

from tasks.errors import PermanentError
from tasks.fetching.addresses import is_public
from tasks.fetching.egress import connect_through, look_up_through

Resolver = Callable[[str, int], list[str]]
"""From name and port to all addresses, as text."""

_POOL = ThreadPoolExecutor(max_workers=8, thread_name_prefix="resolver")
"""getaddrinfo has no timeout; a name server that says nothing holds one of these threads and no more."""


def resolve(host: str, port: int) -> list[str]:
    """Ask the system's resolver for every address of a name."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class GuardedBackend(httpcore.NetworkBackend):
    """Opens connections for httpcore, which keeps the name for Host and TLS; only this looks the name up.

    :param deadline: on ``time.monotonic``'s clock; every wait ends there at the latest.
    :param inside: connect to addresses of inner networks, too.
    :param proxy: what makes the connections, ``http://host:port``; empty makes them from here.
    """

    def __init__(self, resolver: Resolver, deadline: float, *, inside: bool = False, proxy: str = "") -> None:
        self._resolver, self._deadline, self._inside, self._proxy = resolver, deadline, inside, proxy
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address that answers; raise ``url.refused`` when any address is not public."""
        addresses = self.look_up(host, port)
        if not addresses or not (self._inside or all(is_public(address) for address in addresses)):
            raise PermanentError("url.refused", "The host is not on the public internet")
        for number, address in enumerate(addresses, start=1):
            try:
                return DeadlineStream(self._open(address, port, timeout), self._deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if number == len(addresses):
                    raise
        raise httpcore.ConnectError("no address")  # pragma: no cover

    def _open(self, address: str, port: int, timeout: float | None) -> httpcore.NetworkStream:
        waits = left(self._deadline, timeout)
        if self._proxy:
            return connect_through(self._proxy, address, port, waits)
        return self._sockets.connect_tcp(address, port, timeout=waits)

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        """Refuse: no URL leads to a socket file."""
        raise PermanentError("url.refused", "The host is not on the public internet")

    def look_up(self, host: str, port: int) -> list[str]:
        """Return every address of a name; through the proxy where this host has no name server that knows it."""
        try:
            return self._ask(host, port)
        except httpcore.ConnectError:
            if not self._proxy:
                raise
            return look_up_through(self._proxy, host, left(self._deadline, 10.0))

    def _ask(self, host: str, port: int) -> list[str]:
        waiting = _POOL.submit(self._resolver, host, port)
        try:
            return waiting.result(timeout=left(self._deadline, 10.0))
        except (OSError, UnicodeError, FutureTimeoutError) as error:
            waiting.cancel()
            raise httpcore.ConnectError(f"the name cannot be looked up: {type(error).__name__}") from error


class DeadlineStream(httpcore.NetworkStream):
    """A connection whose every read and write also ends at the deadline, however slowly bytes drip."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what there is."""
        return self._stream.read(max_bytes, timeout=left(self._deadline, timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all of it."""
        self._stream.write(buffer, timeout=left(self._deadline, timeout))

    def close(self) -> None:
        """Close the socket."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Begin TLS with the certificate checked against the name."""
        inner = self._stream.start_tls(ssl_context, server_hostname, timeout=left(self._deadline, timeout))
        return DeadlineStream(inner, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        """Return what httpcore asks about the socket."""
        return self._stream.get_extra_info(info)


def left(deadline: float, timeout: float | None) -> float:
    """Return the seconds to wait at most; raise ``httpcore.ReadTimeout`` when the deadline is over."""
    rest = deadline - time.monotonic()
    if rest <= 0:
        raise httpcore.ReadTimeout("the deadline is over")
    return rest if timeout is None else min(rest, timeout)
