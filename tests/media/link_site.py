"""A site of our own that media is fetched from, well and badly; and RapidAPI's service as it answers over HTTP.

``python -m tests.media.link_site ORDER FOLDER GATE`` runs the reader of links with an extractor for this site.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit


class LinkSite:
    """Serves files and answers under paths, and remembers what was asked.

    :param files: path to bytes. Special paths end in .mp3: ``slow drop inside lies longer gone broken``.
    """

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.answers: dict[str, tuple[int, Any]] = {}
        self.inside = "http://127.0.0.1:9/"

    def __enter__(self) -> LinkSite:
        site = self

        class Handler(_Handler):
            """Bound to this site."""

            here = site

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"


class _Handler(BaseHTTPRequestHandler):
    here: LinkSite
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        """Answer as the path says."""
        parts = urlsplit(self.path)
        self.here.asked.append(self.path)
        self.here.headers.append({name.lower(): value for name, value in self.headers.items()})
        special: dict[str, Callable[[], None]] = {
            "/slow.mp3": self.slow,
            "/drop.mp3": self.drop,
            "/inside.mp3": lambda: self.say(302, b"", Location=self.here.inside),
            "/lies.mp3": lambda: self.say(200, b"<html>not a sound</html>", Content_Type="audio/mpeg"),
            "/longer.mp3": self.longer,
            "/gone.mp3": lambda: self.say(410),
            "/broken.mp3": lambda: self.say(503),
        }
        if parts.path in special:
            special[parts.path]()
        elif parts.path in self.here.answers:
            status, document = self.here.answers[parts.path]
            self.say(status, json.dumps(document).encode(), Content_Type="application/json")
        elif parts.path in self.here.files:
            kind = "audio/mpeg" if parts.path.endswith(".mp3") else "application/octet-stream"
            self.say(200, self.here.files[parts.path], Content_Type=kind)
        else:
            self.say(404)

    def say(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Answer with as many bytes as are announced."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def slow(self) -> None:
        """Say nothing for longer than anybody waits."""
        time.sleep(6)

    def drop(self) -> None:
        """Announce more than comes."""
        data = next(iter(self.here.files.values()))
        self.send_response(200)
        self.send_header("Content-Type", "audio/mpeg")
        self.send_header("Content-Length", str(len(data) * 2))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)

    def longer(self) -> None:
        """Announce nothing and send more than is allowed."""
        self.send_response(200)
        self.send_header("Content-Type", "audio/mpeg")
        self.send_header("Connection", "close")
        self.end_headers()
        data = next(iter(self.here.files.values()))
        for _ in range(400):
            try:
                self.wfile.write(data)
            except OSError:
                return


class WayOut:
    """A proxy that connects whoever asks for a public address to a site of ours, and remembers who was asked for."""

    def __init__(self, site: LinkSite) -> None:
        self.asked: list[str] = []
        way, port = self, int(site.url.rpartition(":")[2])

        class Handler(BaseHTTPRequestHandler):
            """Tunnels."""

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

            def do_CONNECT(self) -> None:
                """Connect to the site, whatever the address."""
                way.asked.append(self.path)
                with socket.create_connection(("127.0.0.1", port)) as there:
                    self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
                    carry(self.connection, there)
                self.close_connection = True

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> WayOut:
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def carry(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes both ways until either ends."""
    with selectors.DefaultSelector() as ready:
        ready.register(one, selectors.EVENT_READ, other)
        ready.register(other, selectors.EVENT_READ, one)
        while True:
            for key, _ in ready.select():
                assert isinstance(key.fileobj, socket.socket)
                piece = key.fileobj.recv(65536)
                if not piece:
                    return
                key.data.sendall(piece)


def query_of(path: str) -> dict[str, str]:
    """Return the parameters of a path that was asked."""
    return {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}


def main(arguments: list[str]) -> int:
    """Run the reader with an extractor that understands this site's pages."""
    from yt_dlp.extractor.common import InfoExtractor
    from yt_dlp.utils import ExtractorError, GeoRestrictedError, UserNotLive

    from tasks.fetchers import reader

    class SiteIE(InfoExtractor):
        """Reads ``/watch/ID``: JSON that names the media and what is known of it."""

        IE_NAME = "site"
        _VALID_URL = r"http://127\.0\.0\.1:\d+/(?:watch|user)/(?P<id>[\w-]+)"

        def _real_extract(self, url: str) -> dict[str, Any]:
            ref = self._match_id(url)
            told: dict[str, Any] = self._download_json(url, ref)
            if said := told.pop("error", None):
                kinds = {"geo": GeoRestrictedError, "offline": UserNotLive}
                if said in kinds:
                    raise kinds[said](said)
                raise ExtractorError(said, expected=True)
            return {"id": ref, **told}

    return reader.main(arguments, extractors=[SiteIE])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
