"""Starting ``reelyard up`` as a process of its own and stopping it again."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from cli.services.process import Child, is_alive
from cli.system import find_running
from tasks.errors import ConfigurationError

STOP_S = 30.0


def launch(home: Path, *, port: int | None = None, outlives_us: bool) -> Child:
    """Start ``reelyard up`` for ``home``; :func:`wait_until_ready` waits for it.

    :param outlives_us: keep it running when our process ends.
    """
    if find_running(home):
        raise ConfigurationError("home.in_use", f"A system runs in {home} already")
    home.mkdir(parents=True, exist_ok=True)
    log = home / "up.log"
    log.unlink(missing_ok=True)
    command = [sys.executable, "-m", "cli.main", "up", "--home", str(home), *(["--port", str(port)] if port else [])]
    root = Path(__file__).parents[1]
    death = signal.SIGTERM if not outlives_us else None
    child = Child("up", command, os.environ, log, cwd=root, death_signal=death, stop_s=STOP_S)
    child.start()
    return child


def wait_until_ready(child: Child, home: Path) -> dict[str, Any]:
    """Return the record of the system once it answers; raise ``system.not_ready`` when it ends instead."""
    while child.is_running():
        record = find_running(home)
        if record:
            return record
        time.sleep(0.3)
    raise ConfigurationError(
        "system.not_ready", f"The system did not start; its log is {child.log}:\n{child.log_tail()}"
    )


def stop_running(home: Path) -> bool:
    """Stop the system that runs in ``home`` and wait for its end; return whether there was one."""
    record = find_running(home)
    if record is None:
        return False
    pid = int(record["pid"])
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_S
    while is_alive(pid):
        if time.monotonic() > deadline:
            raise ConfigurationError("system.not_stopped", f"Process {pid} has not ended within {STOP_S:g} s")
        time.sleep(0.1)
    return True
