"""A parsed scenario: every style and motion resolved, nothing left to look up (ring 0)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tasks.scenario.text import direction_of


@dataclass(frozen=True)
class SceneWord:
    """One word with the whole style it is drawn in. Times are seconds.

    :param active: its own motion while spoken, when it differs from its cue's.
    :param join: how it follows the word before: ``space``, ``break`` (no space, a line may begin), ``none``.
    :param splittable: whether its letters may move apart (scripts whose letters join may not).
    :param fonts: families that draw it, in order; empty where the style's own draws all.
    :param breaks: whether it begins a new line, :param room: pixels before it beyond the space between words.
    """

    id: str
    text: str
    start: float
    end: float
    style: dict[str, Any]
    pointer: str
    active: dict[str, Any] | None = None
    emoji: str = ""
    join: str = "space"
    splittable: bool = True
    fonts: tuple[str, ...] = ()
    breaks: bool = False
    room: float = 0.0

    def to_stage(self) -> dict[str, Any]:
        """Return what the stage draws."""
        return {
            "text": shown_text(self),
            "start": self.start,
            "end": self.end,
            "style": self.style,
            "active": self.active,
            "emoji": self.emoji,
            "join": self.join,
            "splittable": self.splittable,
            "direction": direction_of(self.text),
            "fonts": list(self.fonts) or [self.style["fontFamily"]],
            "breaks": self.breaks,
            "room": self.room,
        }


@dataclass(frozen=True)
class SceneCue:
    """Words that are on screen together in [start, end)."""

    id: str
    start: float
    end: float
    style: dict[str, Any]
    animation: dict[str, Any]
    words: tuple[SceneWord, ...]
    speaker: str = ""
    pointer: str = ""
    language: str | None = None

    def to_stage(self) -> dict[str, Any]:
        """Return what the stage draws."""
        return {
            "kind": "cue",
            "start": self.start,
            "end": self.end,
            "style": self.style,
            "animation": self.animation,
            "words": [word.to_stage() for word in self.words],
        }


@dataclass(frozen=True)
class SceneLayer:
    """A picture (``kind`` image) or a progress bar, on screen in [start, end); ``values``: the schema's, complete."""

    id: str
    kind: str
    start: float
    end: float
    values: dict[str, Any]
    pointer: str = ""

    def to_stage(self) -> dict[str, Any]:
        """Return what the stage draws."""
        return {**self.values, "kind": self.kind, "start": self.start, "end": self.end}


@dataclass(frozen=True)
class Scenario:
    """A scenario ready to be drawn; ``layers`` are in drawing order, tracks one over the other."""

    width: int
    height: int
    seed: int
    layers: tuple[SceneCue | SceneLayer, ...]
    document: dict[str, Any]

    @property
    def cues(self) -> tuple[SceneCue, ...]:
        """Every caption, in drawing order."""
        return tuple(layer for layer in self.layers if isinstance(layer, SceneCue))

    @property
    def images(self) -> dict[str, str]:
        """The pictures that are shown: name -> source."""
        pictures = (layer for layer in self.layers if isinstance(layer, SceneLayer) and layer.kind == "image")
        shown = {layer.values["image"] for layer in pictures}
        return {name: entry["source"] for name, entry in self.document.get("images", {}).items() if name in shown}

    def to_stage(self) -> dict[str, Any]:
        """Return what the stage module draws: plain JSON."""
        return {
            "width": self.width,
            "height": self.height,
            "seed": self.seed,
            "layers": [layer.to_stage() for layer in self.layers],
        }


def shown_text(word: SceneWord) -> str:
    """Return the text as its style shows it."""
    transform = word.style["textTransform"]
    if transform == "uppercase":
        return word.text.upper()
    if transform == "capitalize":
        return word.text[:1].upper() + word.text[1:]
    return word.text.lower() if transform == "lowercase" else word.text
