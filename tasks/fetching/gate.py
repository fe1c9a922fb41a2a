"""A gate for programs that fetch by themselves: an HTTP proxy on a socket file, with the rules of the one fetcher.

What stands behind it looks no name up and connects to nothing: it asks here, and every name, redirect and address is
held against :mod:`tasks.fetching.urls` and :mod:`tasks.fetching.addresses`, as if the fetcher itself went there.
"""

from __future__ import annotations

import re
import selectors
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import httpcore

from tasks.errors import PermanentError
from tasks.fetching.fetcher import FetchLimits, too_large
from tasks.fetching.urls import Target, read_url
from tasks.fetching.wire import GuardedBackend, Resolver, resolve

_LONGEST_HEAD = 64 * 1024
_PIECE = 64 * 1024
_CONNECT_S = 15.0
_MOST_AT_ONCE = 32
_TICK_S = 1.0
_OURS = re.compile(r"(proxy-[\w-]+|connection|keep-alive|host|te|upgrade)\s*:", re.IGNORECASE)


class Gate:
    """Listens from ``with`` to its end; ``refusal`` is the first thing that it did not let pass.

    :param path: the socket file, in a folder that only this user may enter; at most 100 bytes long.
    :param limits: bytes from outside and seconds over all connections together.
    """

    def __init__(
        self,
        path: Path,
        limits: FetchLimits,
        *,
        inside: bool = False,
        proxy: str = "",
        resolver: Resolver = resolve,
    ) -> None:
        self.path, self.received = path, 0
        self.refusal: PermanentError | None = None
        self._limits, self._inside, self._proxy, self._resolver = limits, inside, proxy, resolver
        self._deadline = time.monotonic() + limits.total_s
        self._lock, self._closed = threading.Lock(), threading.Event()
        self._slots = threading.BoundedSemaphore(_MOST_AT_ONCE)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Gate:
        self._listener.bind(str(self.path))
        self._listener.listen(_MOST_AT_ONCE)
        self._listener.settimeout(_TICK_S / 4)
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        for thread in list(self._threads):
            thread.join(timeout=5)
        self._listener.close()
        self.path.unlink(missing_ok=True)

    def _start(self, work: object, *given: object) -> None:
        thread = threading.Thread(target=work, args=given, daemon=True, name="gate")  # type: ignore[arg-type]
        self._threads = [one for one in self._threads if one.is_alive()] + [thread]
        thread.start()

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            if self._slots.acquire(timeout=_TICK_S):
                self._start(self._serve, client)
            else:
                client.close()

    def _serve(self, client: socket.socket) -> None:
        try:
            with client, suppress(OSError, httpcore.NetworkError, httpcore.TimeoutException):
                client.settimeout(_CONNECT_S)
                self._pass(client)
        finally:
            self._slots.release()

    def _pass(self, client: socket.socket) -> None:
        """Let one connection through, or answer why not."""
        head, rest = read_head(client)
        try:
            target, forwarded = read_request(head, inside=self._inside)
            backend = GuardedBackend(self._resolver, self._deadline, inside=self._inside, proxy=self._proxy)
            stream = backend.connect_tcp(target.host, target.port, timeout=_CONNECT_S)
        except PermanentError as error:
            self._refuse(error)
            answer(client, 403)
            return
        except (httpcore.NetworkError, httpcore.TimeoutException):
            answer(client, 502)
            return
        server: socket.socket = stream.get_extra_info("socket")
        try:
            if forwarded:
                server.sendall(forwarded + rest)
            else:
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                if rest:
                    server.sendall(rest)
            self._relay(client, server)
        finally:
            stream.close()

    def _relay(self, client: socket.socket, server: socket.socket) -> None:
        """Carry bytes both ways until either side ends, or the caps are reached."""
        with selectors.DefaultSelector() as ready:
            ready.register(client, selectors.EVENT_READ, server)
            ready.register(server, selectors.EVENT_READ, client)
            while not self._closed.is_set() and time.monotonic() < self._deadline:
                for key, _ in ready.select(timeout=_TICK_S):
                    source, sink = key.fileobj, key.data
                    assert isinstance(source, socket.socket)
                    piece = source.recv(_PIECE)
                    if not piece or (source is server and not self._count(len(piece))):
                        return
                    sink.sendall(piece)

    def _count(self, size: int) -> bool:
        """Count what came; tell whether that was still allowed."""
        with self._lock:
            self.received += size
        if self.received > self._limits.max_bytes:
            self._refuse(too_large(self._limits.max_bytes))
            return False
        return True

    def _refuse(self, error: PermanentError) -> None:
        with self._lock:
            self.refusal = self.refusal or error


def read_head(client: socket.socket) -> tuple[str, bytes]:
    """Return the head of a request, and what came after it already."""
    data = b""
    while b"\r\n\r\n" not in data and len(data) < _LONGEST_HEAD:
        piece = client.recv(_PIECE)
        if not piece:
            break
        data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    return head.decode("latin-1"), rest


def read_request(head: str, *, inside: bool) -> tuple[Target, bytes]:
    """Return where a request wants to go, and how it is sent on; nothing for a tunnel. Raises ``url.refused``."""
    first, _, fields = head.partition("\r\n")
    method, _, where = first.partition(" ")
    where = where.rpartition(" ")[0]
    if method == "CONNECT":
        return read_url(f"https://{where.removesuffix(':443')}/", inside=inside), b""
    target = read_url(where, inside=inside)
    if target.scheme != "http":
        raise PermanentError("url.refused", "What is secret goes through a tunnel")
    kept = [line for line in fields.split("\r\n") if line and not _OURS.match(line)]
    lines = [f"{method} {target.path} HTTP/1.1", f"Host: {target.authority}", *kept, "Connection: close", "", ""]
    return target, "\r\n".join(lines).encode("latin-1")


def answer(client: socket.socket, status: int) -> None:
    """Send an empty answer."""
    client.sendall(f"HTTP/1.1 {status} Gate\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
