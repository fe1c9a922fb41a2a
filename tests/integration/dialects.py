"""Storages of other dialects: a proxy before the real server that refuses what a provider is documented to refuse.

The real server checks signatures over the name by which it was called, so the proxy hands that name on.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import httpx

NOT_IMPLEMENTED = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>NotImplemented</Code>'
    b"<Message>A header or query you provided requested a function that is not implemented.</Message></Error>"
)
REFUSED = {
    "minio": [("PUT", "cors", "")],
    "gcs": [("PUT", "cors", ""), ("POST", "delete", ""), ("PUT", "", "if-none-match"), ("PUT", "lifecycle", "")],
}
"""By kind: method, query word and header of what is answered with 501."""
HOP = {"connection", "transfer-encoding", "content-encoding", "content-length", "keep-alive", "date", "server"}


@dataclass
class Provider:
    """Where it is reached, and what it was asked for that it does not do."""

    url: str = ""
    refused: list[str] = field(default_factory=list)


@contextmanager
def provider(kind: str, real_url: str) -> Iterator[Provider]:
    """Serve a storage of a kind while the block runs."""
    found = Provider()
    client = httpx.Client(base_url=real_url, trust_env=False, timeout=30)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def relay(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            for method, query, header in REFUSED[kind]:
                asked = set(parse_qs(urlsplit(self.path).query, keep_blank_values=True))
                if self.command == method and (not query or query in asked) and (not header or header in self.headers):
                    found.refused.append(f"{method} {query or header}")
                    self.answer(501, {"Content-Type": "application/xml"}, NOT_IMPLEMENTED)
                    return
            response = client.request(self.command, self.path, content=body, headers=dict(self.headers))
            told = {name: value for name, value in response.headers.items() if name.lower() not in HOP}
            self.answer(response.status_code, told, response.content, size=response.headers.get("Content-Length"))

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
    found.url = f"http://127.0.0.1:{server.server_port}"
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        yield found
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
        client.close()
