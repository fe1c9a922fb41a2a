"""From laid out nodes to pieces of text with a place, a size and a turn on the stage."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tasks.scenario.motiontext.boxes import ACROSS, Box, Layout
from tasks.scenario.motiontext.metrics import Font
from tasks.scenario.motiontext.reader import Node

Json = dict[str, Any]
UPRIGHT = {"t": 0.0, "c": 0.5, "b": 1.0}
BARE_LINE = 18.0
"""Height in pixels of a line of text that has no style yet: what a node measures when it is held in the safe area."""


@dataclass(frozen=True)
class Matrix:
    """A plane transform: x' = a·x + c·y + e, y' = b·x + d·y + f."""

    a: float = 1.0
    b: float = 0.0
    c: float = 0.0
    d: float = 1.0
    e: float = 0.0
    f: float = 0.0

    def then(self, inner: Matrix) -> Matrix:
        """Return the transform that does ``inner`` first."""
        return Matrix(
            self.a * inner.a + self.c * inner.b,
            self.b * inner.a + self.d * inner.b,
            self.a * inner.c + self.c * inner.d,
            self.b * inner.c + self.d * inner.d,
            *self.at(inner.e, inner.f),
        )

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return where a point goes."""
        return self.a * x + self.c * y + self.e, self.b * x + self.d * y + self.f

    @property
    def degrees(self) -> float:
        """How far it turns, clockwise, from -180 to 180."""
        return math.degrees(math.atan2(self.b, self.a))

    @property
    def scale(self) -> float:
        """How much it enlarges: the mean of both directions."""
        return math.sqrt(abs(self.a * self.d - self.b * self.c))


def shifted(x: float, y: float) -> Matrix:
    """Return a movement."""
    return Matrix(e=x, f=y)


@dataclass(frozen=True)
class Line:
    """Words on one line; left, top and size in the owner's border box, before its transform."""

    words: tuple[str, ...]
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Piece:
    """The text of one node."""

    node: Node
    font: Font
    lines: tuple[Line, ...]
    matrix: Matrix
    owner: str
    opacity: float = 1.0


@dataclass(frozen=True)
class Panel:
    """The box of a group or a picture: x, y, width, height in its owner's border box, before the transform."""

    node: Node
    rect: tuple[float, float, float, float]
    matrix: Matrix
    owner: str
    opacity: float = 1.0


@dataclass
class Scene:
    """What is on the stage at once. ``pieces`` come in the order of their nodes."""

    pieces: list[Piece]
    panels: list[Panel]
    pictures: list[Panel]


