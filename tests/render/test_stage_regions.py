"""Regions of words: nothing of a word lies outside of its own, whatever the script and look, and yet it is small."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from render_node.frames.plan import Tile
from tests.render.conftest import OpenStage
from tests.render.test_scripts_shaping import SAMPLES
from tests.unit.scenario.scenes import cue, scene, word

SIZE = (900, 320)
STROKE = {"color": "#000000", "width": 7}
SHADOW = [{"offsetX": -8, "offsetY": 10, "blur": 8, "color": "#000000"}]
LOOKS: dict[str, dict[str, Any]] = {
    "plain": {},
    "edge and shadow": {"stroke": STROKE, "shadow": SHADOW, "fontWeight": 800},
    "glow, tight lines": {"glow": {"color": "#FF0000", "radius": 12}, "lineHeight": 0.8, "letterSpacing": 6},
}
TEXTS = (*SAMPLES.values(), "fjord_|", "ỄỘÝ", "ٱلرَّحْمَٰنِ", "ปู่ญฐุ", "wow🔥", "ẩm", "‗‾")


POP: dict[str, Any] = {"activeWord": {"type": "pop", "scale": 1.2}}
LETTERS: dict[str, dict[str, Any]] = {
    "wave": {"loop": {"type": "wave"}},
    "wave in a word that swells": {"loop": {"type": "wave"}, **POP},
    "letters that pop": {"enter": {"type": "pop", "unit": "letter"}},
    "letters that turn": {"enter": {"type": "rotate", "unit": "letter"}},
}


def alphabet(style: dict[str, Any], animation: dict[str, Any] = POP) -> dict[str, Any]:
    """Return a scenario that says one word after the other, each alone for a second."""
    cues = [cue(word(n, text, n, n + 0.5), number=n, start=n, end=n + 1) for n, text in enumerate(TEXTS)]
    look = {"fontFamily": "Noto Sans", "fontSize": 80, "position": {"x": 0.5, "y": 0.5, "anchor": "center"}}
    return scene(*cues, width=SIZE[0], height=SIZE[1], style={**look, **style}, animation=animation)


@pytest.mark.parametrize("name", LOOKS)
def test_ink_of_every_script_lies_inside_its_region(open_stage: OpenStage, name: str) -> None:
    outside, shares = {}, []
    with open_stage(alphabet(LOOKS[name]), *SIZE) as stage:
        stage.load()
        for number, text in enumerate(TEXTS):
            times = [number + 0.1, number + 0.9]
            tiles = {tile.id: tile for tile in stage.plan(times).tiles}
            assert tiles, text
            stage._page.resize(*SIZE)
            for t in times:
                stage._page.evaluate("t => window.reelyard.stage.drawAt(t)", t)
                ink = np.argwhere(stage._screenshot(*SIZE)[..., 3] > 1)
                (top, left), (bottom, right) = ink.min(axis=0), ink.max(axis=0) + 1
                spoken = list(tiles.values())[-2 if t == times[0] else -1]
                if not holds(spoken, left, top, right, bottom):
                    outside[text, t] = (spoken.rect, left, top, right, bottom)
                shares.append((bottom - top) * (right - left) / (spoken.rect.width * spoken.rect.height))
    assert not outside
    assert float(np.median(shares)) > 0.5


@pytest.mark.parametrize("name", LETTERS)
def test_ink_of_moving_letters_lies_inside_their_region(open_stage: OpenStage, name: str) -> None:
    outside, shares = {}, []
    with open_stage(alphabet(LOOKS["edge and shadow"], LETTERS[name]), *SIZE) as stage:
        stage.load()
        times = [number + part for number in range(len(TEXTS)) for part in (0.1, 0.2, 0.43)]
        plan = stage.plan(times)
        tiles = {tile.id: tile for tile in plan.tiles}
        stage._page.resize(*SIZE)
        for t, frame in zip(times, plan.frames, strict=True):
            stage._page.evaluate("t => window.reelyard.stage.drawAt(t)", t)
            ink = np.argwhere(stage._screenshot(*SIZE)[..., 3] > 1)
            (top, left), (bottom, right) = ink.min(axis=0), ink.max(axis=0) + 1
            tile = tiles[frame[-1].parts[-1].tile]
            if not holds(tile, left, top, right, bottom):
                outside[TEXTS[int(t)], t] = (tile.rect, left, top, right, bottom)
            shares.append((bottom - top) * (right - left) / (tile.rect.width * tile.rect.height))
    assert not outside
    assert float(np.median(shares)) > 0.5


def holds(tile: Tile, left: int, top: int, right: int, bottom: int) -> bool:
    """Tell whether a box lies within a tile, itself cut to the canvas."""
    rect = tile.rect
    return rect.x <= left and rect.y <= top and rect.x + rect.width >= right and rect.y + rect.height >= bottom


def test_edge_that_alone_reaches_into_a_tile_is_drawn(open_stage: OpenStage) -> None:
    document = scene(
        cue(word(1, "HH"), word(2, "HH", 0.5, 1.0)),
        style={"fontSize": 100, "stroke": {"color": "#000000", "width": 12}, "color": "#FFFFFF"},
        width=SIZE[0],
        height=SIZE[1],
    )
    with open_stage(document, *SIZE) as stage:
        stage.load()
        (base, *_) = stage.plan([0.1]).tiles
        (whole,) = stage.capture([base])
        columns = np.flatnonzero((whole[..., 3] == 255).any(axis=0))
        starts = columns[np.flatnonzero(np.diff(columns, prepend=-9) > 1)]
        for start in starts:
            for width in (2, 4, 8):
                left = int(start) // 2 * 2
                stage._page.evaluate(
                    "([id, x, width]) => { const stage = window.reelyard.stage, tile = stage.tiles.get(id);"
                    "stage.tiles.set(99, {...tile, rect: [tile.rect[0] + x, tile.rect[1], width, tile.rect[3]]}) }",
                    [base.id, left, width],
                )
                slim = Tile(99, type(base.rect)(base.rect.x + left, base.rect.y, width, base.rect.height))
                (part,) = stage.capture([slim])
                assert np.array_equal(part, whole[:, left : left + width]), (start, width)
    assert len(starts) >= 2
