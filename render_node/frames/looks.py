"""Captions on their way to the page: what they have in common is said once, since nearly all look alike."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

SHARED = ("style", "animation", "active")
"""Keys of a caption and of its words whose values are sent apart (``boot.js`` puts them back)."""
Json = dict[str, Any]


def number_looks(layers: Iterable[Json]) -> tuple[list[Json], list[Json]]:
    """Return layers of the stage with numbers in place of looks and motions, and a list of these.

    Spelled out for every word they are nine tenths of a scenario, and the page would hold them as often.

    :param layers: as ``to_stage`` gives them; those of a parsed scenario have one object for all that look alike.
    """
    looks: list[Json] = []
    numbers: dict[int, int] = {}

    def number_of(look: Json) -> int:
        if id(look) not in numbers:
            numbers[id(look)] = len(looks)
            looks.append(look)
        return numbers[id(look)]

    def abridged(thing: Json) -> Json:
        return {**thing, **{key: number_of(thing[key]) for key in SHARED if thing.get(key) is not None}}

    def of_layer(layer: Json) -> Json:
        return {**abridged(layer), "words": [abridged(word) for word in layer["words"]]}

    return [of_layer(layer) if layer["kind"] == "cue" else layer for layer in layers], looks
