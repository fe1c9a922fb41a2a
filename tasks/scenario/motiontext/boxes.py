"""Sizes of nodes and places of their children, as a browser lays out what MotionText 1.5 puts on its page.

A node is an element; one with a position is absolute, the others flow. Cue tracks make every element a flex column with
limits in shares of its parent; groups may lay their children in rows. All lengths are pixels of the stage.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from tasks.scenario.motiontext.css import read_length, read_padding
from tasks.scenario.motiontext.metrics import Font, Measure
from tasks.scenario.motiontext.reader import Node, Track

Json = dict[str, Any]
CAPTION_LIMITS: Json = {
    "mode": "flow", "direction": "vertical", "maxWidth": 0.8, "maxHeight": 0.4, "minWidth": 0.1, "minHeight": 0.05,
    "gap": 0.02, "padding": {"x": 0.02, "y": 0.015}, "anchor": "bc", "safeArea": {"left": 0.05, "right": 0.05},
}  # fmt: skip
"""What a caption track asks of all its nodes when the document says nothing else."""
FREE_LIMITS: Json = {"constraintMode": "breakout"}
ACROSS = {"l": 0.0, "c": 0.5, "r": 1.0}
ALONG = {"start": 0.0, "center": 0.5, "end": 1.0, "space-between": 0.0}


@dataclass
class Box:
    """An element with its size (border box) and its place in its parent's border box."""

    node: Node
    font: Font
    flow: str = "block"
    width: float = 0.0
    height: float = 0.0
    x: float = 0.0
    y: float = 0.0
    padding: tuple[float, float, float, float] = (0, 0, 0, 0)
    limits: Json = field(default_factory=dict)
    align: float = 0.0
    justify: float = 0.0
    gap: float = 0.0
    margin: float = 0.0
    wraps: bool = False
    max_px: float | None = None
    words: list[str] = field(default_factory=list)
    lines: list[list[int]] = field(default_factory=list)
    text: tuple[float, float, float] = (0, 0, 0)
    """Left, top and width of the text inside the element."""
    children: list[Box] = field(default_factory=list)

    @property
    def is_placed(self) -> bool:
        """Whether the node says where it lies, and so leaves the flow."""
        position = self.node.layout.get("position") or {}
        return isinstance(position.get("x"), int | float) and isinstance(position.get("y"), int | float)


