"""How wide and how high text is: what MotionText leaves to the browser has to be known here to place it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tasks.scenario.motiontext.css import ROOT_PX, read_families, read_length, read_weight

DEFAULT_FAMILY = "Inter"
TWINS = {
    "arial": ("Arimo", "Liberation Sans", "Inter", "Roboto"),
    "helvetica": ("Arimo", "Liberation Sans", "Inter", "Roboto"),
    "sans-serif": ("Inter", "Roboto", "Noto Sans"),
    "system-ui": ("Inter", "Roboto"),
    "pretendard": ("Inter",),
    "malgun gothic": ("Inter",),
    "times new roman": ("Tinos", "Liberation Serif", "Noto Serif"),
    "georgia": ("Noto Serif",),
    "serif": ("Noto Serif",),
}
"""Families that stand in for one that is not installed: first those made to its measures, then those of its kind."""
DEFAULT_PX = 2 * ROOT_PX
"""The size of text for which a document names none."""


class Ruler(Protocol):
    """Knows the installed fonts. Lengths are in multiples of the font size."""

    def families(self) -> Sequence[str]:
        """Return the families that can be drawn."""

    def weight(self, family: str, weight: int, style: str) -> int:
        """Return the nearest weight that the family has in a style."""

    def line_height(self, family: str, weight: int, style: str) -> tuple[float, float, float]:
        """Return ascent, descent and gap, which together are what CSS calls ``line-height: normal``."""

    def width(self, text: str, family: str, weight: int, style: str) -> float:
        """Return how far the text reaches."""


class RuleOfThumb:
    """Measures without looking at a font: for callers that only want to know what could be mapped.

    :param names: families that count as installed.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = (*names, DEFAULT_FAMILY)

    def families(self) -> Sequence[str]:
        """Return the families it was given."""
        return self._names

    def weight(self, family: str, weight: int, style: str) -> int:
        """Return the weight as asked."""
        return weight

    def line_height(self, family: str, weight: int, style: str) -> tuple[float, float, float]:
        """Return what is common."""
        return 0.95, 0.25, 0.0

    def width(self, text: str, family: str, weight: int, style: str) -> float:
        """Return half the size for each letter, all of it for ideographs and Hangul."""
        return sum(1.0 if ord(char) >= 0x1100 else 0.3 if char == " " else 0.55 for char in text)


@dataclass(frozen=True)
class Font:
    """The font of a node; ``size`` and ``line`` (the height of a line) are pixels."""

    family: str
    weight: int
    style: str
    size: float
    line: float


@dataclass(frozen=True)
class Measure:
    """Measures text in pixels on a stage of a height."""

    ruler: Ruler
    stage_height: int

    def font(self, style: dict[str, Any]) -> Font:
        """Return the font that a resolved style asks for."""
        size, weight = self._size(style), read_weight(style.get("fontWeight"))
        if "fontSize" not in style and "fontSizeRel" not in style and "fontWeight" not in style:
            weight = 700
        family = self.family(style)
        weight = self.ruler.weight(family, weight, "normal")
        line = style.get("lineHeight")
        parts = self.ruler.line_height(family, weight, "normal")
        height = size * line if line else float(sum(round(part * size) for part in parts))
        return Font(family, weight, "normal", size, height)

    def _size(self, style: dict[str, Any]) -> float:
        given = read_length(style["fontSize"], em=ROOT_PX) if style.get("fontSize") else None
        if given:
            return given
        share = style.get("fontSizeRel")
        return float(max(1, int(self.stage_height * share + 0.5))) if share else DEFAULT_PX

    def family(self, style: dict[str, Any]) -> str:
        """Return the first family of a list that can be drawn, else one that stands in for it."""
        known = {name.lower(): name for name in self.ruler.families()}
        wanted = read_families(style.get("fontFamily"))
        for name in wanted:
            if name.lower() in known:
                return known[name.lower()]
        for name in [*wanted, "sans-serif"]:
            for twin in TWINS.get(name.lower(), ()):
                if twin.lower() in known:
                    return twin
        return next(iter(known.values()))

    def width(self, text: str, font: Font) -> float:
        """Return the width of a piece of text."""
        return self.ruler.width(text, font.family, font.weight, font.style) * font.size

    def break_lines(self, words: list[str], font: Font, available: float) -> list[list[int]]:
        """Return the indexes of the words on each line; a line takes as many words as fit, at least one."""
        space = self.width(" ", font)
        lines: list[list[int]] = []
        used = 0.0
        for index, word in enumerate(words):
            width = self.width(word, font)
            if lines and used + space + width <= available + 0.01:
                lines[-1].append(index)
                used += space + width
            else:
                lines.append([index])
                used = width
        return lines
