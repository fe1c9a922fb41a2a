"""Keeping encoders from taking the machine for themselves."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any


def ordinary_start() -> dict[str, Any]:
    """Return what ``os.posix_spawn`` is told so that a program starts in ordinary time.

    Nothing where this thread is ordinary: walls may forbid the call even then, and macOS has none.
    """
    with suppress(AttributeError, PermissionError):
        if os.sched_getscheduler(0) in (os.SCHED_FIFO, os.SCHED_RR):
            return {"scheduler": (os.SCHED_OTHER, os.sched_param(0))}
    return {}


@contextmanager
def ordinary_priority() -> Iterator[None]:
    """Give every thread of this process ordinary scheduling again after the block.

    SVT-AV1, when it runs as root, puts the thread that opens it and all threads it starts into real-time scheduling
    (SCHED_FIFO, priority 99) and leaves them there: nothing else on the host would get a turn, nor would any process
    started from here.
    """
    try:
        yield
    finally:
        for thread in Path("/proc/self/task").iterdir() if hasattr(os, "sched_setscheduler") else ():
            with suppress(OSError):  # it may have ended meanwhile
                if os.sched_getscheduler(int(thread.name)) != os.SCHED_OTHER:
                    os.sched_setscheduler(int(thread.name), os.SCHED_OTHER, os.sched_param(0))
