"""Runs inside a network namespace: canaries on inner addresses, a public host, and the fetcher between them."""

from __future__ import annotations

import json
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

from tasks.errors import ReelyardError
from tasks.fetching import Fetcher, FetchLimits
from tasks.fetching.gate import Gate
from tasks.fetching.wire import Resolver
from tests.security.addresses import forms
from tests.security.entry_points import entry_points

PUBLIC = "93.184.215.14"
INSIDE = ("127.0.0.1", "169.254.169.254", "10.0.0.1", "::1", "fd00:ec2::254")
"""What is listened on: loopback, a cloud's metadata in both families, a private network."""
PROXY = "10.9.9.9"
NAMES = ("inside", "mixed", "mapped", "six", "both", "rebinding", "unknown")
REFUSED = ("url.refused", "url.unavailable", "publish.refused")
LIMITS = FetchLimits(max_bytes=1000, total_s=1.5)
hits: list[str] = []
hosts: list[str] = []
asked: list[str] = []
rounds = count()


class PublicHost(BaseHTTPRequestHandler):
    """Answers well and badly."""

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        """Take whatever comes."""
        self.say(202)

    def do_GET(self) -> None:
        """Answer as the path says."""
        hosts.append(self.headers["Host"])
        getattr(self, "do_" + self.path.strip("/").replace("/", "_"), self.do_missing)()

    def say(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_missing(self) -> None:
        self.say(404)

    def do_hello(self) -> None:
        self.say(200, b"hello", Content_Type="text/plain", Content_Length="5")

    def do_inside(self) -> None:
        self.say(302, Location="http://169.254.169.254/latest/")

    def do_round(self) -> None:
        self.say(302, Location="/round")

    def do_once(self) -> None:
        self.say(307, Location="/hello")

    def do_announced(self) -> None:
        self.say(200, Content_Length="1001")

    def do_endless(self) -> None:
        self.say(200, b"x" * 100_000)

    def do_packed(self) -> None:
        self.say(200, b"\x1f\x8b", Content_Encoding="gzip")

    def do_broken(self) -> None:
        self.say(503)

    def do_drip(self) -> None:
        self.say(200)
        self.drip(b"x")

    def do_dripping_head(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        self.drip(b"A: b\r\n")

    def drip(self, piece: bytes) -> None:
        for _ in range(50):
            try:
                self.wfile.write(piece)
                self.wfile.flush()
            except OSError:
                return
            time.sleep(0.1)


def resolver(name: str, port: int) -> list[str]:
    """Answer like a name server of an attacker."""
    known: dict[str, Callable[[], list[str]]] = {
        "public.example.com": lambda: [PUBLIC],
        "inside.example.com": lambda: ["169.254.169.254"],
        "mixed.example.com": lambda: [PUBLIC, "10.0.0.1"],
        "mapped.example.com": lambda: ["::ffff:127.0.0.1"],
        "six.example.com": lambda: ["fd00:ec2::254"],
        "both.example.com": lambda: [PUBLIC, "::1"],
        "rebinding.example.com": lambda: [PUBLIC] if next(rounds) % 2 == 0 else ["127.0.0.1"],
    }
    if name in known:
        return known[name]()
    try:
        return list(dict.fromkeys(str(entry[4][0]) for entry in socket.getaddrinfo(name, port)))
    except OSError:
        raise socket.gaierror("unknown") from None


def listen(address: str, port: int) -> None:
    """Count who comes."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    server = socket.create_server((address, port), family=family)

    def serve() -> None:
        while True:
            connection, _ = server.accept()
            hits.append(address)
            connection.close()

    threading.Thread(target=serve, daemon=True).start()


class Proxy(BaseHTTPRequestHandler):
    """The one way out: connects to whatever it is told, and remembers."""

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_CONNECT(self) -> None:
        """Join both ends."""
        asked.append(self.path)
        host, _, port = self.path.rpartition(":")
        with socket.create_connection((host.strip("[]"), int(port)), timeout=5) as far:
            self.send_response(200)
            self.end_headers()
            self.wfile.flush()
            far.sendall(self.connection.recv(65536))
            while piece := far.recv(65536):
                self.connection.sendall(piece)


@contextmanager
def gate_in(folder: Path, resolver: Resolver = resolver, **how: Any) -> Iterator[Path]:
    """Open a gate as programs that fetch by themselves have one."""
    with Gate(folder / "gate", FetchLimits(max_bytes=1 << 20, total_s=60), resolver=resolver, **how) as gate:
        yield gate.path


def not_refused(fetcher: Fetcher, gate: Path, folder: Path, names: Sequence[str] = ()) -> dict[str, Any]:
    """Send every form, and names of the attacker's, through every entry point; return what was not refused."""
    entries, others = entry_points(fetcher, folder, gate), []
    for url in [*forms(), *(f"http://{name}.example.com/hello" for name in names)]:
        for name, enter in entries.items():
            code = code_of(lambda: enter(url))  # noqa: B023 - called at once
            if code not in REFUSED:
                others.append([name, url, code])
    return {"forms_not_refused": others, "entry_points": list(entries)}


def code_of(call: Callable[[], Any]) -> Any:
    """Return the code of the error, or what came."""
    try:
        return call()
    except ReelyardError as error:
        return error.code


def main() -> None:
    """Set the network up, try everything, print what happened."""
    added = (f"{PROXY}/32", "169.254.169.254/32", "10.0.0.1/32", f"{PUBLIC}/32", "fd00:ec2::254/128")
    for command in ("link set lo up", *(f"addr add {address} dev lo" for address in added)):
        subprocess.run(["ip", *command.split()], check=True)
    for address in INSIDE:
        for port in (80, 443):
            listen(address, port)
    server = ThreadingHTTPServer((PUBLIC, 80), PublicHost)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    proxy = ThreadingHTTPServer((PROXY, 3128), Proxy)
    proxy.daemon_threads = True
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(tell(Path(folder))))


def tell(folder: Path) -> dict[str, Any]:
    """Return what a test compares."""
    fetcher, names = Fetcher(LIMITS, resolver=resolver), count()

    def fetch(url: str) -> Any:
        path = folder / str(next(names))
        got = fetcher.fetch(url, path)
        text = path.read_text()
        path.unlink()
        return [text, got.size_bytes, got.content_type]

    def at(path: str) -> Any:
        return code_of(lambda: fetch(f"http://public.example.com/{path}"))

    with tempfile.TemporaryDirectory() as beside, gate_in(Path(beside)) as gate:
        told = not_refused(fetcher, gate, Path(beside))
    told["public"] = at("hello")
    walled = Fetcher(LIMITS, resolver=resolver, proxy=f"http://{PROXY}:3128")
    for url in [*forms(), *(f"http://{name}.example.com/" for name in ("inside", "mixed", "mapped", "six", "both"))]:
        code_of(lambda: walled.post(url, b"{}", {}))  # noqa: B023 - called at once
    told["proxy_asked_for_inside"] = list(asked)
    told["through_the_proxy"] = [walled.post("http://public.example.com/hello", b"{}", {}), *asked]
    broken = Fetcher(LIMITS, resolver=resolver, proxy=f"http://{PROXY}:3129")
    told["without_the_proxy"] = code_of(lambda: broken.post("http://public.example.com/hello", b"{}", {}))
    told["host_header"] = hosts[-1]
    told["redirects"] = {name: at(name) for name in ("inside", "round")} | {"once": at("once")[0]}
    hosted = [f"http://{name}.example.com/hello" for name in NAMES]
    next(rounds)
    told["names"] = {url[7:].partition(".")[0]: code_of(lambda: fetch(url)) for url in hosted}  # noqa: B023
    started = time.monotonic()
    told["caps"] = {name: at(name) for name in ("drip", "dripping_head")}
    told["drip_s"] = time.monotonic() - started
    told["caps"] |= {name: at(name) for name in ("announced", "endless", "packed", "missing", "broken")}
    time.sleep(0.1)
    told["canary_hits"] = len(hits)
    told["files_left"] = [path.name for path in folder.iterdir()]
    for address in INSIDE:
        socket.create_connection((address, 80)).close()
    time.sleep(0.2)
    told["canary_hits_of_an_unguarded_client"] = len(hits) - told["canary_hits"]
    return told


if __name__ == "__main__":
    main()
