"""Small MotionText documents for tests."""

from __future__ import annotations

from typing import Any

from tasks.scenario.motiontext import Conversion, convert

Json = dict[str, Any]


def text(name: str, words: str, **more: Any) -> Json:
    """Return a text node."""
    return {"id": name, "eType": "text", "text": words, **more}


def cue(*children: Json, name: str = "c1", track: str = "free", **root: Any) -> Json:
    """Return a cue of one group; without children of one word."""
    said = list(children) or [text(f"{name}.t", "hello")]
    group = {"id": f"{name}.g", "eType": "group", "displayTime": [0, 4], "children": said, **root}
    group.setdefault("layout", {"position": {"x": 0.5, "y": 0.5}, "anchor": "cc"})
    return {"id": name, "track": track, "root": group}


def document(*cues: Json, style: Json | None = None, **more: Any) -> Json:
    """Return a document of version 2.0 with one free track."""
    track = {"id": "free", "type": "free", "layer": 1, "defaultStyle": {"fontSizeRel": 0.1, **(style or {})}}
    head = {"version": "2.0", "timebase": {"unit": "seconds"}, "stage": {"baseAspect": "16:9"}, "tracks": [track]}
    return {**head, "cues": list(cues) or [cue()], **more}


def one_cue(conversion: Conversion) -> Json:
    """Return the only cue, its style written out."""
    [track] = conversion.scenario["tracks"]
    [found] = track["cues"]
    return {**found, "style": conversion.scenario["styles"].get(str(found["style"]), found["style"])}


def styled(**style: Any) -> Json:
    """Return our style of a document with one word in this style."""
    made: Json = one_cue(convert(document(cue(text("t", "hello", style=style)))))["style"]
    return made


def moved(chain: list[Json], words: str = "hello", **node: Any) -> tuple[Json, list[str]]:
    """Return our cue of one text node with a plugin chain, and what is said of it."""
    conversion = convert(document(cue(text("t", words, pluginChain=chain, **node))))
    return one_cue(conversion), [note["message"] for note in conversion.unmapped]
