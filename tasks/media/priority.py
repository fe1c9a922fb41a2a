"""Keeping encoders from taking the machine for themselves."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


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
