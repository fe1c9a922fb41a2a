"""Supervision: restart with back-off, orderly stop, no orphan."""

from __future__ import annotations

import signal
import time
from pathlib import Path

from cli.services.process import Child
from cli.supervisor import Supervisor


def make_child(tmp_path: Path, script: str, name: str = "child", **options: object) -> Child:
    return Child(name, ["/bin/sh", "-c", script], {"PATH": "/usr/bin:/bin"}, tmp_path / f"{name}.log", **options)  # type: ignore[arg-type]


def wait_for_end(child: Child) -> None:
    assert child.process is not None
    child.process.wait(5)


def test_a_child_that_dies_is_started_again_after_a_growing_pause(tmp_path: Path) -> None:
    told: list[str] = []
    supervisor = Supervisor(told.append)
    child = make_child(tmp_path, "exit 3")
    supervisor.start(child)
    wait_for_end(child)

    now = time.monotonic()
    supervisor.tend(now)
    assert told == [f"child ended with 3; again in 1 s (log: {child.log})"]
    supervisor.tend(now + 0.9)
    assert supervisor.restarts() == {"child": 0}
    supervisor.tend(now + 1.0)
    assert supervisor.restarts() == {"child": 1}

    wait_for_end(child)
    supervisor.tend(now + 1.1)
    assert told[1] == f"child ended with 3; again in 2 s (log: {child.log})"
    supervisor.stop()


def test_a_child_that_ran_long_is_started_again_at_once(tmp_path: Path) -> None:
    told: list[str] = []
    supervisor = Supervisor(told.append)
    child = make_child(tmp_path, "exit 0")
    supervisor.start(child)
    wait_for_end(child)

    supervisor.tend(time.monotonic() + 61)

    assert told == [f"child ended with 0; again in 0 s (log: {child.log})"]
    supervisor.stop()


def test_stopping_asks_first_and_kills_what_does_not_listen(tmp_path: Path) -> None:
    supervisor = Supervisor(lambda _: None)
    polite = make_child(tmp_path, "trap 'echo bye; exit 0' TERM; while :; do sleep 0.05; done", "polite")
    deaf = make_child(tmp_path, "trap '' TERM; while :; do sleep 0.05; done", "deaf")
    for child in (polite, deaf):
        supervisor.start(child)
    time.sleep(0.3)

    supervisor.stop(patience_s=1)

    assert polite.process is not None and deaf.process is not None
    assert polite.process.returncode == 0
    assert polite.log_tail() == "bye"
    assert deaf.process.returncode == -signal.SIGKILL


def test_killing_takes_the_grandchildren_along(tmp_path: Path) -> None:
    child = make_child(tmp_path, "sleep 600 & echo $!; wait")
    child.start()
    deadline = time.monotonic() + 5
    while not child.log_tail().strip() and time.monotonic() < deadline:
        time.sleep(0.02)
    grandchild = Path(f"/proc/{child.log_tail().strip()}/status")
    assert grandchild.exists()

    child.kill()

    deadline = time.monotonic() + 5
    while grandchild.exists() and "zombie" not in grandchild.read_text() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not grandchild.exists() or "zombie" in grandchild.read_text()
