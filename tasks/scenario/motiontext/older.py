"""Documents of version 1.3 in the shape of version 2.0.

1.3 has times of their own for each leaf (``absStart``, ``absEnd``), windows of plugins as offsets (``relStart``,
``relEnd``, or shares of the leaf's time), one ``plugin`` beside the chain, and no ids for nodes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]
RENAMED = {"e_type": "eType", "base_time": "baseTime", "display_time": "displayTime", "content": "text"}


def rename(value: Any) -> Any:
    """Return a document with the older names of keys replaced, in either version."""
    if isinstance(value, list):
        return [rename(each) for each in value]
    if not isinstance(value, dict):
        return value
    changed = {RENAMED.get(key, key): rename(each) for key, each in value.items() if each is not None}
    if (
        "eType" not in changed
        and changed.get("type") in ("group", "text")
        and ("children" in value or "text" in changed)
    ):
        changed["eType"] = changed.pop("type")
    if "time_offset" in changed:
        changed.setdefault("timeOffset", changed.pop("time_offset"))
    return changed


def modernize(document: Json) -> Json:
    """Return a 1.3 document as 2.0; parts of a wrong shape are left for the schema to refuse."""
    changed = {**document, "timebase": document.get("timebase") or {"unit": "seconds"}}
    cues = document.get("cues")
    if isinstance(cues, list):
        changed["cues"] = [_cue(cue) if isinstance(cue, dict) else cue for cue in cues]
    return changed


def _cue(cue: Json) -> Json:
    hint = cue.get("hintTime")
    window = _hint(hint) if isinstance(hint, dict) else None
    root = cue.get("root")
    if not isinstance(root, dict):
        return cue
    return {**cue, "root": _node(root, window, cue.get("id"), "root")}


def _hint(hint: Json) -> list[Any] | None:
    return [hint.get("start", 0), hint["end"]] if "end" in hint else None


def _node(node: Json, window: list[Any] | None, cue: Any, place: str) -> Json:
    changed: Json = {**node}
    changed.setdefault("id", node.get("name") or f"{cue}.{place}")
    if "absStart" in node or "absEnd" in node:
        start, end = node.get("absStart", (window or [0])[0]), node.get("absEnd", (window or [None, None])[1])
        changed["displayTime"] = [start, end]
    layout = node.get("layout")
    if isinstance(layout, dict) and isinstance(layout.get("position"), list) and len(layout["position"]) == 2:
        changed["layout"] = {**layout, "position": dict(zip("xy", layout["position"], strict=True))}
    chain = [node["plugin"]] if isinstance(node.get("plugin"), dict) else node.get("pluginChain")
    if isinstance(chain, list):
        changed["pluginChain"] = [_plugin(each) if isinstance(each, dict) else each for each in chain]
    children = node.get("children")
    if isinstance(children, list):
        changed["children"] = [
            _node(child, window, cue, f"{place}.{i}") if isinstance(child, dict) else child
            for i, child in enumerate(children)
        ]
    if node.get("eType") == "group" and "displayTime" not in changed:
        changed["displayTime"] = _span(changed) or window
    if changed.get("displayTime") is None:
        changed.pop("displayTime", None)
        if window:
            changed["displayTime"] = window
    return changed


def _plugin(plugin: Json) -> Json:
    if "timeOffset" in plugin:
        return plugin
    return {**plugin, "timeOffset": [_offset(plugin, "relStart"), _offset(plugin, "relEnd")]}


def _offset(plugin: Json, key: str) -> Any:
    share = plugin.get(f"{key}Pct")
    return f"{share * 100}%" if key not in plugin and isinstance(share, int | float) else plugin.get(key, 0)


def _span(node: Json) -> list[Any] | None:
    """A group is on screen while anything in it is."""
    times = [*_times(node)]
    return [min(start for start, _ in times), max(end for _, end in times)] if times else None


def _times(node: Json) -> Iterator[tuple[float, float]]:
    children = node.get("children")
    for child in children if isinstance(children, list) else ():
        if isinstance(child, dict):
            time = child.get("displayTime")
            if isinstance(time, list) and all(isinstance(each, int | float) for each in time):
                yield time[0], time[1]
            else:
                yield from _times(child)
