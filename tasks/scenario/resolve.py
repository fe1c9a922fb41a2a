"""From a checked document to a scenario in which every style and motion is resolved (ring 0)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from tasks.scenario.data import load
from tasks.scenario.model import Scenario, SceneCue, SceneLayer, SceneWord
from tasks.scenario.motion import compile_active, compile_animation, compile_loop, compile_transition
from tasks.scenario.text import direction_of, joins, may_split

Json = dict[str, Any]


def resolve(document: Json) -> Scenario:
    """Lay defaults, track, speaker, cue and word over each other; the document must have passed every check."""
    layers: list[SceneCue | SceneLayer] = []
    kept = Kept()
    for t, track in enumerate(document["tracks"]):
        place = f"/tracks/{t}"
        if track["type"] == "captions":
            layers += [
                _cue(document, track, cue, f"{place}/cues/{c}", kept=kept) for c, cue in enumerate(track["cues"])
            ]
        elif track["type"] == "image":
            layers += [_image(item, f"{place}/items/{i}") for i, item in enumerate(track["items"])]
        else:
            layers.append(_progress(track, place))
    canvas = document["canvas"]
    # JSON Schema takes 1080.0 for an integer, so they are made whole here
    width, height, seed = int(canvas["width"]), int(canvas["height"]), int(document.get("seed", 0))
    return Scenario(width, height, seed, tuple(layers), document)


class Kept:
    """Keeps one object of those that say the same: a long scenario has thousands of words, and a handful of looks."""

    def __init__(self) -> None:
        self._found: dict[str, Json] = {}

    def __call__(self, value: Json) -> Json:
        """Return the first of the objects that are equal to this one, in the order of their keys too."""
        return self._found.setdefault(json.dumps(value), value)


def _cue(document: Json, track: Json, cue: Json, place: str, *, kept: Kept) -> SceneCue:
    styles, defaults = document.get("styles", {}), load("defaults")
    speaker = document.get("speakers", {}).get(cue.get("speaker") or "", {})
    style, animation = defaults["style"], defaults["animation"]
    for owner in (track, speaker, cue):
        style = merge(style, _named(owner.get("style"), styles))
        animation = merge(animation, owner.get("animation", {}))
    if style["background"]:
        style = {**style, "background": {**defaults["box"], **style["background"]}}
    style = kept(style)
    language = cue.get("language") or track.get("language")
    kinds = joins([word["text"] for word in cue["words"]], language)
    words = tuple(
        replace(
            _word(word, style, animation, f"{place}/words/{w}", kept=kept),
            join=kinds[w],
            splittable=may_split(word["text"]),
        )
        for w, word in enumerate(cue["words"])
    )
    start, end = float(cue["start"]), float(cue["end"])
    reads = style["direction"]
    if reads == "auto":
        reads = direction_of(" ".join(word["text"] for word in cue["words"]))
    motion = kept(compile_animation(animation, reads=reads))
    return SceneCue(cue["id"], start, end, style, motion, words, cue.get("speaker") or "", place, language)


def _word(word: Json, style: Json, animation: Json, place: str, *, kept: Kept) -> SceneWord:
    if word.get("emphasis"):
        style = _emphasize(style, animation["emphasis"])
    own = word.get("animation", {}).get("activeWord")
    active = kept(compile_active(merge({"of": animation["activeWord"]}, {"of": own})["of"])) if own else None
    return SceneWord(
        word["id"],
        word["text"],
        float(word["start"]),
        float(word["end"]),
        kept(merge(style, word.get("style", {}))),
        place,
        active,
        word.get("emoji", ""),
        breaks=word.get("lineBreak", False),
        room=float(word.get("spaceBefore", 0)),
    )


def _emphasize(style: Json, emphasis: Json) -> Json:
    changes: Json = {key: emphasis[key] for key in ("color", "gradient", "fontWeight") if key in emphasis}
    return {**style, **changes, "fontSize": style["fontSize"] * emphasis.get("scale", 1)}


def _image(item: Json, place: str) -> SceneLayer:
    values = merge(load("defaults")["image"], item)
    for axis in ("enter", "exit"):
        values[axis] = compile_transition(values[axis])
    values["loop"] = compile_loop(values["loop"])
    return SceneLayer(item["id"], "image", float(item["start"]), float(item["end"]), values, place)


def _progress(track: Json, place: str) -> SceneLayer:
    values = {**load("defaults")["progress"], **track}
    return SceneLayer(track["id"], "progress", float(track["start"]), float(track["end"]), values, place)


def _named(style: Any, styles: Json) -> Json:
    if isinstance(style, str):
        return dict(styles[style])
    return style or {}


def merge(base: Json, over: Json) -> Json:
    """Return ``base`` with the keys of ``over`` laid over it.

    Objects are merged, lists replaced; an object of another ``type`` replaces the one below, which means nothing to it.
    """
    merged = dict(base)
    for key, value in over.items():
        inner = merged.get(key)
        if isinstance(inner, dict) and isinstance(value, dict) and _are_of_one_type(inner, value):
            merged[key] = merge(inner, value)
        else:
            merged[key] = value
    return merged


def _are_of_one_type(inner: Json, value: Json) -> bool:
    return "type" not in value or value["type"] == inner.get("type")
