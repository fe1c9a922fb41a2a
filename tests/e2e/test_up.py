"""``reelyard up`` as a person uses it: start, look, kill a part, log in, stop, start again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.client import ApiClient
from cli.services.process import is_alive
from cli.system import find_running
from tests.e2e.conftest import GIVEN_ELSEWHERE
from tests.e2e.stack import command_of, descendants

ENVIRON = {name: value for name, value in os.environ.items() if name not in GIVEN_ELSEWHERE}


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="reelyard-up-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def reelyard(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli.main", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=ENVIRON, input=given, timeout=120)


def wait_until(condition: object, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:  # type: ignore[operator]
        time.sleep(0.1)
    return bool(condition())  # type: ignore[operator]


def test_up_restarts_what_dies_and_stops_without_a_trace(home: Path) -> None:
    started = reelyard("up", "--detach", "--home", str(home))
    assert started.returncode == 0, started.stderr
    assert "Reelyard is ready." in started.stdout
    record = find_running(home)
    assert record is not None

    try:
        again = reelyard("up", "--home", str(home))
        assert again.returncode == 1
        assert again.stderr.splitlines()[-1].startswith("home.in_use: ")

        created = reelyard("user", "create", "ada@example.com", "--json", "--home", str(home))
        password = json.loads(created.stdout)["password"]
        with ApiClient(record["api_url"]) as client:
            client.login("ada@example.com", password)
            assert client.call("GET", "/auth/me")["email"] == "ada@example.com"

        tree = descendants(record["pid"])
        flower = next(pid for pid in tree if " flower " in command_of(pid))
        os.kill(flower, signal.SIGKILL)
        log = home / "up.log"
        assert wait_until(lambda: "flower ended with -9; again in 1 s" in log.read_text(), 10)
        assert wait_until(
            lambda: any(" flower " in command_of(pid) for pid in descendants(record["pid"]) if pid != flower), 10
        )
        tree = [record["pid"], *descendants(record["pid"])]
    finally:
        asked_at = time.monotonic()
        stopped = reelyard("up", "--stop", "--home", str(home))
    took_s = time.monotonic() - asked_at

    assert stopped.returncode == 0, stopped.stderr
    assert took_s < 15
    assert [command_of(pid) for pid in tree if is_alive(pid)] == []
    assert find_running(home) is None


def test_nothing_outlives_a_killed_supervisor(home: Path) -> None:
    assert reelyard("up", "--detach", "--home", str(home)).returncode == 0
    record = find_running(home)
    assert record is not None
    tree = descendants(record["pid"])
    assert len(tree) > 10

    os.kill(record["pid"], signal.SIGKILL)

    assert wait_until(lambda: not any(is_alive(pid) for pid in tree), 15), [
        command_of(pid) for pid in tree if is_alive(pid)
    ]
