"""Killing trees of processes that change while they are looked at."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tasks.children import kill_tree


def start_with_child() -> tuple[subprocess.Popen[bytes], int]:
    """A process with one child of its own; return both."""
    code = "import subprocess, sys; c = subprocess.Popen(['sleep', '60']); print(c.pid, flush=True); c.wait()"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    return process, int(process.stdout.readline())


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_that_ends_while_it_is_looked_at_does_not_save_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    process, child = start_with_child()
    glob = Path.glob

    def ends_meanwhile(self: Path, pattern: str) -> object:
        if self == Path(f"/proc/{child}/task"):
            raise FileNotFoundError(self)
        return glob(self, pattern)

    monkeypatch.setattr(Path, "glob", ends_meanwhile)

    kill_tree(process.pid)

    process.communicate()
    deadline = time.monotonic() + 10
    while not is_gone(child):
        assert time.monotonic() < deadline
        time.sleep(0.02)
