"""The API as processes of their own, as gunicorn runs it: what several instances share lies outside of them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

SERVE = """
import sys
from werkzeug.serving import run_simple
from api import create_app
run_simple("127.0.0.1", int(sys.argv[1]), create_app(), threaded=True)
"""
START_S = 60
ROOT = Path(__file__).parent.parent.parent


@contextmanager
def api_process(environ: Mapping[str, str]) -> Iterator[httpx.Client]:
    """Run one more instance in a process of its own; yield a client of it."""
    port = free_port()
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(port)],
        env={**kept, **environ},
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30)
    try:
        wait_until_it_answers(client, process)
        yield client
    finally:
        client.close()
        process.terminate()
        process.wait(10)


def wait_until_it_answers(client: httpx.Client, process: subprocess.Popen[Any]) -> None:
    """Return as soon as the instance is alive; fail when it ended or takes too long."""
    last = time.monotonic() + START_S
    while time.monotonic() < last:
        assert process.poll() is None, f"the instance ended with {process.returncode}"
        try:
            if client.get("/healthz").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"the instance does not answer after {START_S} s")


def bearer(token: str) -> dict[str, str]:
    """Return the header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


def free_port() -> int:
    """Return a port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
