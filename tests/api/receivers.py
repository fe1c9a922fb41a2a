"""A receiver of webhooks on a loopback port that behaves well or badly, as the path says, and keeps what came."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Received:
    """One request as it came; ``at`` on the wall clock."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def message(self) -> dict[str, Any]:
        """The body's JSON."""
        told: dict[str, Any] = json.loads(self.body)
        return told

    @property
    def id(self) -> str:
        """Its webhook-id."""
        return self.headers["webhook-id"]


@dataclass
class Receiver:
    """Where it listens and what it got. Paths in ``answers`` give their statuses one after the other, then 204."""

    port: int = 0
    got: list[Received] = field(default_factory=list)
    answers: dict[str, list[int]] = field(default_factory=dict)
    inside: int = 0
    most_inside: int = 0
    closing: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def url(self, path: str) -> str:
        """Return the URL of a behaviour."""
        return f"http://127.0.0.1:{self.port}/{path}"

    def at(self, path: str) -> list[Received]:
        """Return what came to one path."""
        with self.lock:
            return [one for one in self.got if one.path == f"/{path}"]

    def answer(self, path: str) -> int:
        """Return the next status of a path."""
        with self.lock:
            waiting = self.answers.get(path.strip("/"), [])
            return waiting.pop(0) if waiting else 204


class Handler(BaseHTTPRequestHandler):
    """Behaves as the first word of the path says."""

    receiver: Receiver
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        with self.receiver.lock:
            self.receiver.got.append(Received(self.path, headers, body, time.time()))
        behave = getattr(self, f"be_{self.path.strip('/').partition('-')[0]}", self.be_good)
        self.close_connection = True
        behave()

    def say(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": "0"}.items():
            self.send_header(name, value)
        self.end_headers()

    def be_good(self) -> None:
        self.say(self.receiver.answer(self.path))

    def be_broken(self) -> None:
        self.say(500)

    def be_busy(self) -> None:
        """Take a while, and count how many are here at the same time."""
        with self.receiver.lock:
            self.receiver.inside += 1
            self.receiver.most_inside = max(self.receiver.most_inside, self.receiver.inside)
        self.receiver.closing.wait(0.5)
        with self.receiver.lock:
            self.receiver.inside -= 1
        self.say(204)

    def be_gone(self) -> None:
        self.say(410)

    def be_redirecting(self) -> None:
        self.say(307, Location=self.receiver.url("elsewhere"))

    def be_silent(self) -> None:
        self.receiver.closing.wait(30)

    def be_closing(self) -> None:
        self.connection.close()

    def be_dripping(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not self.receiver.closing.wait(0.1):
            self.wfile.write(b"A: b\r\n")

    def be_endless(self) -> None:
        self.send_response(200)
        self.end_headers()
        while not self.receiver.closing.is_set():
            self.wfile.write(b"x" * 65536)


class Server(ThreadingHTTPServer):
    """Forget clients that went away in the middle."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a sender that gives up is what is tested."""


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Listen while the block runs."""
    receiver = Receiver()
    server = Server(("127.0.0.1", 0), type("Bound", (Handler,), {"receiver": receiver}))
    receiver.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
