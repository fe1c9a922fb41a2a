"""The whole system on one machine: services, migrations, bucket, processes, readiness."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cli.processes import Layout, api_environ, build_children
from cli.services.launcher import RunningServices, start_services
from cli.services.ports import is_free, pick_ports, require_free
from cli.services.vault import open_vault, write_private
from cli.supervisor import Supervisor
from tasks.environment import unknown_variables
from tasks.errors import ConfigurationError

DEFAULT_PORT, DEFAULT_FLOWER_PORT = 8000, 5555
_USUAL = {"api": DEFAULT_PORT, "flower": DEFAULT_FLOWER_PORT}
READY_S = 120.0
WORKERS = ("control", "cpu", "render")


def default_home(environ: Mapping[str, str] = os.environ) -> Path:
    """Return ``$REELYARD_HOME`` or ``.reelyard`` here."""
    return Path(environ.get("REELYARD_HOME") or ".reelyard").resolve()


@dataclass
class System:
    """A system being started, running, or being stopped."""

    layout: Layout
    services: RunningServices
    environ: dict[str, str]
    vault: dict[str, str]
    supervisor: Supervisor
    say: Callable[[str], None]
    stopping: Callable[[], bool]
    _record: Path = field(init=False)

    def __post_init__(self) -> None:
        self._record = self.layout.home / "system.json"

    def start_processes(self) -> None:
        """Migrate, make the bucket, start every process and wait until the system is ready."""
        self.say("Migrating the database and preparing the bucket …")
        self._run("api.migrate", "upgrade")
        self._make_bucket()
        self.say("Starting API, engine, workers and Flower …")
        for child in build_children(self.layout, self.environ, flower_password=self.vault["flower_password"]):
            self.supervisor.start(child)
        self.wait_ready()
        record = {"pid": os.getpid(), "api_url": self.layout.api_url, "flower_url": self.layout.flower_url}
        write_private(self._record, json.dumps(record))

    def wait_ready(self) -> None:
        """Wait until ``/readyz`` says ready and every worker answers; raise ``system.not_ready`` with a log's end."""
        deadline = time.monotonic() + READY_S
        while True:
            if self.stopping():
                raise KeyboardInterrupt
            lacking = self.find_lacking()
            if not lacking:
                return
            if time.monotonic() > deadline or any(self.supervisor.restarts()[name] >= 2 for name in lacking):
                raise self._not_ready(lacking)
            self.supervisor.tend()
            time.sleep(0.2)

    def find_lacking(self) -> list[str]:
        """Name the processes that do not answer yet."""
        if not is_ready(self.layout.api_url):
            return ["api"]
        answering = ping_workers(self.environ["REDIS_URL"])
        return [role for role in WORKERS if self.layout.node_name(role) not in answering]

    def stop(self) -> None:
        """Stop every process, workers first, then the services."""
        self._record.unlink(missing_ok=True)
        self.supervisor.stop()
        self.services.stop()

    def _run(self, module: str, *arguments: str) -> None:
        command = [sys.executable, "-m", module, *arguments]
        root = Path(__file__).parents[1]
        done = subprocess.run(command, env=self.environ, cwd=root, capture_output=True, text=True, check=False)
        log = self.layout.home / "logs" / f"{module}.log"
        log.write_text(done.stdout + done.stderr)
        if done.returncode:
            end = "\n".join((done.stdout + done.stderr).splitlines()[-8:])
            raise ConfigurationError("system.step_failed", f"{module} failed; its log is {log}:\n{end}")

    def _make_bucket(self) -> None:
        from api.bucket import make_bucket

        make_bucket(self.environ)

    def _not_ready(self, lacking: list[str]) -> ConfigurationError:
        child = self.supervisor.children()[lacking[0]]
        detail = f"{', '.join(lacking)} did not become ready; the log is {child.log}:\n{child.log_tail()}"
        return ConfigurationError("system.not_ready", detail)


def start_system(
    home: Path,
    *,
    port: int | None,
    say: Callable[[str], None],
    environ: Mapping[str, str] = os.environ,
    stopping: Callable[[], bool] = lambda: False,
) -> System:
    """Start the whole system under ``home`` and return it ready.

    :param port: of the API; None takes 8000 or, when that is in use, a free one.
    :param stopping: asked while waiting; when true, everything is stopped and KeyboardInterrupt raised.
    """
    home = home.resolve()
    if problems := unknown_variables(environ):
        raise ConfigurationError("config.invalid", "\n".join(problems))
    say(f"Starting PostgreSQL, Valkey and SeaweedFS in {home} …")
    services = start_services(home, environ=environ)
    system: System | None = None
    try:
        vault = open_vault(home)
        layout = Layout(home, *_choose_ports(port), node=name_of(vault))
        _prepare_folders(home)
        full = api_environ(layout, services.environ, vault, environ)
        system = System(layout, services, full, vault, Supervisor(say), say, stopping)
        system.start_processes()
    except BaseException:
        if system:
            system.stop()
        services.stop()
        raise
    return system


def name_of(vault: Mapping[str, str]) -> str:
    """Return the suffix of a system's worker names: its own, and the same at every start, since orders go by name."""
    return hashlib.sha256(vault["callback_secret"].encode()).hexdigest()[:6]


def find_running(home: Path) -> dict[str, Any] | None:
    """Return the record of the system that runs in ``home`` and answers, or None."""
    record = home / "system.json"
    if not record.exists():
        return None
    document: dict[str, Any] = json.loads(record.read_text())
    return document if is_ready(document["api_url"]) else None


def is_ready(api_url: str) -> bool:
    """Ask ``/readyz`` once."""
    import httpx

    try:
        answer = httpx.get(f"{api_url}/readyz", timeout=3, trust_env=False)
        return answer.status_code == 200 and answer.json()["status"] == "ready"
    except (httpx.HTTPError, ValueError, KeyError):
        return False


def ping_workers(redis_url: str) -> set[str]:
    """Return the names of the Celery workers that answer within a second."""
    from tasks.app import make_celery

    app = make_celery("cli", redis_url=redis_url)
    try:
        answers = app.control.ping(timeout=1.0)
    except OSError:
        return set()
    finally:
        app.close()
    return {name for answer in answers for name in answer}


def _prepare_folders(home: Path) -> None:
    (home / "scratch").mkdir(exist_ok=True)
    metrics = home / "metrics"
    shutil.rmtree(metrics, ignore_errors=True)  # counters of processes that are gone
    metrics.mkdir()


def _choose_ports(port: int | None) -> tuple[int, int]:
    wanted = {"api": require_free(port, "the API")} if port else {}
    saved = {name: usual for name, usual in _USUAL.items() if is_free(usual)}
    chosen = pick_ports(("api", "flower"), wanted=wanted, saved=saved)
    return chosen["api"], chosen["flower"]
