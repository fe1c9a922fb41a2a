"""S-1: programs behind the gate reach nothing inside, whatever they ask for and however they try."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tasks.errors import PermanentError
from tasks.fetching import FetchLimits
from tasks.fetching.gate import Gate, read_request
from tests.media.link_site import LinkSite
from tests.security.addresses import forms

pytestmark = pytest.mark.security("S-1")
NAMES = {
    "inside.example.com": ["127.0.0.1"],
    "mixed.example.com": ["93.184.215.14", "10.0.0.1"],
    "metadata.example.com": ["169.254.169.254"],
    "mapped.example.com": ["::ffff:127.0.0.1"],
    "six.example.com": ["fd00:ec2::254"],
}


def resolver(host: str, port: int) -> list[str]:
    """Names of the tests, and addresses as they are."""
    return NAMES.get(host) or [host]


@pytest.fixture
def place() -> Iterator[Path]:
    """A short path for socket files."""
    with tempfile.TemporaryDirectory(prefix="gate-") as folder:
        yield Path(folder) / "gate"


@pytest.fixture
def canary() -> Iterator[LinkSite]:
    """Something inside that must not be asked."""
    with LinkSite({"/secret": b"secret"}) as site:
        yield site


def ask(gate: Gate, head: str) -> bytes:
    """Send one request to a gate and return all of the answer."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(str(gate.path))
        client.sendall(head.encode("utf-8", "surrogatepass") + b"\r\n\r\n")
        data = b""
        with suppress(TimeoutError):
            while piece := client.recv(65536):
                data += piece
        return data


def test_no_form_of_an_inner_address_is_let_through(place: Path) -> None:
    """Nothing is asked of any resolver that is not let through first by how it is written, or by its address."""
    refused, passed = 0, []
    for url in forms():
        try:
            target, _ = read_request(f"GET {url} HTTP/1.1\r\nHost: x", inside=False)
        except PermanentError as error:
            assert error.code == "url.refused"
            refused += 1
            continue
        passed.append(target.host)
    assert refused + len(passed) >= 250
    with Gate(place, FetchLimits(1000, 20.0), resolver=resolver) as gate:
        answers = {ask(gate, f"CONNECT {bracketed(host)}:443 HTTP/1.1")[:12] for host in set(passed)}
    assert answers <= {b"HTTP/1.1 403"}


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


@pytest.mark.parametrize("name", NAMES)
def test_names_that_lead_inside_are_refused(place: Path, name: str) -> None:
    with Gate(place, FetchLimits(1000, 20.0), resolver=resolver) as gate:
        assert ask(gate, f"CONNECT {name}:443 HTTP/1.1").startswith(b"HTTP/1.1 403")
        assert ask(gate, f"GET http://{name}/secret HTTP/1.1\r\nHost: {name}").startswith(b"HTTP/1.1 403")
        assert gate.refusal is not None
        assert gate.refusal.code == "url.refused"


@pytest.mark.parametrize(
    "head",
    [
        "CONNECT 127.0.0.1:22 HTTP/1.1",
        "CONNECT example.com:80 HTTP/1.1",
        "CONNECT user@example.com:443 HTTP/1.1",
        "CONNECT example.com:443/x HTTP/1.1\r\nHost: 127.0.0.1",
        "GET https://example.com/ HTTP/1.1",
        "GET file:///etc/passwd HTTP/1.1",
        "GET / HTTP/1.1\r\nHost: 127.0.0.1",
        "GET gopher://127.0.0.1/ HTTP/1.1",
        "what",
        "",
    ],
)
def test_requests_that_are_none_are_refused(place: Path, head: str) -> None:
    with Gate(place, FetchLimits(1000, 20.0), resolver=lambda host, port: ["127.0.0.1"]) as gate:
        assert ask(gate, head).startswith(b"HTTP/1.1 403")


def test_what_is_sent_on_names_the_host_that_was_checked(place: Path, canary: LinkSite) -> None:
    with Gate(place, FetchLimits(100_000, 20.0), inside=True) as gate:
        answer = ask(
            gate,
            f"GET {canary.url}/secret HTTP/1.1\r\nHost: other.example.com\r\nProxy-Authorization: x\r\nAccept: */*",
        )
    assert answer.endswith(b"secret")
    assert canary.headers[0]["host"] == canary.url.removeprefix("http://")
    assert "proxy-authorization" not in canary.headers[0]
    assert canary.headers[0]["accept"] == "*/*"


def test_more_than_allowed_ends_the_connection(place: Path, canary: LinkSite) -> None:
    canary.files["/large"] = bytes(500_000)
    with Gate(place, FetchLimits(100_000, 20.0), inside=True) as gate:
        answer = ask(gate, f"GET {canary.url}/large HTTP/1.1")
        assert len(answer) <= 100_000
        assert gate.refusal is not None
        assert gate.refusal.code == "url.too_large"


def test_the_deadline_ends_connections_and_the_gate_leaves_nothing(place: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with Gate(place, FetchLimits(1000, 1.0), inside=True) as gate:
            began = time.monotonic()
            assert ask(gate, f"CONNECT 127.0.0.1:{port} HTTP/1.1").startswith(b"HTTP/1.1 200")
            assert time.monotonic() - began < 8
    assert not place.exists()


ESCAPES = """
import json, socket, subprocess, sys, os
from tasks.fetchers.bridge import open_bridge
open_bridge(sys.argv[1])
port, tried = int(sys.argv[2]), {}
def attempt(name, work):
    try:
        work(); tried[name] = "reached"
    except PermissionError:
        tried[name] = "refused"
    except OSError as error:
        tried[name] = "refused" if "cannot" in str(error) else repr(error)
attempt("tcp", lambda: socket.create_connection(("127.0.0.1", port), 3))
attempt("name", lambda: socket.getaddrinfo("localhost", port))
attempt("udp", lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", port)))
attempt("program", lambda: subprocess.run(["true"]))
attempt("shell", lambda: os.system("true"))
attempt("fork", lambda: os.fork())
print(json.dumps(tried))
"""


def test_the_process_that_runs_yt_dlp_has_no_way_around(place: Path, canary: LinkSite) -> None:
    """Where there is no sandbox, Python itself refuses to connect, to look names up and to start programs."""
    port = canary.url.rpartition(":")[2]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ESCAPES, str(place), port], capture_output=True, timeout=60, check=True
    )
    tried = json.loads(done.stdout)
    assert set(tried.values()) == {"refused"}, tried
    assert canary.asked == []
