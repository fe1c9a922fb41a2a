"""A server that speaks Replicate's HTTP API for predictions, and misbehaves when told to."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Service:
    """What the service holds and what it was asked.

    :param asks_until_done: how often a prediction is asked for before it is done. :param refusals: statuses that the
    next orders are answered with. :param end: the status that predictions end in.
    :param loses_answers: how many orders are taken without an answer.
    """

    clip: bytes = b""
    asks_until_done: int = 2
    end: str = "succeeded"
    output: Any = "file"
    refusals: list[int] = field(default_factory=list)
    file_refusals: list[int] = field(default_factory=list)
    predictions: dict[str, dict[str, Any]] = field(default_factory=dict)
    orders: list[dict[str, Any]] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    loses_answers: int = 0
    base_url: str = ""

    def order(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Take an order."""
        if self.refusals:
            status = self.refusals.pop(0)
            return status, {"title": "Refused", "detail": f"status {status} was asked for", "status": status}
        name = f"p{len(self.predictions) + 1}"
        self.orders.append({"path": path, **body})
        self.predictions[name] = {
            "id": name,
            "model": "maker/clips",
            "version": "v1",
            "status": "starting",
            "input": body["input"],
            "output": None,
            "logs": "",
            "error": None,
            "metrics": {},
            "created_at": "2026-01-01T00:00:00Z",
            "urls": {"get": f"{self.base_url}/v1/predictions/{name}"},
            "asked": 0,
        }
        return 201, self.predictions[name]

    def ask(self, name: str) -> tuple[int, dict[str, Any]]:
        """Answer how a prediction stands."""
        if name not in self.predictions:
            return 404, {"title": "Not found", "detail": "no such prediction", "status": 404}
        found = self.predictions[name]
        found["asked"] += 1
        if found["status"] in ("starting", "processing"):
            found["status"] = "processing"
            if found["asked"] >= self.asks_until_done:
                found.update(status=self.end, metrics={"predict_time": 12.5})
                found["error"] = "out of memory" if self.end == "failed" else None
                address = f"{self.base_url}/files/{name}.mp4"
                found["output"] = address if self.output == "file" else self.output
        return 200, found

    def cancel(self, name: str) -> tuple[int, dict[str, Any]]:
        """Cancel a prediction."""
        self.predictions[name]["status"] = "canceled"
        return 200, self.predictions[name]


class Running:
    """The service on a port of this machine, for the length of a ``with`` block."""

    def __init__(self, service: Service) -> None:
        handler = type("Handler", (_Handler,), {"service": service})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        service.base_url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Running:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    service: Service

    def log_message(self, *words: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        self.service.tokens.add(self.headers.get("Authorization", ""))
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        if self.path.endswith("/cancel"):
            self._answer(*self.service.cancel(self.path.split("/")[-2]))
            return
        answer = self.service.order(self.path, body)
        if self.service.loses_answers:
            self.service.loses_answers -= 1
            self.close_connection = True
            return
        self._answer(*answer)

    def do_GET(self) -> None:
        if self.path == "/v1/predictions":
            newest = [*self.service.predictions.values()][::-1]
            self._answer(200, {"next": None, "previous": None, "results": newest})
        elif not self.path.startswith("/files/"):
            self._answer(*self.service.ask(self.path.split("/")[-1]))
        elif self.service.file_refusals:
            self._answer(self.service.file_refusals.pop(0), {})
        else:
            self._send(200, self.service.clip, "video/mp4")

    def _answer(self, status: int, document: dict[str, Any]) -> None:
        self._send(status, json.dumps(document).encode(), "application/json")

    def _send(self, status: int, content: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
