"""A door of the real SeaweedFS that finds the bucket in the host's name, and a resolver that leads there."""

from __future__ import annotations

import dataclasses
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from cli.services.launcher import RunningServices
from cli.services.ports import LOOPBACK, pick_ports
from tests.integration.rules import DOMAIN

READY_S = 60.0


@contextmanager
def hosted_door(services: RunningServices) -> Iterator[str]:
    """Run one more S3 gateway over the running filer while the block runs; yield its URL."""
    server = services.children["s3"]
    ports = pick_ports(("hosted", "hosted_grpc"), wanted={}, saved={})
    keys = next(part for part in server.command if part.startswith("-s3.config=")).replace("-s3.", "-")
    command = [
        *server.command[: server.command.index("server")],
        "s3",
        f"-filer={LOOPBACK}:{services.ports['filer']}.{services.ports['filer_grpc']}",
        f"-domainName={DOMAIN}",
        keys,
        f"-ip.bind={LOOPBACK}",
        f"-port={ports['hosted']}",
        f"-port.grpc={ports['hosted_grpc']}",
        "-port.iceberg=0",
        "-port.lance=0",
    ]
    log = server.log.with_name("hosted.log")
    child = dataclasses.replace(server, name="hosted", command=command, log=log, process=None)
    child.start()
    try:
        url = f"http://{LOOPBACK}:{ports['hosted']}"
        deadline = time.monotonic() + READY_S
        while not answers(url):
            assert child.is_running() and time.monotonic() < deadline, child.log_tail()
            time.sleep(0.1)
        yield url
    finally:
        child.stop()


def answers(url: str) -> bool:
    """Tell whether a server is there that knows whom it does not know."""
    try:
        return httpx.get(url, trust_env=False, timeout=2).status_code == 403
    except httpx.HTTPError:
        return False


@contextmanager
def resolved() -> Iterator[None]:
    """Have all names under the providers' domain lead to this machine while the block runs."""
    real = socket.getaddrinfo

    def look_up(host: Any, *arguments: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        here = isinstance(name, str) and (name == DOMAIN or name.endswith(f".{DOMAIN}"))
        return real(LOOPBACK if here else host, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", look_up)
        yield
