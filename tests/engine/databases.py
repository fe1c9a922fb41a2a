"""Databases of a test's own that may be stopped at once, and a standby that takes the place of one."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Self

import psycopg2

from cli.services.launcher import RunningServices, start_services
from cli.services.ports import LOOPBACK
from cli.services.postgres import DATABASE, USER, Postgres
from cli.services.process import Child
from tests.api.instances import free_port

IN_STEP_S = 30.0


class Database:
    """A PostgreSQL that keeps its promises: what was acknowledged is on disk, or with the standby, too."""

    def __init__(self, services: RunningServices) -> None:
        self._services = services
        self.child = services.children["postgres"]
        self.kind: Any = services._services["postgres"]
        self.port = services.ports["postgres"]

    @property
    def password(self) -> str:
        return str(self.kind.vault["postgres_password"])

    def stop_at_once(self) -> None:
        """Drop every connection, write nothing more: what ``pg_ctl -m immediate`` does."""
        assert self.child.process is not None
        self.child.process.send_signal(signal.SIGQUIT)
        self.child.process.wait(30)

    def start(self) -> None:
        """Start it again and return as soon as it takes connections."""
        self._services.start_one("postgres")

    def run(self, statement: str, *, port: int | None = None) -> list[Any]:
        """Run one statement by itself, here or at another port, and return its rows."""
        with closing(self._connect(port or self.port)) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def _connect(self, port: int) -> Any:
        told = {"user": USER, "password": self.password, "dbname": DATABASE}
        return psycopg2.connect(host=LOOPBACK, port=port, connect_timeout=2, **told)


@contextmanager
def own_database(home: Path) -> Iterator[Database]:
    """Run a server under a folder that its account gets into."""
    for folder in (home, *list(home.parents)[:2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    with start_services(home, names=("postgres",), environ={}, durable=True) as running:
        yield Database(running)


class Standby:
    """A second server that has what the first has acknowledged, and takes its place when asked; a context manager."""

    def __init__(self, first: Database) -> None:
        self.first, self.port = first, free_port()
        kind = first.kind
        self._postgres = Postgres(kind.data.parent, kind.log, kind.account, kind.vault, durable=True)
        self._postgres.data = kind.data.with_name("standby")
        self._child: Child = self._postgres.child({"postgres": self.port})

    def __enter__(self) -> Self:
        self._copy()
        self._child.start()
        self.first.run("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.first.run("SELECT pg_reload_conf()")
        last = time.monotonic() + IN_STEP_S
        while self.first.run("SELECT sync_state FROM pg_stat_replication") != [("sync",)]:
            assert time.monotonic() < last, self._child.log_tail()
            time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        self._child.stop()

    def take_over(self) -> None:
        """Become the one that is written to; return once it is."""
        assert self.first.run("SELECT pg_promote(true, 30)", port=self.port) == [(True,)]

    def _copy(self) -> None:
        self._postgres.data.mkdir(mode=0o700)
        self._postgres.account.give(self._postgres.data)
        drop = self._postgres.account if self._postgres.account.drops else None
        way = f"host={LOOPBACK} port={self.first.port} user={USER} password={self.first.password}"
        command = [str(self._postgres.programs / "pg_basebackup"), "-D", str(self._postgres.data), "-d", way]
        done = subprocess.run(
            [*command, "--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync"],
            capture_output=True,
            text=True,
            cwd="/",
            user=drop.uid if drop else None,
            group=drop.gid if drop else None,
            extra_groups=[] if drop else None,
            check=False,
        )
        assert done.returncode == 0, done.stderr
