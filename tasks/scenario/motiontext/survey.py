"""What of a document our scenarios do not draw: one note for each, with its place."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

from tasks.scenario.check import Finding, finding, suggest
from tasks.scenario.motiontext.css import read_color, read_families, read_shadows
from tasks.scenario.motiontext.metrics import Measure
from tasks.scenario.motiontext.plugins import PLUGINS, find_plugin

Json = dict[str, Any]
TEXT_KEYS = {
    "fontFamily", "fontWeight", "fontSizeRel", "fontSize", "lineHeight", "color", "textShadow", "stroke", "align",
    "whiteSpace",
}  # fmt: skip
BOX_KEYS = {"backgroundColor", "boxBg", "border", "padding", "borderRadius", "opacity"}
NEUTRAL = {"fontStyle": "normal", "opacity": 1, "textAlign": "center", "letterSpacing": "normal", "margin": 0}
"""Values that ask for nothing: MotionText itself does not draw these keys of text."""
SAME_MEASURES = {("arial", "Arimo"), ("helvetica", "Arimo"), ("times new roman", "Tinos")}
"""Families drawn by one that was made to take exactly their room: nothing is lost that anybody would see."""
LAYOUT_MODES = ("flow", "absolute")


def note(pointer: str, message: str, suggestion: str | None = None, *, near: bool = False) -> Finding:
    """Build a note of something that is not mapped, or only nearly."""
    return finding(pointer, message, "nearly_mapped" if near else "not_mapped", suggestion)


class Survey:
    """Walks a resolved document."""

    def __init__(self, measure: Measure) -> None:
        self._measure = measure
        self._known = {family.lower() for family in measure.ruler.families()}

    def notes(self, document: Json) -> Iterator[Finding]:
        """Yield what will be missing, in the order of the document."""
        for key in ("bindings", "wordStream"):
            if document.get(key):
                yield note(f"/{key}", f"{key} are not read; write the words as text nodes")
        for t, track in enumerate(document["tracks"]):
            place = f"/tracks/{t}"
            yield from self._text_style(track.get("defaultStyle") or {}, f"{place}/defaultStyle", is_box=True)
            yield from self._box_style(track.get("defaultBoxStyle") or {}, f"{place}/defaultBoxStyle")
        for c, cue in enumerate(document["cues"]):
            yield from self._node(cue["root"], f"/cues/{c}/root")

    def _node(self, node: Json, place: str) -> Iterator[Finding]:
        is_group = node["eType"] == "group"
        yield from self._text_style(node.get("style") or {}, f"{place}/style", is_box=is_group)
        yield from self._box_style(node.get("boxStyle") or {}, f"{place}/boxStyle")
        yield from self._layout(node.get("layout") or {}, f"{place}/layout")
        if (node.get("effectScope") or {}).get("breakout"):
            yield note(f"{place}/effectScope/breakout", "nodes do not leave their group")
        for p, plugin in enumerate(node.get("pluginChain") or ()):
            yield from self._plugin(plugin, f"{place}/pluginChain/{p}", is_group=is_group)
        if node["eType"] == "video":
            yield note(place, "a video in the picture cannot be drawn")
        for i, child in enumerate(node.get("children") or ()):
            yield from self._node(child, f"{place}/children/{i}")

    def _text_style(self, style: Json, place: str, *, is_box: bool) -> Iterator[Finding]:
        known = TEXT_KEYS | (BOX_KEYS if is_box else set())
        for key, value in style.items():
            if key not in known and NEUTRAL.get(key) != value:
                message = f"{key} changes nothing: MotionText does not draw it on text either"
                yield note(f"{place}/{key}", message, suggest(key, known))
        yield from _color(style, "color", place)
        if "textShadow" in style and read_shadows(style["textShadow"], em=1) is None:
            yield note(f"{place}/textShadow", "the shadow is not understood")
        yield from self._font(style, place)
        if is_box:
            yield from self._box_style({key: style[key] for key in style if key in BOX_KEYS}, place)

    def _font(self, style: Json, place: str) -> Iterator[Finding]:
        wanted = read_families(style.get("fontFamily"))
        if wanted and not any(name.lower() in self._known for name in wanted):
            instead = self._measure.family(style)
            if (wanted[0].lower(), instead) in SAME_MEASURES:
                return
            yield note(f"{place}/fontFamily", f"{wanted[0]} is not installed; {instead} stands in for it", near=True)

    def _box_style(self, style: Json, place: str) -> Iterator[Finding]:
        for key in sorted(style.keys() - BOX_KEYS):
            yield note(f"{place}/{key}", f"{key} is not a key of a box", suggest(key, BOX_KEYS))
        yield from _color(style, "backgroundColor", place)
        yield from _color(style, "boxBg", place)
        if (style.get("border") or {}).get("widthRel"):
            yield note(f"{place}/border", "boxes have no border line here; its radius is kept")

    def _layout(self, layout: Json, place: str) -> Iterator[Finding]:
        mode = layout.get("mode", "flow")
        if mode not in LAYOUT_MODES:
            yield note(f"{place}/mode", f"the layout {mode} is not known here", suggest(mode, LAYOUT_MODES))
        if (layout.get("childrenLayout") or {}).get("mode") == "grid":
            yield note(f"{place}/childrenLayout/mode", "children are laid under each other, not in a grid")
        for path, owner in (("", layout), ("/override", layout.get("override") or {})):
            transform = owner.get("transform") or {}
            if any((transform.get("skew") or {}).values()):
                yield note(f"{place}{path}/transform/skew", "text is not skewed")
            scale = transform.get("scale") or {}
            if scale.get("x", 1) != scale.get("y", 1):
                yield note(f"{place}{path}/transform/scale", "text grows evenly in both directions", near=True)
        if layout.get("transformOrigin", "center") not in ("center", "50% 50%", "center center"):
            yield note(f"{place}/transformOrigin", "text turns about its middle")

    def _plugin(self, plugin: Json, place: str, *, is_group: bool) -> Iterator[Finding]:
        name = plugin["name"]
        if find_plugin(name) is None:
            near = difflib.get_close_matches(name.partition("@")[0], PLUGINS, n=1, cutoff=0.75)
            advice = f"did you mean {near[0]}?" if near else None
            yield note(f"{place}/name", f"the plugin {name} is not known", advice)
        elif is_group:
            yield note(place, "a plugin of a group changes nothing: MotionText gives it an empty element to work on")
        elif plugin.get("compose", "replace") != "replace":
            yield note(f"{place}/compose", "effects are not added to each other", near=True)


def _color(style: Json, key: str, place: str) -> Iterator[Finding]:
    if key in style and read_color(style[key]) is None:
        yield note(f"{place}/{key}", f"the colour {str(style[key])[:60]} is not understood")
