"""The command that tells whether a process works, and the signs of life that it reads."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from flask import Flask

from api.control import loops
from api.control.loops import Loop, LoopRunner
from tasks import alive
from tasks.alive import VARIABLE, WITHIN_S, Pulse

ROOT = Path(__file__).parents[3]


def ask(path: Path | str, *arguments: str) -> tuple[int, str]:
    """Run the command as Compose and Kubernetes do."""
    command = [sys.executable, "-m", "tasks.alive", *arguments]
    environ = {VARIABLE: str(path)} if path else {}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=30)
    assert done.stderr == ""
    return done.returncode, done.stdout.strip()


def test_a_fresh_sign_counts_and_a_stale_one_does_not(tmp_path: Path) -> None:
    path = tmp_path / "alive"
    Pulse(str(path)).beat()

    assert ask(path) == (0, "alive")
    path.write_text(f"{time.monotonic() - WITHIN_S - 5:.1f}")
    code, told = ask(path)
    assert (code, told.startswith("the last sign of life is 9"), told.endswith(" s old")) == (1, True, True)
    assert ask(path, "--within", "600") == (0, "alive")


def test_without_a_sign_or_a_place_for_it_nothing_counts(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("soon")

    assert ask(tmp_path / "alive") == (1, "no sign of life yet")
    assert ask("") == (1, f"{VARIABLE} is not set")
    code, told = ask(tmp_path / "other")
    assert (code, "cannot be read" in told) == (1, True)


def test_a_sign_from_before_the_host_started_anew_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "alive"
    path.write_text(f"{time.monotonic() + 1000:.1f}")

    assert ask(path) == (1, "the last sign of life is of another run of this host")


def test_signs_are_not_written_more_often_than_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "alive"
    pulse = Pulse(str(path))
    pulse.beat()
    first = path.stat().st_mtime_ns

    for _ in range(100):
        pulse.beat()

    assert path.stat().st_mtime_ns == first
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_ends_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Pulse("").beat()
    Pulse(str(tmp_path / "missing" / "alive")).beat()

    assert [record.message for record in caplog.records] == ["sign of life not written"]


def test_the_command_loads_the_standard_library_alone() -> None:
    ours = "{n.split('.')[0] for n in sys.modules} - sys.stdlib_module_names - {'__main__'}"
    code = f"import sys, tasks.alive; print(sorted({ours}))"
    plain = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {code}"]
    done = subprocess.run(plain, capture_output=True, text=True, check=True, timeout=30)

    assert done.stdout.strip() == "['tasks']"


def test_an_engine_shows_life_until_one_of_its_loops_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "alive"))
    monkeypatch.setattr(loops, "PATIENCE_S", 1.0)
    monkeypatch.setattr(alive, "EVERY_S", 0.0)
    hang, go_on = threading.Event(), threading.Event()

    def body() -> bool:
        return hang.is_set() and go_on.wait(60)

    def fail() -> bool:
        raise RuntimeError("as with a database that is away")

    runner = LoopRunner(Flask("test"), [Loop("a", 0.05, lambda: False), Loop("b", 0.05, body), Loop("c", 0.05, fail)])
    runner.start()
    try:
        wait_until_age(tmp_path / "alive", at_most_s=0.5)
        hang.set()
        wait_until_age(tmp_path / "alive", at_least_s=3.0)
        hang.clear()
        go_on.set()
        wait_until_age(tmp_path / "alive", at_most_s=0.5)
    finally:
        go_on.set()
        runner.ask_to_stop()
        assert runner.join(20)


def wait_until_age(path: Path, *, at_most_s: float | None = None, at_least_s: float | None = None) -> None:
    """Wait until the last sign is so young or so old."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if path.exists():
            age_s = time.monotonic() - float(path.read_text())
            if (at_most_s is not None and age_s <= at_most_s) or (at_least_s is not None and age_s >= at_least_s):
                return
        time.sleep(0.05)
    raise AssertionError(f"never so old: {at_most_s} {at_least_s}")
