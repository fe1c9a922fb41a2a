"""Shows that a process does its work, and asks whether one does: ``python -m tasks.alive`` (ring 1).

A process writes the time into a file where its work is proven and nowhere else: a worker when its consuming connection
has answered, or while it waits for a broker that is away; an engine while none of its loops hangs. What renders for
hours does so beside that, so it is alive. Compose and Kubernetes ask every half minute, so only the standard library is
imported here.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

VARIABLE = "REELYARD_ALIVE_FILE"
EVERY_S = 2.0
WITHIN_S = 90.0
"""How old the last sign of life may be: a busy host lets an event loop wait, but not so long."""
_log = logging.getLogger(__name__)


class Pulse:
    """Writes signs of life; with no path, nothing.

    :param path: a file that whoever asks can read, in a folder that exists. The host's running time is written to it:
        every process of the host reads that alike, and no change of its clock moves it.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path) if path else None
        self._lock = threading.Lock()
        self._next_at = 0.0

    def beat(self) -> None:
        """Show that the process lives, at most once in two seconds."""
        now = time.monotonic()
        with self._lock:
            if self._path is None or now < self._next_at:
                return
            self._next_at = now + EVERY_S
            try:
                fresh = self._path.with_name(f"{self._path.name}.new")
                fresh.write_text(f"{now:.1f}")
                fresh.replace(self._path)
            except OSError as error:  # it works all the same; who asks will say that it cannot be seen
                _log.warning("sign of life not written", extra={"path": str(self._path), "error": str(error)})
                self._next_at = now + 30 * EVERY_S


def pulse_from(environ: Mapping[str, str]) -> Pulse:
    """Return the pulse that an environment names."""
    return Pulse(environ.get(VARIABLE, ""))


def find_problem(path: str, *, within_s: float) -> str:
    """Say why the process that writes to a path does not count as alive; empty when it does."""
    if not path:
        return f"{VARIABLE} is not set"
    try:
        age_s = time.monotonic() - float(Path(path).read_text())
    except FileNotFoundError:
        return "no sign of life yet"
    except (OSError, ValueError) as error:
        return f"{path} cannot be read: {error}"
    if age_s < -1.0:
        return "the last sign of life is of another run of this host"
    return "" if age_s <= within_s else f"the last sign of life is {age_s:.0f} s old"


def main(arguments: list[str] | None = None) -> int:
    """Return 0 when the process lives, else say why not and return 1."""
    parser = argparse.ArgumentParser(prog="python -m tasks.alive", description="Tell whether the process here works.")
    parser.add_argument(
        "--within", type=float, default=WITHIN_S, metavar="SECONDS", help="greatest age of a sign of life"
    )
    chosen = parser.parse_args(arguments)
    problem = find_problem(os.environ.get(VARIABLE, ""), within_s=chosen.within)
    sys.stdout.write(f"{problem or 'alive'}\n")
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(main())
