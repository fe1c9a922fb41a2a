"""What is on screen at a time: which cue, which spoken word, how far its motion has come (ring 0).

Frames whose states are equal look equal and are drawn once.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

from tasks.scenario.model import Scenario, SceneCue

PHASE_DIGITS = 4
OPAQUE = 255


@dataclass(frozen=True)
class CueState:
    """How one cue looks: ``active`` is the spoken word's index (-1: none), ``phase`` 0..1, ``opacity`` 0..255."""

    cue: int
    active: int
    phase: float
    opacity: int


def state_at(cue: SceneCue, index: int, t: float) -> CueState | None:
    """Return the state of a cue at ``t`` seconds, None while it is not on screen ([start, end))."""
    if not cue.start <= t < cue.end:
        return None
    motion = cue.animation["activeWord"]
    active = -1
    if motion["type"] != "none":
        active = max((i for i, word in enumerate(cue.words) if word.start <= t), default=-1)
    return CueState(index, active, _phase(cue, active, t), _opacity(cue, t))


def _phase(cue: SceneCue, active: int, t: float) -> float:
    motion = cue.animation["activeWord"]
    if active < 0 or motion["type"] not in ("pop", "karaoke"):
        return 0.0
    word = cue.words[active]
    length = motion["durationMs"] / 1000 if motion["type"] == "pop" else word.end - word.start
    return round(_fraction(t - word.start, length), PHASE_DIGITS)


def _opacity(cue: SceneCue, t: float) -> int:
    enter, leave = cue.animation["enter"], cue.animation["exit"]
    share = 1.0
    if enter["type"] == "fade":
        share = min(share, _fraction(t - cue.start, enter["durationMs"] / 1000))
    if leave["type"] == "fade":
        share = min(share, _fraction(cue.end - t, leave["durationMs"] / 1000))
    return round(share * OPAQUE)


def _fraction(elapsed: float, length: float) -> float:
    return 1.0 if length <= 0 else max(0.0, min(1.0, elapsed / length))


class Timeline:
    """Answers, in any order, what a scenario shows at a time."""

    def __init__(self, scenario: Scenario) -> None:
        self._cues = scenario.cues
        self._by_second: dict[int, list[int]] = defaultdict(list)
        for index, cue in enumerate(scenario.cues):
            for second in range(math.floor(cue.start), math.floor(cue.end) + 1):
                self._by_second[second].append(index)

    def at(self, t: float) -> tuple[CueState, ...]:
        """Return the states on screen at ``t`` seconds, in drawing order; fully transparent ones are left out."""
        found = (state_at(self._cues[index], index, t) for index in self._by_second.get(math.floor(t), ()))
        return tuple(state for state in found if state is not None and state.opacity > 0)