class Placing:
    """Walks a tree of one cue and says where everything in it lies."""

    def __init__(self, layout: Layout, stage_safe: Json) -> None:
        self._layout = layout
        self._safe = stage_safe
        self.scene = Scene([], [], [])

    def place(self, node: Node, active: set[str]) -> None:
        """Add a node that lies on the stage itself."""
        width, height = self._layout.stage
        box = self._layout.build(node, active, (float(width), float(height)))
        if box.is_placed:
            self._place_absolute(box, (width, height), Matrix(), in_row=False)
            return
        self._layout.arrange(box, width, (width, height))
        if node.kind != "image":
            self._widen(box, width)
        self._walk(box, (0.0, 0.0), _Owner(node.id, Matrix(), (width, height)), 1.0)

    def _widen(self, box: Box, width: float) -> None:
        """In the page's own flow an element is as wide as the page."""
        edges = box.padding[1] + box.padding[3]
        most = box.limits.get("maxWidth", 10.0) * width if box.max_px is None else box.max_px
        target = min(width - edges, most)
        if target + edges > box.width:
            box.max_px, box.limits = target, {**box.limits, "minWidth": target / width}
            self._layout.arrange(box, width, (width, self._layout.stage[1]))

    def _place_absolute(
        self, box: Box, within: tuple[float, float], base: Matrix, *, in_row: bool, opacity: float = 1.0
    ) -> None:
        layout = box.node.layout
        x, y = self._held(box, within, in_row)
        left, top = round(x * 10000) / 10000 * within[0], round(y * 10000) / 10000 * within[1]
        self._layout.arrange(box, within[0] - left, within)
        own = transform_of(layout, box.width, box.height)
        origin = (box.width / 2, box.height / 2)
        matrix = base.then(shifted(left + origin[0], top + origin[1])).then(own).then(shifted(-origin[0], -origin[1]))
        self._walk(box, (0.0, 0.0), _Owner(box.node.id, matrix, (box.width, box.height)), opacity)

    def _held(self, box: Box, within: tuple[float, float], in_row: bool) -> tuple[float, float]:
        """Return the position, held inside the safe area where the node asks for that."""
        layout, position = box.node.layout, box.node.layout["position"]
        x, y = float(position["x"]), float(position["y"])
        if not layout.get("safeAreaClamp"):
            return x, y
        anchor, size = layout.get("anchor") or "cc", layout.get("size") or {}
        track = self._layout.track.safe_area
        safe = {side: max(self._safe.get(side, 0), track.get(side, 0)) for side in ("left", "right", "top", "bottom")}
        wide, high = size.get("width"), size.get("height")
        # a node is measured before it leaves the flow: as wide as its parent then, and a line high
        wide = wide if isinstance(wide, int | float) and wide else (0.0 if in_row else 1.0)
        high = high if isinstance(high, int | float) and high else BARE_LINE / max(1.0, within[1])
        return (
            _hold(x, ACROSS[anchor[1]], wide, safe["left"], 1 - safe["right"]),
            _hold(y, UPRIGHT[anchor[0]], high, safe["top"], 1 - safe["bottom"]),
        )

    def _walk(self, box: Box, at: tuple[float, float], owner: _Owner, opacity: float) -> None:
        """Add what an element shows; ``at`` is its corner in its owner's border box."""
        node = box.node
        rect = (*at, box.width, box.height)
        if node.kind == "text":
            self.scene.pieces.append(
                Piece(node, box.font, tuple(self._lines(box, at)), owner.matrix, owner.id, opacity)
            )
        elif node.kind != "group":
            self.scene.pictures.append(Panel(node, rect, owner.matrix, owner.id, opacity))
        else:
            opacity *= node.box.get("opacity", 1)
            self.scene.panels.append(Panel(node, rect, owner.matrix, owner.id, opacity))
            for child in box.children:
                if child.is_placed:
                    self._place_absolute(child, owner.size, owner.matrix, in_row=box.flow == "row", opacity=opacity)
                else:
                    self._walk(child, (at[0] + child.x, at[1] + child.y), owner, opacity)

    def _lines(self, box: Box, at: tuple[float, float]) -> Iterator[Line]:
        measure = self._layout.measure
        left, top, inner = box.text
        part = {"left": 0.0, "center": 0.5, "right": 1.0}.get(box.node.style.get("align", "left"), 0.0)
        for number, indexes in enumerate(box.lines):
            words = tuple(box.words[i] for i in indexes)
            width = measure.width(" ".join(words), box.font)
            x, y = at[0] + left + (inner - width) * part, at[1] + top + number * box.font.line
            yield Line(words, x, y, width, box.font.line)


@dataclass(frozen=True)
class _Owner:
    """What places refer to: the nearest placed node, else the stage."""

    id: str
    matrix: Matrix
    size: tuple[float, float]


def _hold(value: float, anchor: float, size: float, low: float, high: float) -> float:
    low, high = max(0.0, min(1.0, low)), 1 - max(0.0, min(1.0, 1 - high))
    if size > 0:
        low, high = low + (1 - anchor) * size, high - anchor * size
    return min(max(value, low), high)


def transform_of(layout: Json, width: float, height: float) -> Matrix:
    """Return what a placed node's anchor and transforms do, about its middle."""
    anchor = layout.get("anchor") or "cc"
    matrix = shifted(-ACROSS[anchor[1]] * width, -UPRIGHT[anchor[0]] * height)
    matrix = matrix.then(_one(layout.get("transform") or {}, width, height))
    override = layout.get("override") or {}
    if override.get("mode") == "absolute":
        offset = override.get("offset") or {}
        matrix = matrix.then(shifted(offset.get("x", 0) * width, offset.get("y", 0) * height))
        matrix = matrix.then(_one(override.get("transform") or {}, width, height))
    return matrix


def _one(transform: Json, width: float, height: float) -> Matrix:
    move, scale = transform.get("translate") or {}, transform.get("scale") or {}
    turn = math.radians((transform.get("rotate") or {}).get("deg", 0))
    matrix = shifted(move.get("x", 0) * width, move.get("y", 0) * height)
    matrix = matrix.then(Matrix(a=scale.get("x", 1), d=scale.get("y", 1)))
    return matrix.then(Matrix(math.cos(turn), math.sin(turn), -math.sin(turn), math.cos(turn)))
