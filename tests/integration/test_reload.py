"""The API's processes change without a moment in which nobody answers."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from api.reload import children_of, is_ready, reload
from cli.services.ports import pick_ports

ROOT = Path(__file__).parents[2]


@pytest.fixture
def master() -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A gunicorn with our settings, and where it answers."""
    port = pick_ports(("api",), wanted={}, saved={})["api"]
    bind = f"127.0.0.1:{port}"
    command = [sys.executable, "-m", "gunicorn", "-c", "python:api.gunicorn", "-b", bind]
    environ = {**os.environ, "GUNICORN_WORKERS": "2", "GUNICORN_THREADS": "4"}
    with subprocess.Popen([*command, "tests.integration.slow_api:app"], cwd=ROOT, env=environ) as process:
        deadline = time.monotonic() + 60
        while sum(map(is_ready, children_of(process.pid))) < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
        yield process, f"http://{bind}/"
        process.terminate()
        assert process.wait(30) == 0


def test_a_reload_changes_every_process_and_old_ones_answer_until_new_ones_do(
    master: tuple[subprocess.Popen[bytes], str],
) -> None:
    process, url = master
    before, answered, ending = children_of(process.pid), [], threading.Event()

    def ask() -> None:
        while not ending.is_set():
            answer = httpx.get(url, timeout=30, trust_env=False)
            answered.append((int(answer.text), sum(map(is_ready, children_of(process.pid)))))

    thread = threading.Thread(target=ask)
    thread.start()
    assert reload(process.pid) == 2
    ending.set()
    thread.join()

    after = children_of(process.pid)
    assert len(before) == len(after) == 2
    assert not before & after
    assert {pid for pid, _ in answered} <= before | after
    assert min(ready for _, ready in answered) >= 2, "at some moment fewer could answer than should"


def test_what_is_no_process_id_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    done = subprocess.run([sys.executable, "-m", "api.reload", "now"], cwd=ROOT, check=False)
    assert done.returncode == 2
    assert "usage" in capfd.readouterr().err
