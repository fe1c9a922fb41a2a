"""CPU work on a host whose GPU renders: it may have the cores that are left, and gives way (ring 1).

Slots of a worker that uses no GPU run there at a lower priority of the system: while a render wants a core it gets
it, and when none does the others have them all. What they start (decoders, sandboxes) inherits that.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

NICE = 10
"""On Linux a process ten steps lower has about a tenth of the weight of one that is not (kernel/sched/core.c)."""


def give_way(wanted: int, *, uses_gpu: bool, gpus: Callable[[], Sequence[Any]]) -> int:
    """Have this process step back, and return its niceness; one that is lower already stays there.

    :param wanted: 0 to 19; -1 for NICE beside a GPU that is not used here, and nothing elsewhere.
    :param gpus: reads the host's GPUs.
    """
    step = wanted if wanted >= 0 else NICE * bool(not uses_gpu and gpus())
    present = os.nice(0)
    return os.nice(step - present) if step > present else present
