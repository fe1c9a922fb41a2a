"""How far a video is in all: 0 to 80 while its clips are made, 80, 90, 95 and 100 while they become a film. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.workflows.captions import CHUNK
from tasks.workflows.videos import CAPTION, COMPOSE, MAKE

CLIPS_THERE, JOINED, DRAWN, DONE = 80.0, 90.0, 95.0, 100.0
_NEARLY = 0.9
"""From here on a film whose words are drawn is only stored."""


@dataclass(frozen=True)
class Part:
    """One step: its name, state and the share of it that is done."""

    name: str
    state: str
    fraction: float

    @property
    def done(self) -> float:
        """Share that is done."""
        return 1.0 if self.state == "succeeded" else self.fraction


@dataclass(frozen=True)
class Standing:
    """Where a video stands: ``stage`` is ``stills clips compose captions ready`` or ``finalized``."""

    percent: float
    stage: str
    clips_made: int
    clips_total: int


def stand(parts: Sequence[Part], *, made: int, total: int, purpose: str, state: str) -> Standing:
    """Tell where a video stands.

    :param parts: steps of its newest job, none where that has ended. :param made: clips that are as they are wanted.
    """
    if state in ("ready", "finalized"):
        return Standing(DONE, state, made, total)
    clips = [part for part in parts if part.name == MAKE]
    if purpose == "stills":
        return Standing(0.0, "stills", 0, total)
    under_way = sum(part.fraction for part in clips if part.state != "succeeded")
    joining = next((part for part in parts if part.name == COMPOSE), None)
    if made < total or joining is None:
        percent = CLIPS_THERE * min(1.0, (made + under_way) / max(1, total))
        return Standing(round(percent, 1), "clips", made, total)
    words = [part.done for part in parts if part.name in (CHUNK, CAPTION)]
    if joining.state != "succeeded":
        return Standing(round(CLIPS_THERE + (JOINED - CLIPS_THERE) * joining.fraction, 1), "compose", made, total)
    if not words:
        return Standing(DRAWN, "compose", made, total)
    share = min(1.0, sum(words) / len(words) / _NEARLY)
    return Standing(round(JOINED + (DRAWN - JOINED) * share, 1), "captions", made, total)
