"""How a long file is heard: its blocks by several workers side by side, whose results the transcription joins."""

from __future__ import annotations

from typing import Any

from tasks.names import TaskName
from tasks.workflows.plan import StepSpec

HEAR = "hear"
BLOCK_S = 600.0
"""Seconds in a block; workers cut where it is quiet in the last minute of each (``tasks.speech.blocks``)."""
FROM_S = 1200.0
"""Files shorter than this are heard in one go: two workers would save less than loading costs."""


def plan_hearing(
    given: dict[str, Any], *, duration_s: float, after: tuple[str, ...], from_s: float = FROM_S
) -> list[StepSpec]:
    """Return a step for each block of a long file, none for a short one.

    The last step takes what follows, so that a file longer than it says is heard to its end.
    :param given: the input of the transcription, which every part gets, too.
    """
    count = round(duration_s / BLOCK_S)
    if duration_s < from_s or count < 2:
        return []
    ranges = [{"first_block": n, "stop_block": n + 1 if n + 1 < count else None} for n in range(count)]
    return [
        StepSpec(HEAR, TaskName.SPEECH_HEAR, {**given, **blocks}, part=part, after=after)
        for part, blocks in enumerate(ranges)
    ]
