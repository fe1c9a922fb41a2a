"""Change the API's processes for new ones with nobody waiting: ``python -m api.reload PID`` of the gunicorn master.

Gunicorn's own reload (SIGHUP) stops the old processes while the new ones still load, and then nobody answers for as
long as that takes. This has new ones made beside the old (SIGTTIN), waits until they are ready, and then has gunicorn
stop the old ones (SIGTTOU), which it does from the oldest on. New processes load the code that is there now, and have
the environment that gunicorn was started with: settings change with a restart only.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

READY = "reelyard-ready"
"""What a process calls itself once it answers: at most fifteen letters, as Linux keeps them."""
LOOK_S = 0.2
PATIENCE_S = 180.0


def say_ready() -> None:
    """Have this process tell, in a place that anybody on the host may read, that it answers from now on."""
    Path("/proc/self/comm").write_text(READY)


def reload(master: int, *, patience_s: float = PATIENCE_S) -> int:
    """Change all processes of a master; return how many.

    Raises TimeoutError when the new ones do not become ready; then they are stopped, and the old ones go on.
    """
    old = children_of(master)
    count, deadline = len(old), time.monotonic() + patience_s
    try:
        for number in range(1, count + 1):
            os.kill(master, signal.SIGTTIN)
            _wait(lambda number=number: len(children_of(master) - old) >= number, deadline)  # type: ignore[misc]
        _wait(lambda: sum(is_ready(pid) for pid in children_of(master) - old) >= count, deadline)
    except TimeoutError:
        for pid in children_of(master) - old:
            os.kill(pid, signal.SIGKILL)
        _shrink(master, count)
        raise
    _shrink(master, count)
    _wait(lambda: not children_of(master) & old, time.monotonic() + patience_s)
    return count


def children_of(master: int) -> set[int]:
    """Return the processes that a master has now."""
    return {int(pid) for pid in Path(f"/proc/{master}/task/{master}/children").read_text().split()}


def is_ready(pid: int) -> bool:
    """Tell whether a process has said that it answers."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() == READY
    except OSError:
        return False


def _shrink(master: int, count: int) -> None:
    for _ in range(count):
        os.kill(master, signal.SIGTTOU)
        time.sleep(LOOK_S)  # gunicorn forgets signals that come faster than it takes them


def _wait(done: Callable[[], bool], deadline: float) -> None:
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError("The new processes of the API did not become ready; the old ones go on")
        time.sleep(LOOK_S)


def main() -> int:
    """Reload the master whose process id is given; return the exit code."""
    if len(sys.argv) != 2 or not sys.argv[1].isdigit():
        sys.stderr.write("usage: python -m api.reload PID   (of the gunicorn master)\n")
        return 2
    try:
        count = reload(int(sys.argv[1]))
    except (OSError, TimeoutError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{count} processes changed\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
