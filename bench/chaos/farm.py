"""The real system on free loopback ports, every process with a way to the broker of its own that can be broken.

Two API processes, two engines (each with dispatcher and reconciler), two schedulers, three CPU and two render workers,
PostgreSQL, Valkey and SeaweedFS, and a receiver of webhooks, which belongs to the clients and is never broken. Whatever
dies is started again, as a supervisor would; everything ends with us.
"""

from __future__ import annotations

import os
import re
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from bench.chaos.proxy import LOOPBACK, Proxy
from bench.chaos.receiver import read_received
from cli.processes import CPU_QUEUES, Layout, api_environ, worker_environ
from cli.services.launcher import RunningServices, start_services
from cli.services.ports import pick_ports
from cli.services.process import Child
from cli.services.vault import open_vault
from tasks.config import read_storage_settings
from tasks.storage.s3 import S3Storage

ROOT = Path(__file__).parents[2]
LEASE_S = 3.0
READY_S = 300.0
RESTART_S = 0.3
WATCH_S = 0.1
SETTINGS = {
    "REELYARD_ENV": "test",
    "REELYARD_LEASE_S": str(LEASE_S),
    "REELYARD_BEAT_S": "0.75",
    "REELYARD_RECONCILE_S": "1",
    "REELYARD_DISPATCH_S": "0.2",
    "REELYARD_RING_GRACE_S": "0.5",
    "REELYARD_RERING_S": "3",
    "REELYARD_RETRY_BACKOFF_S": "0.3",
    "REELYARD_NODE_BEAT_S": "2",
    "REELYARD_NODE_LOST_S": "6",
    "REELYARD_SELF_TEST_S": "2",
    "REELYARD_CHUNK_S": "15",
    "REELYARD_CHUNK_FROM_S": "30",
    "REELYARD_WEBHOOK_INSIDE": "true",
    "REELYARD_WEBHOOK_S": "0.4",
    "REELYARD_WEBHOOK_TIMEOUT_S": "20",
    "REELYARD_AUTH_RATE": "100000 per minute",
    "REELYARD_RENDER_RATE": "100000 per minute",
    "REELYARD_DEFAULT_RATE": "100000 per minute",
    "GUNICORN_WORKERS": "2",
    "GUNICORN_THREADS": "16",
}
GIVEN_ELSEWHERE = ("DATABASE_URL", "REDIS_URL", "S3_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
CPU, RENDER, ENGINE, SCHEDULER, API = "cpu", "render", "engine", "scheduler", "api"
COUNTS = {API: 1, ENGINE: 2, SCHEDULER: 2, CPU: 3, RENDER: 2}


@dataclass(frozen=True)
class Shape:
    """How a farm differs from the usual one.

    :param render_slots: of each render worker, :param environ: environment of processes by name, :param settings:
        environment of all, :param database_of: which of Valkey's databases is the broker, by role.
    """

    render_slots: int = 1
    environ: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    database_of: Mapping[str, int] = field(default_factory=dict)


USUAL = Shape()


@dataclass
class Member:
    """One process of the farm with its own way to the broker."""

    role: str
    child: Child
    proxy: Proxy
    deaths: int = 0
    died_at: float | None = None


@dataclass
class Farm:
    """A running system; :func:`running_farm` makes it."""

    services: RunningServices
    layout: Layout
    environ: dict[str, str]
    receiver: Child
    hooks_url: str
    members: dict[str, Member] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _ending: threading.Event = field(default_factory=threading.Event)

    @property
    def database_url(self) -> str:
        """Where the database is."""
        return self.environ["DATABASE_URL"]

    @property
    def redis_url(self) -> str:
        """Where Valkey is, with nothing in between."""
        return self.services.environ["REDIS_URL"]

    def open_storage(self) -> S3Storage:
        """Return the bucket."""
        return S3Storage(read_storage_settings(self.environ))

    def read_received(self) -> list[dict[str, Any]]:
        """Return the messages that the receiver of webhooks has got."""
        return read_received(received_log(self.layout))

    def of_role(self, *roles: str) -> list[Member]:
        """Return the processes of these roles."""
        return [member for member in self.members.values() if member.role in roles]

    def kill(self, member: Member) -> None:
        """Kill a process with all that is in its session; it is started again soon."""
        with self._lock:
            member.child.kill()

    def watch(self) -> None:
        """Start what has died, until the farm ends."""
        while not self._ending.wait(WATCH_S):
            for member in self.members.values():
                with self._lock:
                    self._tend(member)

    def stop(self) -> None:
        """End every process, whatever state it is in."""
        self._ending.set()
        with self._lock:
            for member in self.members.values():
                if member.child.is_running():
                    _signal_session(member.child.pid, signal.SIGCONT)
                member.child.kill()
                member.proxy.stop()
        self.receiver.kill()

    def _tend(self, member: Member) -> None:
        if self._ending.is_set() or member.child.is_running():
            return
        if member.died_at is None:
            member.child.kill()  # whatever it left in its session
            member.died_at, member.deaths = time.monotonic(), member.deaths + 1
        elif time.monotonic() - member.died_at >= RESTART_S:
            member.child.start()
            member.died_at = None


@contextmanager
def running_farm(home: Path, *, shape: Shape = USUAL, say: Callable[[str], None] = print) -> Iterator[Farm]:
    """Start everything under ``home``, lend it ready for work, and stop everything."""
    given = {name: value for name, value in os.environ.items() if name not in GIVEN_ELSEWHERE}
    given = {name: value for name, value in given.items() if not name.startswith("REELYARD_")}
    # Durable: a database that is stopped at once keeps what it has acknowledged only if it writes it down
    with start_services(home, environ={}, durable=True) as services:
        farm = make_farm(home, services, {**given, **SETTINGS, **shape.settings}, shape=shape)
        watcher = threading.Thread(target=farm.watch, name="watch", daemon=True)
        try:
            say("Migrating …")
            _migrate(farm)
            farm.open_storage().ensure_bucket()
            say("Starting the processes …")
            farm.receiver.start()
            for member in farm.members.values():
                member.child.start()
            watcher.start()
            wait_ready(farm)
            yield farm
        finally:
            farm.stop()
            with suppress(RuntimeError):
                watcher.join()


def make_farm(home: Path, services: RunningServices, given: Mapping[str, str], *, shape: Shape) -> Farm:
    """Describe every process, each behind its own proxy to the broker, none started yet."""
    ports = pick_ports(("api", "flower", "hooks"), wanted={}, saved={})
    layout = Layout(home.resolve(), ports["api"], ports["flower"], node=secrets.token_hex(3))
    for folder in ("scratch", "metrics", "logs"):
        (layout.home / folder).mkdir(exist_ok=True)
    environ = api_environ(layout, services.environ, open_vault(home), given)
    receiver = _receiver(layout, ports["hooks"], given)
    farm = Farm(services, layout, environ, receiver, f"http://{LOOPBACK}:{ports['hooks']}")
    for role, count in COUNTS.items():
        for number in range(1, count + 1):
            farm.members[f"{role}{number}"] = _member(farm, role, number, shape)
    return farm


def wait_ready(farm: Farm) -> None:
    """Wait until the API says that it is ready and every worker has been heard of."""
    deadline, wanted = time.monotonic() + READY_S, len(farm.of_role(CPU, RENDER, SCHEDULER))
    while time.monotonic() < deadline:
        if _is_ready(farm) and _is_listening(farm) and _count_nodes(farm) >= wanted:
            return
        time.sleep(0.2)
    ends = "\n".join(f"--- {name}\n{member.child.log_tail(8)}" for name, member in farm.members.items())
    raise TimeoutError(f"The farm did not become ready within {READY_S:g} s\n{ends}")


def received_log(layout: Layout) -> Path:
    """Return where the receiver of webhooks writes down what it got."""
    return layout.home / "received.jsonl"


def _receiver(layout: Layout, port: int, environ: Mapping[str, str]) -> Child:
    command = [sys.executable, "-m", "bench.chaos.receiver", str(port), str(received_log(layout))]
    log = layout.home / "logs" / "receiver.log"
    return Child("receiver", command, environ, log, cwd=ROOT, death_signal=signal.SIGKILL)


def _member(farm: Farm, role: str, number: int, shape: Shape) -> Member:
    name, layout = f"{role}{number}", farm.layout
    target = int(re.search(r":(\d+)/", farm.redis_url).group(1))  # type: ignore[union-attr]
    proxy = Proxy(target).start()
    base = farm.environ if role in (API, ENGINE, SCHEDULER) else worker_environ(farm.environ)
    own = shape.environ.get(name, {})
    broker = f":{proxy.port}/{shape.database_of.get(role, 0)}"
    environ = {**base, **own, "REDIS_URL": re.sub(r":\d+/\d*$", broker, farm.redis_url)}
    log = layout.home / "logs" / f"{name}.log"
    # Killed by the kernel should we die: a worker that stops in order waits for a broker that died with us
    child = Child(name, _command(layout, role, name, shape), environ, log, cwd=ROOT, death_signal=signal.SIGKILL)
    return Member(role, child, proxy)


def _command(layout: Layout, role: str, name: str, shape: Shape) -> list[str]:
    python = sys.executable
    if role == API:
        bind = f"{LOOPBACK}:{layout.port}"
        return [python, "-m", "gunicorn", "-c", "python:api.gunicorn", "-b", bind, "api.wsgi:app"]
    if role == ENGINE:
        return [python, "-m", "api.control.engine"]
    app, options = {
        SCHEDULER: ("api.control.worker", ["-Q", "control", "-c", "1", "-B", "-s", str(layout.home / f"{name}.beat")]),
        CPU: ("bench.chaos.cpu_worker", ["-Q", CPU_QUEUES, "-c", "2"]),
        RENDER: ("bench.chaos.render_worker", ["-Q", "render", "-c", str(shape.render_slots)]),
    }[role]
    command = [python, "-m", "celery", "-A", app, "worker", "-n", layout.node_name(name), *options]
    return [*command, "--without-gossip", "--without-mingle", "--loglevel=INFO"]


def _migrate(farm: Farm) -> None:
    from api.migrate import upgrade

    upgrade(farm.database_url)


def _is_ready(farm: Farm) -> bool:
    try:
        return httpx.get(f"{farm.layout.api_url}/readyz", timeout=5, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def _is_listening(farm: Farm) -> bool:
    try:
        return httpx.get(farm.hooks_url, timeout=5, trust_env=False).status_code == 204
    except httpx.HTTPError:
        return False


def _count_nodes(farm: Farm) -> int:
    """Return how many workers consume, as the API has heard of them."""
    from bench.chaos.rows import Rows

    with Rows(farm.database_url) as rows:
        return int(rows.one("SELECT count(*) FROM farm_node"))


def _signal_session(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
