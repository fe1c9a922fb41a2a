"""A small real HTTP server that speaks the API's side of the step protocol, checks signatures, and can misbehave."""

from __future__ import annotations

import json
import socket
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tasks.contracts import Claim, NodeOrder
from tasks.contracts.signing import SIGNATURE_HEADER, TIMESTAMP_HEADER, verify

SECRET = "tests-only-callback-secret-of-more-than-32-bytes"
Answer = tuple[int, dict[str, Any]] | str
KINDS = {"claim": "claim", "heartbeat": "beat", "news": "news", "beat": "node"}
"""Kinds of calls by the last part of their path; every other is a report."""


@dataclass
class ControlServer:
    """What was heard, and what will be said: per kind of call a queue of answers, after which all is well.

    An answer ``"drop"`` closes the connection without a word.
    """

    claims: dict[str, Claim] = field(default_factory=dict)
    heard: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    answers: dict[str, deque[Answer]] = field(
        default_factory=lambda: {kind: deque() for kind in (*KINDS.values(), "report")}
    )
    always: dict[str, Answer] = field(default_factory=dict)
    url: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def bodies(self, kind: str) -> list[dict[str, Any]]:
        """Return the bodies of all calls of a kind (``claim``, ``beat``, ``news``, ``node``, ``report``), in order."""
        with self._lock:
            return [body for name, body in self.heard if name == kind]

    def offer(self, step_id: str, **fields: Any) -> Claim:
        """Have a step ready to be claimed."""
        defaults: dict[str, Any] = {
            "job_id": "job-1",
            "name": step_id,
            "attempt": 1,
            "token": 7,
            "lease_s": 1.0,
            "beat_s": 0.1,
            "output_prefix": f"jobs/job-1/{step_id}/7/",
        }
        claim = Claim(claimed=True, step_id=step_id, **{**defaults, **fields})
        self.claims[step_id] = claim
        return claim

    def answer(self, path: str, body: dict[str, Any]) -> Answer:
        """Note a call and say what there is to say."""
        kind = KINDS.get(path.rpartition("/")[2], "report")
        if path.endswith("/report-and-ask"):
            body = {**body, **body["report"]}
        with self._lock:
            self.heard.append((kind, body))
            self.paths.append(path)
            if self.answers[kind]:
                return self.answers[kind].popleft()
        if kind in self.always:
            return self.always[kind]
        if kind == "claim":
            claim = self.claims.pop(body["step_id"], Claim(claimed=False, reason="done"))
            return 200, claim.to_json()
        if kind == "node":
            return 200, NodeOrder(1, tuple(body["started_with"]), body["started_slots"], beat_s=1.0).to_json()
        return 200, {"lease_s": 1.0} if kind == "beat" else {"accepted": True}


@contextmanager
def control_server(port: int = 0) -> Iterator[ControlServer]:
    """Run a server on loopback for the length of the block."""
    state = ControlServer()
    connections: list[socket.socket] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            connections.append(self.connection)

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            signed = {name: self.headers.get(name, "") for name in (TIMESTAMP_HEADER, SIGNATURE_HEADER)}
            verify(SECRET, "POST", self.path, signed, raw)
            answer = state.answer(self.path, json.loads(raw))
            if isinstance(answer, str):
                self.close_connection = True
                return
            status, body = answer
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        for connection in connections:  # a stopped API does not keep talking on old connections
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        server.server_close()
        thread.join()
