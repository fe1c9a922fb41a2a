"""Runs inside a network namespace: the wall, a public host, canaries, and a worker that reaches only the wall."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tasks.fetching import Fetcher, FetchLimits
from tasks.fetching.wall import Wall, WallLimits
from tasks.fetching.wire import resolve
from tests.security import canaries
from tests.security.addresses import forms
from tests.security.canaries import (
    INSIDE,
    PUBLIC,
    PublicHost,
    code_of,
    gate_in,
    hits,
    listen,
    not_refused,
    resolver,
)
from tests.security.entry_points import entry_points

WALL, WORKER = "10.9.8.1", "10.9.8.2"
PORT = 3128
PROXY = f"http://{WALL}:{PORT}"
INNER_NAMES = ("inside", "mapped", "six")
"""Names with no other address than inner ones."""
OWN = ("127.0.0.1", "::1")
"""Where the worker's own services would listen, had it any."""
NAMES = ("inside", "mixed", "mapped", "six", "both")


def ip(command: str) -> None:
    """Run one ``ip`` command."""
    subprocess.run(["ip", *command.split()], check=True)


def main() -> None:
    """Set both networks up, let the worker try everything, print what happened."""
    added = ("169.254.169.254/32", "10.0.0.1/32", f"{PUBLIC}/32", "fd00:ec2::254/128")
    for command in ("link set lo up", *(f"addr add {address} dev lo" for address in added)):
        ip(command)
    for address in INSIDE:
        for port in (80, 443):
            listen(address, port)
    server = ThreadingHTTPServer((PUBLIC, 80), PublicHost)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    command = ["unshare", "-n", sys.executable, "-m", __spec__.name, "worker"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None and worker.stdin is not None
        worker.stdout.readline()  # it has its network
        ip(f"link add v0 type veth peer name v1 netns {worker.pid}")
        ip(f"addr add {WALL}/30 dev v0")
        ip("link set v0 up")
        with Wall((WALL, PORT), WallLimits(total_s=10, idle_s=5), resolver=resolver) as wall:
            threading.Thread(target=wall.serve_forever, daemon=True).start()
            worker.stdin.write("go\n")
            worker.stdin.flush()
            told: dict[str, Any] = json.loads(worker.stdout.readline())
            told["canary_hits"] += len(hits)
            for address in INSIDE:
                socket.create_connection((address, 80)).close()
            time.sleep(0.2)
            told["canary_hits_of_an_unguarded_client"] = len(hits)
            wall.shutdown()
    print(json.dumps(told))


def work() -> None:
    """Be the worker: a network card that leads to the wall, no name server, no route to anywhere else."""
    print("ready", flush=True)
    sys.stdin.readline()
    for command in (f"addr add {WORKER}/30 dev v1", "link set v1 up", "link set lo up"):
        ip(command)
    canaries.LIMITS = FetchLimits(max_bytes=1000, total_s=3)
    for address in OWN:
        for port in (80, 443):
            listen(address, port)
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(tell(Path(folder))), flush=True)


def tell(folder: Path) -> dict[str, Any]:
    """Return what a test compares."""
    fetcher = Fetcher(canaries.LIMITS, proxy=PROXY)
    got = fetcher.fetch("http://public.example.com/hello", folder / "hello")
    hosts = sorted({host for url in forms() if (host := host_of(url))})
    authorities = [f"{host}:{port}" for host in hosts for port in (80, 443)]
    return {
        "straight": {address: straight(address) for address in (*INSIDE[1:], PUBLIC) if address != "::1"},
        "fetched": [(folder / "hello").read_text(), got.size_bytes],
        "names": {name: code_of(lambda: fetcher.post(url_of(name), b"", {})) for name in NAMES},  # noqa: B023
        "forms": len(authorities),
        "let_through": [where for where in authorities if ask(where) == 200],
        "other_ports": [ask(f"{PUBLIC}:{port}") for port in (22, 25, 6379, 8080)],
        "usual_port": ask(f"{PUBLIC}:80"),
        "strange": [ask(where) for where in ("", ":", "a b", "%00:80", f"user@{PUBLIC}:80", "x" * 3000 + ":80")],
        "entries": {"guarded": through_the_wall(), "unguarded": through_the_wall(inside=True)},
        "canary_hits": len(hits),  # of this network: its own loopback
    }


def through_the_wall(**how: Any) -> dict[str, Any]:
    """Send every form through every entry point; with ``inside`` nothing checks them but the wall."""
    fetcher = Fetcher(canaries.LIMITS, proxy=PROXY, **how)
    with tempfile.TemporaryDirectory() as folder, gate_in(Path(folder), resolve, proxy=PROXY, **how) as gate:
        public = entry_points(fetcher, Path(folder), gate)["link"]("http://public.example.com/hello")
        return {**not_refused(fetcher, gate, Path(folder), INNER_NAMES), "public": public.size_bytes}


def url_of(name: str) -> str:
    """Return the address of a host of the attacker's."""
    return f"http://{name}.example.com/hello"


def host_of(url: str) -> str:
    """Return what stands between the slashes, as a careless client would take it."""
    return url.partition("//")[2].partition("/")[0].rpartition("@")[2]


def straight(address: str) -> str:
    """Tell what keeps this process from connecting to an address by itself."""
    try:
        socket.create_connection((address, 80), timeout=3).close()
    except OSError as error:
        return type(error).__name__ if not error.errno else error.strerror
    return "connected"


def ask(where: str) -> int:
    """Return how the wall answers a CONNECT of somebody who checks nothing."""
    with socket.create_connection((WALL, PORT), timeout=10) as wall:
        wall.sendall(f"CONNECT {where} HTTP/1.1\r\nHost: {where}\r\n\r\n".encode("utf-8", "replace"))
        answer = wall.makefile("rb").readline().split()
        return int(answer[1]) if len(answer) > 1 and answer[1].isdigit() else 0


if __name__ == "__main__":
    work() if sys.argv[1:] == ["worker"] else main()
