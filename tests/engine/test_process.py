"""The engine as a process: it carries jobs to their end while everything around it falls over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import redis
from sqlalchemy.exc import DBAPIError

from api.extensions import db
from cli.services.launcher import RunningServices, start_services
from tasks.errors import FencedError
from tasks.names import Queue
from tests.engine.broker import messages, take_message
from tests.engine.play import Play, fan_out, ingest, one_step

ROOT = Path(__file__).parents[2]


class EngineProcess:
    """``python -m api.control.engine`` in an environment."""

    def __init__(self, environ: dict[str, str], log: Path) -> None:
        self._environ = {**{k: v for k, v in os.environ.items() if not k.startswith("REELYARD_")}, **environ}
        self._log = log.open("ab")
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "api.control.engine"]
        return subprocess.Popen(command, cwd=ROOT, env=self._environ, stdout=self._log, stderr=self._log)

    def kill_and_restart(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process = self._start()

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(10)
        self._log.close()
        return code


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[RunningServices]:
    for folder in (tmp_path, *list(tmp_path.parents)[:2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    with start_services(tmp_path, names=("valkey",), environ={}, durable=False) as running:
        yield running


@pytest.fixture
def engine(
    app: Any, broker: RunningServices, database_environ: dict[str, str], tmp_path: Path
) -> Iterator[EngineProcess]:
    environ = {**database_environ, **broker.environ, "REELYARD_RING_GRACE_S": "0.2", "REELYARD_LEASE_S": "1"}
    engine = EngineProcess({**environ, "REELYARD_BEAT_S": "0.3", "REELYARD_RERING_S": "1"}, tmp_path / "engine.log")
    yield engine
    engine.stop()


class DeafWorkers:
    """Threads that take bells off the broker and work, knowing nothing of chains and chords."""

    def __init__(self, play: Play, redis_url: str, *, dies_every: int = 0) -> None:
        self._play = play
        self._redis_url = redis_url
        self._dies_every = dies_every
        self._stop = threading.Event()
        self._count = 0
        self.problems: list[Exception] = []
        self._threads = [threading.Thread(target=self._run) for _ in range(3)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with self._play.app.app_context():
                    self._work()
            except (redis.RedisError, DBAPIError, FencedError):
                time.sleep(0.1)
            except Exception as error:  # noqa: BLE001 - the test asserts that there was none
                self.problems.append(error)

    def _work(self) -> None:
        for queue in (Queue.INGEST, Queue.TRANSCRIPTION, Queue.RENDER):
            bell = take_message(self._redis_url, queue)
            if bell is None:
                continue
            claim = self._play.ask_by_id(bell["job_id"], bell["step_id"], bell["task"])
            if not claim.claimed:
                continue
            self._count += 1
            dies = self._dies_every and self._count % self._dies_every == 0 and claim.attempt == 1
            if not dies:
                self._report(claim)
            return
        time.sleep(0.05)

    def _report(self, claim: Any) -> None:
        """Report until it is taken, as workers do: a step whose report was broken off is not lost."""
        while not self._stop.is_set():
            try:
                self._play.succeed(claim)
            except DBAPIError:
                db.session.remove()
                time.sleep(0.1)
            else:
                return


def wait_for_end(play: Play, jobs: list[UUID], *, timeout_s: float = 60.0) -> list[str]:
    """Wait until all jobs have ended and return their states; a database that is away is waited for too."""
    deadline = time.monotonic() + timeout_s
    states: list[str] = []
    while time.monotonic() < deadline:
        try:
            states = [play.job(job_id).state for job_id in jobs]
        except DBAPIError:
            db.session.remove()
            states = []
        if states and set(states) <= {"succeeded", "failed", "cancelled"}:
            return states
        time.sleep(0.2)
    return states


def test_without_any_canvas_the_dispatcher_rings_every_step_to_the_end(
    play: Play, engine: EngineProcess, broker: RunningServices
) -> None:
    jobs = [play.create(ingest()), play.create(one_step()), play.create(fan_out(6))]
    workers = DeafWorkers(play, broker.environ["REDIS_URL"])

    states = wait_for_end(play, jobs)
    workers.stop()

    assert states == ["succeeded"] * 3
    assert workers.problems == []
    assert engine.stop() == 0


def test_nothing_is_lost_while_engine_broker_and_database_connections_fall_over(
    play: Play, engine: EngineProcess, broker: RunningServices
) -> None:
    jobs = [play.create(ingest() if number % 2 else fan_out(4)) for number in range(20)]
    workers = DeafWorkers(play, broker.environ["REDIS_URL"], dies_every=7)
    for number in range(3):
        time.sleep(0.7)
        engine.kill_and_restart()
        time.sleep(0.3)
        redis.Redis.from_url(broker.environ["REDIS_URL"]).flushall()
        broker.children["valkey"].stop()
        time.sleep(0.5)
        broker.start_one("valkey")
        cut_database_connections()
        jobs.append(play.create(one_step()))
        assert number < 3

    states = wait_for_end(play, jobs, timeout_s=90)
    workers.stop()

    assert states == ["succeeded"] * 23
    assert workers.problems == []
    assert all(play.effects(job_id).count("succeeded") == 1 for job_id in jobs)
    assert engine.stop() == 0


def cut_database_connections() -> None:
    """End every connection to the test's database but our own, as a restart would."""
    db.session.execute(
        db.text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
    )
    db.session.commit()


def test_sigterm_ends_the_engine_cleanly_even_while_the_broker_is_away(
    engine: EngineProcess, broker: RunningServices, play: Play
) -> None:
    play.create(one_step())
    deadline = time.monotonic() + 90
    while not messages(broker.environ["REDIS_URL"], Queue.INGEST):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    broker.children["valkey"].stop()
    time.sleep(0.5)
    started = time.monotonic()

    assert engine.stop() == 0
    assert time.monotonic() - started < 5


def test_an_engine_with_a_wrong_environment_says_so_and_does_not_start(tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "REELYARD_LEASE_SECONDS": "3"}

    result = subprocess.run(
        [sys.executable, "-m", "api.control.engine"], cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )

    assert result.returncode == 2
    assert "REELYARD_LEASE_SECONDS is unknown; did you mean REELYARD_LEASE_S?" in result.stderr
    assert "DATABASE_URL is not set" in result.stderr
