"""The processes of one machine's system: what each is called, its command line and its part of the environment."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cli.services.ports import LOOPBACK
from cli.services.process import Child

_API_ONLY = (
    *("DATABASE_URL", "REELYARD_JWT_SECRET", "REELYARD_SMTP_PASSWORD"),
    *("REELYARD_GOOGLE_CLIENT_SECRET", "REELYARD_GITHUB_CLIENT_SECRET", "REELYARD_FLOWER_AUTH"),
    *("REELYARD_METRICS_TOKEN", "REELYARD_WEBHOOK_KEY"),
)
CPU_QUEUES = "ingest,transcription,analysis,generation,compose"


@dataclass(frozen=True)
class Layout:
    """Where one system lives.

    :param node: suffix that makes worker names unique, should several systems share one Redis.
    """

    home: Path
    port: int
    flower_port: int
    node: str

    @property
    def api_url(self) -> str:
        """Where the API answers."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def flower_url(self) -> str:
        """Where Flower answers."""
        return f"http://{LOOPBACK}:{self.flower_port}/flower/"

    def node_name(self, role: str) -> str:
        """Return the Celery node name of a worker."""
        return f"{role}-{self.node}@{socket.gethostname()}"


def api_environ(
    layout: Layout, services: Mapping[str, str], vault: Mapping[str, str], given: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment of the API and the control processes; what the person has set wins."""
    ours = {
        "REELYARD_ENV": "local",
        "REELYARD_HOME": str(layout.home),
        "REELYARD_JWT_SECRET": vault["jwt_secret"],
        "REELYARD_CALLBACK_SECRET": vault["callback_secret"],
        "REELYARD_WEBHOOK_KEY": vault["webhook_key"],
        "REELYARD_PUBLIC_URL": layout.api_url,
        "REELYARD_API_URL": layout.api_url,
        "REELYARD_FLOWER_URL": layout.flower_url,
        "REELYARD_FLOWER_AUTH": f"reelyard:{vault['flower_password']}",
        "REELYARD_SCRATCH_DIR": str(layout.home / "scratch"),
        "REELYARD_LOG_FORMAT": "json",
        "PROMETHEUS_MULTIPROC_DIR": str(layout.home / "metrics"),
        "PYTHONUNBUFFERED": "1",
    }
    direct = {"NO_PROXY": ",".join(filter(None, (given.get("NO_PROXY", ""), LOOPBACK, "localhost")))}
    return {**ours, **given, **direct, **services, "REELYARD_HOME": str(layout.home)}


def worker_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the workers: the API's without the database and the tokens' secret."""
    return {name: value for name, value in environ.items() if name not in _API_ONLY}


def build_children(layout: Layout, environ: Mapping[str, str], *, flower_password: str) -> list[Child]:
    """Return every process in the order of starting."""
    python, worker = sys.executable, worker_environ(environ)
    gunicorn = [python, "-m", "gunicorn", "-c", "python:api.gunicorn", "-b", f"{LOOPBACK}:{layout.port}"]
    flower_environ = {**worker, "FLOWER_BASIC_AUTH": f"reelyard:{flower_password}"}
    return [
        _child(layout, "api", [*gunicorn, "api.wsgi:app"], environ),
        _child(layout, "engine", [python, "-m", "api.control.engine"], environ),
        _worker(layout, "control", "api.control.worker", environ, _control_options(layout)),
        _worker(layout, "cpu", "tasks.worker", worker, ["-Q", CPU_QUEUES, "-c", str(min(2, os.cpu_count() or 1))]),
        _worker(layout, "render", "render_node.worker", worker, ["-Q", "render", "-c", "1"]),
        _child(layout, "flower", _flower_command(layout), flower_environ),
    ]


def _control_options(layout: Layout) -> list[str]:
    return ["-Q", "control", "-c", "1", "-B", "-s", str(layout.home / "beat-schedule")]


def _flower_command(layout: Layout) -> list[str]:
    listen = [f"--address={LOOPBACK}", f"--port={layout.flower_port}", "--url_prefix=flower"]
    # Queues and slots are the farm's to change: what Flower did would be undone at the next beat, unseen by the audit
    return [sys.executable, "-m", "celery", "-A", "tasks.cpu_app", "flower", *listen, "--read_only=True"]


def _worker(layout: Layout, role: str, app: str, environ: Mapping[str, str], options: list[str]) -> Child:
    command = [sys.executable, "-m", "celery", "-A", app, "worker", "-n", layout.node_name(role), *options]
    command += ["--without-gossip", "--without-mingle", "--loglevel=INFO"]
    # A cold stop: the lease of what it was doing ends soon, and the work is done again when the system is next up.
    # When we die, so does its broker, and an orderly stop would wait for that; its children end with it.
    signals = {"stop_signal": signal.SIGQUIT, "death_signal": signal.SIGKILL}
    return _child(layout, role, command, environ, **signals)


def _child(
    layout: Layout,
    name: str,
    command: list[str],
    environ: Mapping[str, str],
    *,
    stop_signal: signal.Signals = signal.SIGTERM,
    death_signal: signal.Signals = signal.SIGTERM,
) -> Child:
    return Child(
        name,
        command,
        environ,
        layout.home / "logs" / f"{name}.log",
        cwd=Path(__file__).parents[1],
        stop_signal=stop_signal,
        death_signal=death_signal,
    )