@dataclass(frozen=True)
class Layout:
    """Lays out one track's trees on a stage."""

    measure: Measure
    track: Track
    stage: tuple[int, int]

    def build(self, node: Node, active: set[str], parent: tuple[float, float]) -> Box:
        """Return a node's element with those descendants that are on screen; ``parent``: the size of its parent."""
        box = self._element(node, parent)
        if node.kind == "text":
            whole = node.style.get("whiteSpace") == "nowrap"
            text = " ".join(node.text.split())
            box.words = [text] if whole else text.split(" ")
            return box
        for child in node.children:
            if child.id in active:
                # its own limits are shares of what the parent measures once it holds the child, still bare
                bare = Box(child, self.measure.font(child.style), words=child.text.split() or [""])
                box.children.append(bare)
                size = self._client_size(box) if self._counts(box, child) else (0.0, 0.0)
                box.children[-1] = self.build(child, active, size)
                self._space_children(box)
        return box

    def _counts(self, box: Box, child: Node) -> bool:
        """Whether the parent's size decides anything of a child: text in a row with gaps keeps no room of its own."""
        return child.kind != "text" or not self._has_gaps(box)

    def _has_gaps(self, box: Box) -> bool:
        return bool((box.node.layout.get("childrenLayout") or {}).get("gap")) and box.flow != "block"

    def _client_size(self, box: Box) -> tuple[float, float]:
        trial = replace(box, children=[replace(child) for child in box.children if not child.is_placed])
        self.arrange(trial, self.stage[0], self.stage)
        return trial.width, trial.height

    def _element(self, node: Node, parent: tuple[float, float]) -> Box:
        limits = self.track.constraints or (CAPTION_LIMITS if self.track.kind == "subtitle" else FREE_LIMITS)
        box = Box(node, self.measure.font(node.style))
        box.align = {"left": 0.0, "center": 0.5, "right": 1.0}.get(node.style.get("align", "left"), 0.0)
        is_free = limits.get("constraintMode") == "breakout"
        children = node.layout.get("childrenLayout")
        if not is_free:
            self._limit(box, limits, parent)
        if children and (node.kind == "group"):
            self._arrange_by(box, children, limits if not is_free else {}, parent)
        self._pad(box)
        return box

    def _limit(self, box: Box, limits: Json, parent: tuple[float, float]) -> None:
        mode = box.node.layout.get("mode") or limits.get("mode") or "absolute"
        if mode not in ("flow", "grid"):
            return
        anchor = box.node.layout.get("anchor") or limits.get("anchor") or "cc"
        box.flow = "column" if limits.get("direction", "vertical") == "vertical" else "row"
        box.align, box.justify = ACROSS[anchor[1]], {"t": 0.0, "c": 0.5, "b": 1.0}[anchor[0]]
        box.gap = float(round(parent[1] * (limits.get("gap") or box.node.layout.get("gapRel") or 0)))
        box.limits = limits
        padding = limits.get("padding") or {}
        down, across = round(parent[1] * padding.get("y", 0)), round(parent[0] * padding.get("x", 0))
        box.padding = (down, across, down, across)

    def _arrange_by(self, box: Box, children: Json, limits: Json, parent: tuple[float, float]) -> None:
        if children.get("mode", "flow") != "flow":
            return
        direction = children.get("direction", "horizontal")
        if limits and children.get("wrap", children.get("direction") == "horizontal"):
            box.max_px = _widest(children, limits, parent[0])
        box.flow = "row" if direction == "horizontal" else "column"
        box.wraps = children.get("wrap", direction == "horizontal") and box.flow == "row"
        across, along = ALONG[children.get("align", "center")], ALONG[children.get("justify", "center")]
        box.align, box.justify = across, along
        box.margin = float(round((parent[0] if box.flow == "row" else parent[1]) * children.get("gap", 0)))
        if box.margin and box.flow == "row":
            box.gap = box.gap if limits.get("direction", "vertical") == "vertical" else 0.0
        elif box.margin:
            box.gap = 0.0

    def _space_children(self, box: Box) -> None:
        """A gap is made of margins, and takes the children's own padding away."""
        if self._has_gaps(box):
            box.children = [replace(child, padding=(0, 0, 0, 0)) for child in box.children]

    def _pad(self, box: Box) -> None:
        given, spare = box.node.box.get("padding"), box.node.layout.get("padding")
        if box.node.kind != "group" or not box.node.box:
            return
        if isinstance(given, str):
            box.padding = read_padding(given, em=box.font.size) or box.padding
        elif isinstance(given or spare, dict):
            share: Json = given or spare or {}
            down, across = round(self.stage[1] * share.get("y", 0)), round(self.stage[1] * share.get("x", 0))
            box.padding = (down, across, down, across)

    def arrange(self, box: Box, available: float, within: tuple[float, float]) -> None:
        """Give an element its size and its children their places.

        :param available: pixels of width there are, :param within: size of what shares refer to.
        """
        top, right, bottom, left = box.padding
        width = self._given_width(box, within[0])
        if width is None:
            inside = available - left - right
            narrow, wide = self._content(box)
            width = max(narrow, min(wide, inside))
            width = self._clamp(box, width, within[0])
        box.width = width + left + right
        content = self._fill(box, width)
        height = self._clamp_height(box, content, within[1])
        box.height = height + top + bottom
        self._settle(box, height - content)

    def _given_width(self, box: Box, within: float) -> float | None:
        size = (box.node.layout.get("size") or {}).get("width")
        return size * within if box.is_placed and box.max_px is None and isinstance(size, int | float) else None

    def _clamp(self, box: Box, width: float, within: float) -> float:
        share = box.limits.get("maxWidth")
        limit = box.max_px if box.max_px is not None else width if share is None else share * within
        return float(max(min(width, limit), box.limits.get("minWidth", 0) * within))

    def _clamp_height(self, box: Box, height: float, within: float) -> float:
        size = (box.node.layout.get("size") or {}).get("height")
        if box.is_placed and isinstance(size, int | float):
            height = size * within
        if not box.is_placed:  # shares of a height that depends on the content say nothing
            return height
        low, high = box.limits.get("minHeight", 0) * within, box.limits.get("maxHeight", 1e9) * within
        return float(max(min(height, high), low))

    def _settle(self, box: Box, spare: float) -> None:
        """Move the content of a flex box that is higher or lower than it."""
        if not spare or box.flow == "block":
            return
        shift = spare * (box.justify if box.flow == "column" else box.align if spare > 0 else 0)
        left, top, width = box.text
        box.text = (left, top + shift, width)
        for child in box.children:
            child.y += shift

    def _content(self, box: Box) -> tuple[float, float]:
        """Return the narrowest and the widest that the content can be."""
        if box.node.kind == "text":
            widths = [self.measure.width(word, box.font) for word in box.words]
            space = self.measure.width(" ", box.font)
            return max(widths), sum(widths) + space * (len(widths) - 1)
        sizes = []
        for child in _flowing(box):
            narrow, wide = self._content(child)
            edges = child.padding[1] + child.padding[3]
            sizes.append((narrow + edges, wide + edges))
        if box.flow != "row":
            return max((s[0] for s in sizes), default=0.0), max((s[1] for s in sizes), default=0.0)
        gaps = box.margin * (len(sizes) + 1)  # an empty wrapper is the first in line
        total = sum(size[1] for size in sizes) + gaps
        return (max((size[0] for size in sizes), default=0.0) + box.margin if box.wraps else total), total

    def _fill(self, box: Box, width: float) -> float:
        if box.node.kind == "text":
            return self._set_text(box, width)
        if box.node.kind != "group":
            return 0.0  # how high a picture is only its file says
        if box.flow == "row":
            return self._set_rows(box, width)
        return self._set_column(box, width)

    def _set_text(self, box: Box, width: float) -> float:
        narrow, wide = self._content(box)
        inner = max(narrow, min(wide, width))
        box.lines = self.measure.break_lines(box.words, box.font, inner)
        offset = (width - inner) * box.align if box.flow != "block" else max(0.0, width - inner) * box.align
        box.text = (box.padding[3] + offset, box.padding[0], inner)
        return len(box.lines) * box.font.line

    def _set_rows(self, box: Box, width: float) -> float:
        children = _flowing(box)
        for child in children:
            self.arrange(child, self._content(child)[1] + child.padding[1] + child.padding[3], (width, 0))
        rows: list[list[Box]] = [[]]
        used = box.margin
        for child in children:
            if box.wraps and rows[-1] and used + child.width + box.margin > width + 0.01:
                rows.append([])
                used = 0.0
            rows[-1].append(child)
            used += child.width + box.margin
        y = box.padding[0]
        for index, row in enumerate(rows):
            high = max((child.height for child in row), default=0.0)
            lead = box.margin if index == 0 else 0.0
            spare = width - lead - sum(child.width + box.margin for child in row)
            x = box.padding[3] + lead + spare * box.justify
            for child in row:
                child.x, child.y = x, y + (high - child.height) * box.align
                x += child.width + box.margin
            y += high + box.gap
        return y - box.gap - box.padding[0]

    def _set_column(self, box: Box, width: float) -> float:
        children = _flowing(box)
        is_flex = box.flow == "column"
        y = box.padding[0] + (box.gap if is_flex and children else 0.0 if is_flex else box.font.line)
        for index, child in enumerate(children):
            y += box.margin
            if is_flex:
                self.arrange(child, width, (width, 0))
                child.x = box.padding[3] + (width - child.width) * box.align
            else:
                self._stretch(child, width)
                child.x = box.padding[3]
            child.y = y
            y += child.height + (box.gap if index + 1 < len(children) else 0.0)
        return y - box.padding[0]

    def _stretch(self, child: Box, width: float) -> None:
        inside = self._clamp(child, width - child.padding[1] - child.padding[3], width)
        child.width = inside + child.padding[1] + child.padding[3]
        child.height = self._fill(child, inside) + child.padding[0] + child.padding[2]


def _flowing(box: Box) -> list[Box]:
    return [child for child in box.children if not child.is_placed]


def _widest(children: Json, limits: Json, parent: float) -> float:
    safe = limits.get("safeArea") or {}
    shares = [1 - max(0, safe.get("left", 0)) - max(0, safe.get("right", 0)), limits.get("maxWidth", 1)]
    shares.append(max(0, children.get("maxWidthRel", 1)))
    most = children.get("maxWidth")
    if isinstance(most, str) and most.endswith("%"):
        percent = read_length(most.removesuffix("%"), em=1)
        shares.append(max(0.0, min(1.0, (percent if percent is not None else 100) / 100)))
    ceiling = most if isinstance(most, int | float) else float("inf")
    return float(min(max(0, round(parent * min(shares))), max(0, ceiling)))
