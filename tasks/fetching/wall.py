"""The only way out of walled hosts: an HTTP proxy that connects to the public internet and to nothing else.

``python -m tasks.fetching.wall --host 0.0.0.0 --port 3128``, named to workers by ``REELYARD_FETCH_PROXY``. It holds no
secret and needs no other service. Besides CONNECT it answers ``GET /addresses/NAME`` with a name's addresses, one a
line: hosts without a way out often have no name server either. Who asks checks them, and so does this, once more.

What the operator names by ``--also HOST:PORT``, a mail server, say, is connected to as well, wherever it stands.
"""

from __future__ import annotations

import argparse
import selectors
import socket
import threading
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpcore

from tasks.errors import PermanentError
from tasks.fetching.urls import PORTS, read_url
from tasks.fetching.wire import GuardedBackend, Resolver, resolve

ADDRESSES = "/addresses/"
_CONNECT_S, _HEAD_S = 15.0, 15.0
_PIECE = 256 * 1024


@dataclass(frozen=True)
class WallLimits:
    """Caps of one connection, and how many there may be at once."""

    total_s: float = 7200.0
    idle_s: float = 60.0
    most_at_once: int = 256


class Wall(ThreadingHTTPServer):
    """The proxy; ``serve_forever`` runs it."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self,
        address: tuple[str, int],
        limits: WallLimits | None = None,
        *,
        resolver: Resolver = resolve,
        also: Collection[str] = (),
    ) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.limits, self.resolver = limits or WallLimits(), resolver
        self.also = frozenset(also)
        self.slots = threading.BoundedSemaphore(self.limits.most_at_once)
        super().__init__(address, Passage)

    def backend(self, *, inside: bool = False) -> GuardedBackend:
        """Return what looks up, checks and connects."""
        return GuardedBackend(self.resolver, time.monotonic() + self.limits.total_s, inside=inside)

    def connect(self, where: str) -> httpcore.NetworkStream:
        """Connect to ``HOST:PORT``; raise PermanentError for what is neither public nor the operator's."""
        host, _, port = where.rpartition(":")
        if where in self.also:
            return self.backend(inside=True).connect_tcp(host.strip("[]"), int(port), timeout=_CONNECT_S)
        scheme = next((scheme for scheme, usual in PORTS.items() if str(usual) == port), "")
        target = read_url(f"{scheme}://{host}/")
        return self.backend().connect_tcp(target.host, target.port, timeout=_CONNECT_S)


class Passage(BaseHTTPRequestHandler):
    """One client's connection."""

    server: Wall
    timeout = _HEAD_S

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: addresses that users name are theirs."""

    def do_CONNECT(self) -> None:
        """Connect to a public address on a usual port, and carry bytes both ways."""
        if not self.server.slots.acquire(blocking=False):
            self._say(503)
            return
        try:
            self._connect()
        finally:
            self.server.slots.release()

    def do_GET(self) -> None:
        """Tell the addresses of a name."""
        name = self.path.removeprefix(ADDRESSES)
        try:
            if not self.path.startswith(ADDRESSES) or "/" in name:
                self._say(404)
                return
            addresses = self.server.backend().look_up(read_url(f"http://{name}/").host, PORTS["http"])
            self._say(200, "\n".join(addresses).encode())
        except PermanentError:
            self._say(403)
        except httpcore.ConnectError:
            self._say(502)

    def _connect(self) -> None:
        try:
            stream = self.server.connect(self.path)
        except PermanentError:
            self._say(403)
            return
        except (httpcore.NetworkError, httpcore.TimeoutException):
            self._say(502)
            return
        try:
            self.connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            with suppress(OSError):
                relay(self.connection, stream.get_extra_info("socket"), self.server.limits)
        finally:
            stream.close()

    def _say(self, status: int, body: bytes = b"") -> None:
        self.close_connection = True
        with suppress(OSError):
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)


def relay(one: socket.socket, other: socket.socket, limits: WallLimits) -> None:
    """Carry bytes both ways until an end closes, nothing comes for long, or the time is over."""
    deadline = time.monotonic() + limits.total_s
    with selectors.DefaultSelector() as ready:
        for source, sink in ((one, other), (other, one)):
            source.settimeout(limits.idle_s)
            ready.register(source, selectors.EVENT_READ, sink)
        while time.monotonic() < deadline:
            events = ready.select(timeout=limits.idle_s)
            if not events:
                return
            for key, _ in events:
                readable, sink = key.fileobj, key.data
                assert isinstance(readable, socket.socket)
                piece = readable.recv(_PIECE)
                if not piece:
                    return
                sink.sendall(piece)


def main() -> None:
    """Run the proxy from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=3128)
    parser.add_argument("--also", type=places, default=[], help="HOST:PORT,… that are connected to, too")
    asked = parser.parse_args()
    with Wall((asked.host, asked.port), also=asked.also) as wall:
        wall.serve_forever()


def places(text: str) -> list[str]:
    """Read ``HOST:PORT,…``; what has no host, as an empty variable leaves it, names nothing."""
    found = [place.strip() for place in text.split(",") if place.strip() and not place.strip().startswith(":")]
    for place in found:
        host, _, port = place.rpartition(":")
        if not host or not port.isdecimal():
            raise argparse.ArgumentTypeError(f"{place!r} is not HOST:PORT")
    return found


if __name__ == "__main__":
    main()
