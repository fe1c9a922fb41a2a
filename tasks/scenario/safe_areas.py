"""Where platforms leave room for captions: dated data, since their interfaces move (ring 0)."""

from __future__ import annotations

import copy
import difflib
from dataclasses import dataclass
from typing import Any

from tasks.errors import InvalidInputError
from tasks.scenario.data import load

USUAL = "tv"
"""What captions are held against when nothing is named: title safe, which any screen shows."""


@dataclass(frozen=True)
class SafeArea:
    """The part of a picture that nothing covers; margins are fractions of width and height."""

    name: str
    aspect: tuple[int, int]
    top: float
    right: float
    bottom: float
    left: float
    as_of: str

    def within(self, width: int, height: int) -> tuple[float, float, float, float]:
        """Return left, top, right and bottom in pixels of a picture of this size."""
        return self.left * width, self.top * height, (1 - self.right) * width, (1 - self.bottom) * height


def safe_areas() -> list[dict[str, Any]]:
    """Return every profile with its date and sources."""
    return copy.deepcopy(load("safe_areas"))


def find_safe_area(name: str) -> SafeArea:
    """Return a profile by name; raise ``scenario.unknown_safe_area``."""
    known = {entry["name"]: entry for entry in load("safe_areas")}
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        details = {"known": sorted(known)}
        raise InvalidInputError("scenario.unknown_safe_area", f"There is no safe area {name}{hint}", details)
    entry = known[name]
    sides = {side: float(entry[side]) for side in ("top", "right", "bottom", "left")}
    return SafeArea(name, (entry["aspect"][0], entry["aspect"][1]), as_of=entry["as_of"], **sides)
