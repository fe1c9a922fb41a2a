"""What the stage says is to be drawn for frames, read into plain types.

The stage plans (``stage.js``, ``Stage.plan``): a caption at rest is one tile, what a spoken word changes is another one
in that word's region, a sweep is two tiles and a column. Parts of a layer are laid over each other in order, each
replacing what is below it, so the sum equals the whole picture drawn at once.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Rect:
    """A region of the output in pixels; all four numbers are even, so that it has whole chroma samples."""

    x: int
    y: int
    width: int
    height: int

    def cover(self, other: Rect) -> Rect:
        """Return the smallest region that holds both."""
        left, top = min(self.x, other.x), min(self.y, other.y)
        right = max(self.x + self.width, other.x + other.width)
        bottom = max(self.y + self.height, other.y + other.height)
        return Rect(left, top, right - left, bottom - top)


BESIDE = 2
"""Columns left of a tile and rows above it that are drawn with it (``stage.js``): chroma is made of them too."""


@dataclass(frozen=True)
class Tile:
    """One picture to draw: ``id`` is the stage's name for its content."""

    id: int
    rect: Rect

    @property
    def drawn(self) -> Rect:
        """Return the region that is drawn: the tile's own and what lies beside it on the canvas."""
        left, above = min(self.rect.x, BESIDE), min(self.rect.y, BESIDE)
        return Rect(self.rect.x - left, self.rect.y - above, self.rect.width + left, self.rect.height + above)


@dataclass(frozen=True)
class Part:
    """A tile, or a tile with ``width`` columns from ``x`` on of another tile that has the same region."""

    tile: int
    other: int = 0
    x: int = 0
    width: int = 0

    def tiles(self) -> tuple[int, ...]:
        """Return the ids of the tiles it needs."""
        return (self.tile, self.other) if self.other else (self.tile,)


@dataclass(frozen=True)
class LayerPlan:
    """How one layer looks in a frame: its parts in order, laid over the picture at an opacity of 1..255."""

    opacity: int
    parts: tuple[Part, ...]


FramePlan = tuple[LayerPlan, ...]


@dataclass(frozen=True)
class Plan:
    """What a run of frames needs: their layers, and the tiles in order of first need."""

    frames: tuple[FramePlan, ...]
    tiles: tuple[Tile, ...]

    def uses(self) -> Counter[int]:
        """Count in how many places each tile is needed."""
        return Counter(id for frame in self.frames for id in tiles_of(frame))


def tiles_of(frame: FramePlan) -> list[int]:
    """Return the ids of the tiles that a frame needs, once for each place."""
    return [id for layer in frame for part in layer.parts for id in part.tiles()]


def read_plan(answer: dict[str, Any]) -> Plan:
    """Read the stage's answer."""
    tiles = tuple(Tile(id, Rect(x, y, width, height)) for id, x, y, width, height in answer["tiles"])
    frames = tuple(
        tuple(LayerPlan(opacity, tuple(map(_part, parts))) for opacity, *parts in frame) for frame in answer["frames"]
    )
    return Plan(frames, tiles)


def _part(entry: Any) -> Part:
    return Part(entry) if isinstance(entry, int) else Part(*entry)
