"""The part of a scenario that a stretch of time shows (ring 0)."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def slice_scenario(document: Json, start_s: float, end_s: float | None) -> Json:
    """Return a checked document with only what is on screen in [start, end); in there it draws the very same pictures.

    A layer is drawn from itself alone, never from its neighbours, so leaving out what is not seen changes nothing.

    :param end_s: seconds, as ``start_s``; None is the end, whenever that is.
    """

    def is_seen(layer: Json) -> bool:
        return bool((end_s is None or layer["start"] < end_s) and layer["end"] > start_s)

    return {**document, "tracks": [kept for track in document["tracks"] if (kept := _cut(track, is_seen))]}


def _cut(track: Json, is_seen: Any) -> Json | None:
    for key in ("cues", "items"):
        if key in track:
            layers = [layer for layer in track[key] if is_seen(layer)]
            return {**track, key: layers} if layers else None
    return track if is_seen(track) else None
