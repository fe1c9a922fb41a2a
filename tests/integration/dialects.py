"""Storages of other dialects: a proxy before the real server that refuses what a provider is documented to refuse.

The real server checks signatures over the name by which it was called, so the proxy hands that name on.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import httpx

from cli.services.launcher import RunningServices
from tasks.config import StorageSettings
from tasks.storage.dialect import DIALECTS
from tests.integration.buckets import s3_settings
from tests.integration.hosted import hosted_door, resolved
from tests.integration.rules import AWS_REGION, DOMAIN, RULES, Asked, Known, Refusal

HOP = {"connection", "transfer-encoding", "content-encoding", "content-length", "keep-alive", "date", "server"}
RULES_ARE_KEPT = {("PUT", "lifecycle")}
"""What the providers do and the real server does not; the proxy says yes."""


@dataclass
class Provider:
    """Where it is reached, and what it was asked for that it does not do."""

    url: str = ""
    refused: list[str] = field(default_factory=list)
    known: Known = field(default_factory=Known)

    def judge(self, kind: str, asked: Asked) -> Refusal | None:
        """Return the first refusal that a rule has."""
        if asked.method == "PUT" and "partNumber" in asked.query:
            sizes = self.known.parts.setdefault(asked.query["uploadId"], {})
            sizes[int(asked.query["partNumber"])] = len(asked.body)
        refusals = (rule(asked, self.known) for rule in RULES[kind])
        found = next((refusal for refusal in refusals if refusal), None)
        if found:
            self.refused.append(f"{asked.method} {asked.path} {found.code} {found.message}")
        return found


@contextmanager
def provider(kind: str, real_url: str, *, hosted: bool = False) -> Iterator[Provider]:
    """Serve a storage of a kind while the block runs; ``hosted`` ones are known by a name that wants ``resolved``."""
    found = Provider()
    client = httpx.Client(base_url=real_url, trust_env=False, timeout=30)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def relay(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            split = urlsplit(self.path)
            query = dict(parse_qsl(split.query, keep_blank_values=True))
            headers = {name.lower(): value for name, value in self.headers.items()}
            if refusal := found.judge(kind, Asked(self.command, split.path, query, headers, body)):
                return self.answer(refusal.status, {"Content-Type": "application/xml"}, told(refusal))
            if any((self.command, word) in RULES_ARE_KEPT for word in query):
                return self.answer(200, {}, b"")
            response = client.request(self.command, self.path, content=body, headers=dict(self.headers))
            kept = {name: value for name, value in response.headers.items() if name.lower() not in HOP}
            return self.answer(
                response.status_code, kept, response.content, size=response.headers.get("Content-Length")
            )

        def answer(self, status: int, headers: dict[str, str], body: bytes, *, size: str | None = None) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", size if self.command == "HEAD" and size else str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_OPTIONS = relay  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found.url = f"http://{DOMAIN if hosted else '127.0.0.1'}:{server.server_port}"
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        yield found
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
        client.close()


@contextmanager
def served(kind: str, services: RunningServices) -> Iterator[tuple[StorageSettings, list[str]]]:
    """Serve a kind as its settings want it addressed; yield those, and what it was asked for that it does not do."""
    with ExitStack() as stack:
        hosted = not DIALECTS[kind].path_style
        if hosted:
            stack.enter_context(resolved())
        real = stack.enter_context(hosted_door(services)) if hosted else services.environ["S3_ENDPOINT_URL"]
        found = stack.enter_context(provider(kind, real, hosted=hosted))
        changes = {"storage_type": kind, "s3_endpoint_url": found.url, "s3_region": AWS_REGION}
        yield s3_settings(services.environ, **changes), found.refused


def told(refusal: Refusal) -> bytes:
    """Write a refusal as S3 does."""
    lines = f"<Code>{refusal.code}</Code><Message>{refusal.message}</Message>"
    return f'<?xml version="1.0" encoding="UTF-8"?><Error>{lines}</Error>'.encode()
