"""A small farm for tests: the API over HTTP, the engine's loops, a broker, real Celery workers as processes."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis
from werkzeug.serving import make_server

from api.control.rounds import build_runner
from api.extensions import db
from api.farm.models import Node
from api.farm.states import state_of
from api.jobs.publish import Publisher
from cli.services.launcher import start_services
from tests.apps import app, application, client, database_environ
from tests.engine.conftest import effect_table, owner_id, play

__all__ = ["app", "application", "client", "database_environ", "effect_table", "owner_id", "play"]

ROOT = Path(__file__).parents[2]
BEAT = {"node_beat_s": 0.5, "node_lost_s": 3.0, "quarantine_after": 3, "self_test_s": 0.5, "lease_s": 6.0}


@dataclass
class Farm:
    """Workers by name, and what the API says of them."""

    app: Any
    environ: dict[str, str]
    folder: Path
    workers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, queues: str = "ingest", *, slots: int = 2, **extra: str) -> str:
        """Start a worker and return its node's id."""
        command = [sys.executable, "-m", "celery", "-A", "tests.farm.worker_app", "worker", "-n", f"{name}@test"]
        command += ["-Q", queues, "-c", str(slots), "--without-gossip", "--without-mingle", "--loglevel=INFO"]
        environ = {**self.environ, "TEST_NODE": name, **extra}
        with (self.folder / f"{name}.log").open("ab") as log:
            self.workers[name] = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=log, stderr=log)
        return f"{name}@test"

    def stop(self, name: str, number: int = signal.SIGTERM, *, timeout_s: float = 20.0) -> int:
        """Signal a worker and wait for its end."""
        process = self.workers.pop(name)
        process.send_signal(number)
        return process.wait(timeout_s)

    def kill_all(self) -> None:
        """End every worker at once."""
        for process in self.workers.values():
            process.kill()
        for process in self.workers.values():
            process.wait()

    def node(self, name: str) -> Node | None:
        """Read a node anew."""
        db.session.rollback()
        return db.session.get(Node, f"{name}@test", populate_existing=True)

    def state(self, name: str) -> tuple[str, str]:
        """Return the state in which a node is shown, and why."""
        node = self.node(name)
        if node is None:
            return ("unknown", "")
        shown = state_of(node, datetime.now(UTC), lost_s=BEAT["node_lost_s"])
        return (shown.state.value, shown.reason)

    def wait_for(self, what: Callable[[], Any], expected: Any, *, timeout_s: float = 60.0) -> float:
        """Wait until something has a value, long since machines can be slow; return the seconds it took."""
        started, seen = time.monotonic(), None
        while time.monotonic() - started < timeout_s:
            seen = what()
            if seen == expected:
                return time.monotonic() - started
            time.sleep(0.05)
        logs = "\n".join(f"{path.name}: {path.read_text()[-1500:]}" for path in self.folder.glob("*.log"))
        raise AssertionError(f"{seen!r} is not {expected!r} after {timeout_s} s\n{logs}")


@pytest.fixture(scope="session")
def broker_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker of the farm's own."""
    home = tmp_path_factory.mktemp("broker")
    for folder in (home, *list(home.parents)[:2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    with start_services(home, names=("valkey",), environ={}, durable=False) as running:
        yield running.environ["REDIS_URL"]


@pytest.fixture
def quick(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Short beats and pauses."""
    monkeypatch.setitem(app.extensions, "settings", dataclasses.replace(app.extensions["settings"], **BEAT))


@pytest.fixture
def farm(play: Any, quick: None, broker_url: str, service_environ: dict[str, str], tmp_path: Path) -> Iterator[Farm]:
    """The API and the engine at work, and no worker yet."""
    app = play.app
    redis.Redis.from_url(broker_url).flushall()
    before = app.extensions.get("reelyard.publisher")
    app.extensions["reelyard.publisher"] = Publisher(broker_url)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    engine = build_runner(app)
    engine.start()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REELYARD_")}
    environ = {**kept, **service_environ, "REDIS_URL": broker_url, "TEST_BROKEN_DIR": str(tmp_path / "broken")}
    environ |= {"REELYARD_API_URL": f"http://127.0.0.1:{server.server_port}", "REELYARD_NODE_NAME": "testhost"}
    environ["REELYARD_S3_BUCKET"] = app.extensions["settings"].storage.s3_bucket
    (tmp_path / "broken").mkdir()
    farm = Farm(app, environ, tmp_path)
    yield farm
    farm.kill_all()
    engine.ask_to_stop()
    engine.join(10)
    server.shutdown()
    serving.join()
    server.server_close()
    app.extensions["reelyard.publisher"] = before or Publisher(app.extensions["settings"].redis_url)
