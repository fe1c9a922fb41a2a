"""A parsed scenario: every style and animation resolved, nothing left to look up (ring 0)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class SceneWord:
    """One word with the whole style it is drawn in. Times are seconds."""

    id: str
    text: str
    start: float
    end: float
    style: dict[str, Any]
    pointer: str


@dataclass(frozen=True)
class SceneCue:
    """Words that are on screen together in [start, end)."""

    id: str
    start: float
    end: float
    style: dict[str, Any]
    animation: dict[str, Any]
    words: tuple[SceneWord, ...]


@dataclass(frozen=True)
class Scenario:
    """A scenario ready to be drawn; ``cues`` are in drawing order, tracks one over the other."""

    width: int
    height: int
    seed: int
    cues: tuple[SceneCue, ...]
    document: dict[str, Any]

    def to_stage(self) -> dict[str, Any]:
        """Return what the stage module draws: plain JSON."""
        return {
            "width": self.width,
            "height": self.height,
            "seed": self.seed,
            "cues": [
                {
                    "start": cue.start,
                    "end": cue.end,
                    "style": cue.style,
                    "animation": cue.animation,
                    "words": [{"text": w.text, "start": w.start, "end": w.end, "style": w.style} for w in cue.words],
                }
                for cue in self.cues
            ],
        }


def shown_text(word: SceneWord) -> str:
    """Return the text as its style shows it."""
    transform = word.style["textTransform"]
    if transform == "uppercase":
        return word.text.upper()
    return word.text.lower() if transform == "lowercase" else word.text
