"""Start what the environment does not already give: PostgreSQL, Valkey and an S3 server under one home folder."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from cli.services import postgres, s3, valkey
from cli.services.account import make_data_folder, service_account
from cli.services.ports import pick_ports
from cli.services.process import Child, is_alive
from cli.services.vault import open_vault, write_private
from tasks.errors import ConfigurationError, TransientError

Service = postgres.Postgres | valkey.Valkey | s3.SeaweedFS

NAMES = ("postgres", "valkey", "s3")
_KINDS: dict[str, type[Service]] = {"postgres": postgres.Postgres, "valkey": valkey.Valkey, "s3": s3.SeaweedFS}
_PORTS = {"postgres": postgres.PORTS, "valkey": valkey.PORTS, "s3": s3.PORTS}
_GIVEN = {"postgres": "DATABASE_URL", "valkey": "REDIS_URL", "s3": "S3_ENDPOINT_URL"}
_S3_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")
READY_S = 60.0
LEFTOVERS_S = 15.0
"""How long services of a process that died may take to end before a new start gives up."""


@dataclass
class RunningServices:
    """The services of one home folder, ours or given; a context manager that stops ours."""

    home: Path
    environ: dict[str, str]
    children: dict[str, Child] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    _services: dict[str, Service] = field(default_factory=dict)
    _lock: IO[str] | None = None

    def start_one(self, name: str) -> None:
        """Start a service that was stopped, on the same port with the same data, and wait until it answers."""
        self.children[name].start()
        self.wait_ready(name)

    def wait_ready(self, name: str) -> None:
        """Wait until the service answers in its own protocol; raise ``services.start_failed`` with its last words."""
        service, child = self._services[name], self.children[name]
        deadline = time.monotonic() + READY_S
        while True:
            try:
                return service.check(self.ports)
            except TransientError as error:
                if child.is_running() and time.monotonic() < deadline:
                    time.sleep(0.05)
                    continue
                detail = f"{name} did not start ({error.detail}); its log is {child.log}:\n{child.log_tail()}"
                raise ConfigurationError("services.start_failed", detail) from error

    def stop(self) -> None:
        """Stop every service of ours; harmless when called twice."""
        for child in self.children.values():
            child.ask_to_stop()
        for child in self.children.values():
            child.stop()
        for service in self._services.values():
            if isinstance(service, s3.SeaweedFS):
                service.clean_up(self.ports)
        if self._lock:
            (self.home / "services.json").unlink(missing_ok=True)
            self._lock.close()
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start_services(
    home: Path,
    *,
    names: tuple[str, ...] = NAMES,
    ports: dict[str, int] | None = None,
    environ: Mapping[str, str] | None = None,
    durable: bool = True,
) -> RunningServices:
    """Start the named services under ``home``, wait until all answer and tell how to reach them.

    A service whose URL (``DATABASE_URL``, ``REDIS_URL``, ``S3_ENDPOINT_URL``) is in the environment is not started.

    :param ports: ports to use, by service (``postgres``, ``valkey``, ``s3``); others are chosen and remembered.
    :param durable: false skips fsync, for tests.
    """
    given = os.environ if environ is None else environ
    home = home.resolve()
    running = RunningServices(home, _given_environ(names, given))
    ours = [name for name in names if not given.get(_GIVEN[name])]
    if not ours:
        return running
    running._lock = _lock_home(home)
    try:
        _start_ours(running, ours, ports or {}, durable=durable)
    except BaseException:
        running.stop()
        raise
    return running


def read_environ_of_home(home: Path) -> dict[str, str]:
    """Return how to reach the services that run in ``home`` now, nothing when none do."""
    record = home / "services.json"
    if not record.exists() or not _owner_lives(home):
        return {}
    environ: dict[str, str] = json.loads(record.read_text())
    return environ


def _start_ours(running: RunningServices, ours: list[str], wanted: dict[str, int], *, durable: bool) -> None:
    home, vault, account = running.home, open_vault(running.home), service_account()
    folder = make_data_folder(home, account)
    running.ports = _remembered_ports(home, tuple(port for name in ours for port in _PORTS[name]), wanted)
    for name in ours:
        service = _KINDS[name](folder, home / "logs" / f"{name}.log", account, vault, durable=durable)
        service.prepare()
        running._services[name] = service
        running.children[name] = service.child(running.ports)
        running.children[name].keep_open = (running._lock.fileno(),) if running._lock else ()
        running.children[name].start()
    for name in ours:
        running.wait_ready(name)
        running.environ |= running._services[name].environ(running.ports)
    write_private(home / "services.json", json.dumps(running.environ, indent=1))


def _given_environ(names: tuple[str, ...], given: Mapping[str, str]) -> dict[str, str]:
    found = {_GIVEN[name]: given[_GIVEN[name]] for name in names if given.get(_GIVEN[name])}
    if "S3_ENDPOINT_URL" in found:
        missing = [name for name in _S3_VARIABLES[:2] if not given.get(name)]
        if missing:
            raise ConfigurationError("config.invalid", f"S3_ENDPOINT_URL is set, but not {' and '.join(missing)}")
        found |= {name: given[name] for name in _S3_VARIABLES if given.get(name)}
    return found


def _remembered_ports(home: Path, names: tuple[str, ...], wanted: dict[str, int]) -> dict[str, int]:
    path = home / "ports.json"
    saved: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
    chosen = pick_ports(names, wanted=wanted, saved=saved)
    path.write_text(json.dumps(saved | chosen, indent=1))
    return chosen


def _lock_home(home: Path) -> IO[str]:
    """Take the home folder's lock, which our children hold too: while one of them still ends, nobody starts."""
    home.mkdir(parents=True, exist_ok=True)
    lock = (home / "lock").open("a+")
    deadline = time.monotonic() + LEFTOVERS_S
    while not _try_lock(lock):
        if _owner_lives(home) or time.monotonic() > deadline:
            lock.close()
            raise ConfigurationError(
                "home.in_use", f"Another reelyard runs in {home}; stop it, or choose another folder with --home"
            )
        time.sleep(0.1)
    (home / "pid").write_text(str(os.getpid()))
    return lock


def _try_lock(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _owner_lives(home: Path) -> bool:
    pid = home / "pid"
    try:
        return is_alive(int(pid.read_text()))
    except (OSError, ValueError):
        return False
