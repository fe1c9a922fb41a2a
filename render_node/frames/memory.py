"""How much memory a browser takes, with all its helpers, and an end to it when that is too much."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")
MEMORY_LIMIT = 3 << 30
"""Bytes; far above what captions take, below what a node can spare."""


class MemoryGuard:
    """Looks at a process group from a thread and kills it when it takes more than it may.

    An address space limit does not suit Chromium, which reserves terabytes; what counts is memory really used, each
    page shared between processes counted once (PSS).
    """

    LOOK_S = 2.0

    def __init__(self, pid: int, limit: int = MEMORY_LIMIT) -> None:
        self.has_killed = False
        self._pid, self._limit = pid, limit
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="browser-memory", daemon=True)

    def __enter__(self) -> MemoryGuard:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self.LOOK_S):
            # The sum of resident sets counts shared pages often, so it is never less, and costs a quarter to find out.
            if resident(self._pid) > self._limit and memory_of(self._pid) > self._limit:
                self.has_killed = True
                with suppress(ProcessLookupError):
                    os.killpg(self._pid, signal.SIGKILL)
                return


def memory_of(pid: int) -> int:
    """Return the bytes that a process and all processes below it really use; 0 when it has ended."""
    return sum(map(_own_memory, tree_of(pid)))


def resident(pid: int) -> int:
    """Return the resident bytes of a process and all below it, pages that they share counted for each."""
    return sum(map(_own_resident, tree_of(pid)))


def _own_resident(pid: int) -> int:
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    return 0


def tree_of(pid: int) -> Iterator[int]:
    """Yield a process and all below it."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in children.read_text().split():
                yield from tree_of(int(child))


def _own_memory(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
