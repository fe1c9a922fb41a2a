"""Receives webhooks, as a process of its own that nobody kills: each message, with its headers, is a line of a log.

    python -m bench.chaos.receiver PORT LOG

A message is answered once its line is with the system, so that what the sender may believe is what the log has.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from bench.chaos.proxy import LOOPBACK


class Handler(BaseHTTPRequestHandler):
    """Takes whatever comes."""

    server: Receiver

    def do_GET(self) -> None:
        """Say that somebody is here."""
        self._say()

    def do_POST(self) -> None:
        """Write a message down, then take it."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.write({"at": round(time.time(), 3), "path": self.path, "headers": headers, "body": body})
        self._say()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the log has it all."""

    def _say(self) -> None:
        self.send_response(204)
        self.end_headers()


class Receiver(ThreadingHTTPServer):
    """Listens on a loopback port; 0 is any."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, log: Path) -> None:
        super().__init__((LOOPBACK, port), Handler)
        self._log, self._lock = log, threading.Lock()

    def write(self, line: dict[str, Any]) -> None:
        """Add one line, in the order in which messages came."""
        text = json.dumps(line)
        with self._lock, self._log.open("a") as file:
            file.write(text + "\n")

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of senders that went away in the middle: they are killed all the time."""


def read_received(log: Path) -> list[dict[str, Any]]:
    """Return all messages in the order in which they came."""
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


if __name__ == "__main__":
    Receiver(int(sys.argv[1]), Path(sys.argv[2])).serve_forever()
