"""Captions' measured boxes against the platform's safe area and each other."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from render_node.frames.stage_page import CueLayout
from tasks.scenario import Scenario, SceneCue
from tasks.scenario.quality import WARNING, Finding, characters, make_finding
from tasks.scenario.safe_areas import SafeArea

Box = tuple[float, float, float, float]
"""x, y, width, height in output pixels."""
LINE_CHARACTERS = 42
"""As subtitling guides have it for Latin script."""
SLACK_PX = 1.0
LEAST_FONT_SIZE = 4.0
"""As the scenario's schema has it."""
ANCHOR = {"left": 0.0, "top": 0.0, "center": 0.5, "right": 1.0, "bottom": 1.0}
"""Which part of a box its position names."""


def check_boxes(
    scenario: Scenario, layouts: list[CueLayout], *, size: tuple[int, int], area: SafeArea
) -> Iterator[Finding]:
    """Yield what does not fit, what lies outside the safe area, lines too long, captions over each other."""
    for cue, layout in zip(scenario.cues, layouts, strict=True):
        yield from _check_fit(scenario.document, cue, layout)
        yield from _check_place(scenario.document, cue, layout, size=size, area=area)
        yield from _check_lines(cue, layout)
    yield from _check_collisions(scenario, layouts)


def _check_fit(document: dict[str, Any], cue: SceneCue, layout: CueLayout) -> Iterator[Finding]:
    """Tell of a caption that the stage set smaller: what was asked for has no room."""
    if layout.fit >= 1:
        return
    asked, values = float(cue.style["fontSize"]), smaller(cue.style, layout.fit)
    # Words with sizes of their own keep them when their caption's is changed.
    is_even = all(float(word.style["fontSize"]) == asked for word in cue.words)
    yield make_finding(
        "caption.shrunk",
        WARNING,
        cue,
        f"The caption has no room at font size {asked:g}: it is drawn at {layout.fit:.0%} of its size",
        box=shown(layout.text),
        suggestion=f"shorter text, two captions in its place, a wider maxWidth, or fontSize {values['fontSize']:g}",
        fix=style_patch(document, cue, values) if is_even and values["fontSize"] >= LEAST_FONT_SIZE else None,
    )


def smaller(style: dict[str, Any], fit: float) -> dict[str, Any]:
    """Return what of a style takes room, at a part of its size."""

    def scaled(value: float) -> float:
        return math.floor(value * fit * 10) / 10

    sizes = {"fontSize": scaled(style["fontSize"])}
    values = sizes | {key: scaled(style[key]) for key in ("letterSpacing", "wordSpacing") if style[key] > 0}
    if style["background"] is None:
        return values
    padding = {key: scaled(style["background"][key]) for key in ("paddingX", "paddingY")}
    return {**values, "background": {**style["background"], **padding}}


def _check_place(
    document: dict[str, Any], cue: SceneCue, layout: CueLayout, *, size: tuple[int, int], area: SafeArea
) -> Iterator[Finding]:
    box = layout.text
    beyond = overshoot(box, area.within(*size))
    if beyond:
        sides = ", ".join(f"{pixels:.0f} px at the {side}" for side, pixels in beyond.items())
        kept = math.hypot(*layout.pushed)
        moved = f"; its place lies off the picture, it is drawn {kept:.0f} px from there" if kept > SLACK_PX else ""
        yield make_finding(
            "caption.outside_safe_area",
            WARNING,
            cue,
            f"The caption leaves the safe area {area.name} (of {area.as_of}): {sides}{moved}",
            box=shown(box),
            suggestion="move it, or make maxWidth or fontSize smaller",
            fix=move(document, cue, box, size=size, area=area),
        )


def overshoot(box: Box, frame: tuple[float, float, float, float]) -> dict[str, float]:
    """Return by how many pixels a box leaves a frame (left, top, right, bottom) on each side that it does."""
    left, top, width, height = box
    sides = {
        "left": frame[0] - left,
        "top": frame[1] - top,
        "right": left + width - frame[2],
        "bottom": top + height - frame[3],
    }
    return {side: pixels for side, pixels in sides.items() if pixels > SLACK_PX}


def move(
    document: dict[str, Any], cue: SceneCue, box: Box, *, size: tuple[int, int], area: SafeArea
) -> list[dict[str, Any]] | None:
    """Return the patch that moves a caption into the safe area, None when it does not fit or its style has a name."""
    left, top, right, bottom = area.within(*size)
    if box[2] > right - left or box[3] > bottom - top:
        return None
    x = min(max(box[0], left), right - box[2])
    y = min(max(box[1], top), bottom - box[3])
    position = cue.style["position"]
    across, down = ANCHOR[position["anchorX"]], ANCHOR[position["anchor"]]
    moved = {
        **position,
        "x": towards_middle((x + across * box[2]) / size[0]),
        "y": towards_middle((y + down * box[3]) / size[1]),
    }
    return style_patch(document, cue, {"position": moved})


def towards_middle(share: float) -> float:
    """Return a share of the picture with four digits, rounded towards its middle: never out of the safe area again."""
    return round((math.floor if share > 0.5 else math.ceil)(share * 10_000) / 10_000, 4)


def style_patch(document: dict[str, Any], cue: SceneCue, values: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Return the patch that gives a cue style values of its own; None when its style is another's by name."""
    track, _, number = cue.pointer.removeprefix("/tracks/").partition("/cues/")
    own = document["tracks"][int(track)]["cues"][int(number)].get("style")
    if isinstance(own, str):
        return None
    if own is None:
        return [{"op": "add", "path": f"{cue.pointer}/style", "value": values}]
    return [{"op": "add", "path": f"{cue.pointer}/style/{key}", "value": value} for key, value in values.items()]


def _check_lines(cue: SceneCue, layout: CueLayout) -> Iterator[Finding]:
    longest = math.ceil(characters(cue) / max(1, layout.lines))
    if longest > LINE_CHARACTERS:
        yield make_finding(
            "caption.line_too_long",
            WARNING,
            cue,
            f"{longest} characters stand in a line; more than {LINE_CHARACTERS} are read with effort",
            box=shown(layout.text),
            suggestion="fewer words at a time, or a smaller maxWidth",
        )


def _check_collisions(scenario: Scenario, layouts: list[CueLayout]) -> Iterator[Finding]:
    """Compare captions that are on screen together; those of one track are told as an overlap in time already."""
    placed = sorted(zip(scenario.cues, layouts, strict=True), key=lambda pair: pair[0].start)
    open_: list[tuple[SceneCue, CueLayout]] = []
    for cue, layout in placed:
        open_ = [(other, there) for other, there in open_ if other.end > cue.start]
        for other, there in open_:
            is_own = other.pointer.rpartition("/cues/")[0] == cue.pointer.rpartition("/cues/")[0]
            if not is_own and intersect(layout.text, there.text):
                yield make_finding(
                    "caption.collision",
                    WARNING,
                    cue,
                    f"The caption lies over {other.id}, which is there at the same time",
                    box=shown(layout.text),
                    suggestion="move one of the tracks",
                )
        open_.append((cue, layout))


def intersect(one: Box, other: Box) -> bool:
    """Tell whether two boxes have area in common."""
    across = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    down = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return across > SLACK_PX and down > SLACK_PX


def shown(box: Box) -> list[float]:
    """Return a box as findings carry it."""
    return [round(value, 1) for value in box]
