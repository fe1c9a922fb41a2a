"""What is held while captions are drawn: sheets of a fitting size, tiles that somebody still needs, looks said once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from render_node.frames.capture import TileStore
from render_node.frames.looks import number_looks
from render_node.frames.plan import LayerPlan, Part, Plan, Rect, Tile
from render_node.frames.sheets import WIDTH, cut, full_height, pack
from tasks.scenario import parse
from tests.unit.scenario.scenes import cue, scene, word

SIZE = (640, 360)


def tile(number: int, width: int = 200, height: int = 60) -> Tile:
    return Tile(number, Rect(0, 0, width, height))


@pytest.mark.parametrize(
    ("canvas", "height"), [((180, 320), 512), (SIZE, 512), ((640, 480), 768), ((1280, 720), 1024), ((2160, 3840), 1024)]
)
def test_sheets_are_as_high_as_the_canvas_calls_for(canvas: tuple[int, int], height: int) -> None:
    assert full_height(canvas) == height
    tiles = [tile(number) for number in range(400)]
    sheets = list(cut(tiles, height))
    assert [each for sheet in sheets for each in sheet] == tiles
    sizes = [pack([each.drawn for each in sheet])[1:] for sheet in sheets]
    assert all(size == (WIDTH, height) for size in sizes[:-1])


def test_tiles_that_no_frame_is_left_for_are_not_kept() -> None:
    store: TileStore[int] = TileStore(lambda tile, _: tile.id, SIZE)
    shown, passed, unused = tile(1), tile(2), tile(3)
    frames = tuple((LayerPlan(255, (Part(each.id),)),) for each in (shown, passed, shown))
    store.expect(Plan(frames, (shown, passed, unused)))
    store.done(1)
    tiles = [shown, passed, unused]
    store.put(tiles, store.convert(tiles, [np.zeros((60, 200, 4), np.uint8)] * 3))
    assert (store.get(1), store.drawn) == (1, 3)
    assert set(store._ready) == {1}
    store.done(0)
    store.done(2)
    assert (store._ready, store._sizes, store._pixels, store._frames) == ({}, {}, 0, {})
    assert not +store._left


def spelled_out(layers: list[dict[str, Any]], looks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield layers as the page puts them together."""
    for layer in layers:
        words = [{**each, **restored(each, looks)} for each in layer["words"]]
        yield {**layer, **restored(layer, looks), "words": words}


def restored(thing: dict[str, Any], looks: list[dict[str, Any]]) -> dict[str, Any]:
    return {key: looks[thing[key]] for key in ("style", "animation", "active") if isinstance(thing.get(key), int)}


def caption(number: int) -> dict[str, Any]:
    """Return a caption of two words, the second in its own colour and with its own motion while it is spoken."""
    start = 3.0 * number
    own = {"style": {"color": "#00FF00"}, "animation": {"activeWord": {"type": "highlight", "color": "#0000FF"}}}
    words = word(2 * number, start=start, end=start + 1), word(2 * number + 1, "b", start + 1, start + 2, **own)
    return cue(*words, number=number, start=start, end=start + 2)


def test_looks_are_said_once_and_nothing_else_of_a_caption_changes() -> None:
    layers = parse(scene(*map(caption, range(20)))).to_stage()["layers"]
    abridged, looks = number_looks(layers)
    assert len(looks) == 4  # two styles, a motion, what one word does while it is spoken
    assert list(spelled_out(abridged, looks)) == layers
    assert len(json.dumps(abridged)) < len(json.dumps(layers)) / 3
