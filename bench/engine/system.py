"""The real API, engine and broker on free loopback ports, with workers whose bodies do nothing."""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from cli.processes import Layout, api_environ, worker_environ
from cli.services.launcher import start_services
from cli.services.ports import LOOPBACK, pick_ports
from cli.services.process import Child
from cli.services.vault import open_vault
from tasks.config import read_storage_settings
from tasks.storage.s3 import S3Storage

ROOT = Path(__file__).parents[2]
READY_S = 120.0
ALLOWED = "1000000 per minute"
SETTINGS = {
    "REELYARD_ENV": "test",
    "REELYARD_LOG_LEVEL": "WARNING",
    "REELYARD_AUTH_RATE": ALLOWED,
    "REELYARD_RENDER_RATE": ALLOWED,
    "REELYARD_DEFAULT_RATE": ALLOWED,
    "GUNICORN_WORKERS": "2",
}


@dataclass(frozen=True)
class RunningSystem:
    """Where a running system is."""

    url: str
    environ: dict[str, str]


@contextmanager
def running_system(
    home: Path, *, workers: int = 1, slots: int = 2, settings: Mapping[str, str] | None = None
) -> Iterator[RunningSystem]:
    """Run PostgreSQL, Valkey, SeaweedFS, two API processes, an engine and workers for the length of the block.

    :param slots: pool processes of each worker. :param settings: environment on top of ours.
    """
    given = {name: value for name, value in os.environ.items() if not name.startswith("REELYARD_")}
    given |= SETTINGS | dict(settings or {})
    with ExitStack() as stack:
        services = stack.enter_context(start_services(home, environ={}, durable=True))
        ports = pick_ports(("api", "flower"), wanted={}, saved={})
        layout = Layout(home.resolve(), ports["api"], ports["flower"], node=secrets.token_hex(3))
        for folder in ("logs", "metrics", "scratch"):
            (layout.home / folder).mkdir(exist_ok=True)
        environ = api_environ(layout, services.environ, open_vault(home), given)
        prepare(environ)
        for child in children(layout, environ, workers=workers, slots=slots):
            child.start()
            stack.callback(child.kill)
        wait_ready(layout.api_url)
        yield RunningSystem(layout.api_url, environ)


def prepare(environ: dict[str, str]) -> None:
    """Migrate the database and make the bucket."""
    from api.migrate import upgrade

    upgrade(environ["DATABASE_URL"])
    S3Storage(read_storage_settings(environ)).ensure_bucket()


def children(layout: Layout, environ: dict[str, str], *, workers: int, slots: int) -> list[Child]:
    """Return every process of ours, not yet started."""
    python, logs = sys.executable, layout.home / "logs"
    bind = f"{LOOPBACK}:{layout.port}"
    commands = {
        "api": [python, "-m", "gunicorn", "-c", "python:api.gunicorn", "-b", bind, "api.wsgi:app"],
        "engine": [python, "-m", "api.control.engine"],
    }
    worker = [python, "-m", "celery", "-A", "bench.engine.idle_worker", "worker", "-Q", "ingest,transcription,analysis"]
    worker += ["-c", str(slots), "--without-gossip", "--without-mingle", "--loglevel=WARNING", "-n"]
    commands |= {f"worker{number}": [*worker, layout.node_name(f"worker{number}")] for number in range(1, workers + 1)}
    own = {name: worker_environ(environ) if name.startswith("worker") else environ for name in commands}
    return [Child(name, command, own[name], logs / f"{name}.log", cwd=ROOT) for name, command in commands.items()]


def wait_ready(url: str) -> None:
    """Wait until the API is ready; raise TimeoutError."""
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/readyz", trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise TimeoutError(f"{url} did not become ready within {READY_S:g} s")
