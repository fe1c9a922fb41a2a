"""Every script in a real browser: the order of words, the way a sweep runs, unbroken shaping, and our fonts only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from render_node.frames.plan import Rect, Tile
from render_node.frames.stage_page import Rgba
from render_node.overlay import Overlay
from tasks.fonts import faces_of
from tasks.scenario import parse
from tests.unit.scenario.scenes import cue, scene, word

SIZE = (960, 240)
CUE_S = 3.0
RED = {"type": "highlight", "color": "#FF0000"}
SWEEP = {"type": "karaoke", "color": "#FF0000"}
ARABIC = ("مرحبا", "بالعالم", "الجميل")
HEBREW = ("שלום", "עולם", "יפה")
MIXED = ("Hello", "שלום", "עולם", "world")
SHOWN: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "arabic sweep": (ARABIC, SWEEP),
    "hebrew sweep": (HEBREW, SWEEP),
    "english sweep": (("one", "two", "three"), SWEEP),
    "arabic red": (ARABIC, RED),
    "arabic pale": (ARABIC, {"type": "highlight", "color": "#FFFFE8"}),
    "arabic plain": (ARABIC, {"type": "none"}),
    "mixed": (MIXED, RED),
    "mixed sweep": (MIXED, SWEEP),
    "rtl with numbers": (("שלום", "123", "עולם", "abc"), RED),
    "devanagari red": (("नमस्ते", "क्षत्रिय"), RED),
    "devanagari pale": (("नमस्ते", "क्षत्रिय"), {"type": "highlight", "color": "#FFFFE8"}),
    "devanagari plain": (("नमस्ते", "क्षत्रिय"), {"type": "none"}),
    "family": (("👨‍👩‍👧‍👦",), {"type": "none"}),
    "four people": (("👨👩👧👦",), {"type": "none"}),
    "astronaut": (("👩‍🚀",), {"type": "none"}),
    "flag": (("🇩🇪",), {"type": "none"}),
}


@dataclass
class Picture:
    """A patch that keeps straight alpha, as the overlay lays it together."""

    rect: Rect
    rgba: Rgba

    def copy(self) -> Picture:
        return Picture(self.rect, self.rgba.copy())

    def lay(self, other: Picture) -> None:
        x, y = other.rect.x - self.rect.x, other.rect.y - self.rect.y
        self.rgba[y : y + other.rect.height, x : x + other.rect.width] = other.rgba

    def crop(self, rect: Rect) -> Picture:
        x, y = rect.x - self.rect.x, rect.y - self.rect.y
        return Picture(rect, self.rgba[y : y + rect.height, x : x + rect.width])

    def faded(self, opacity: int) -> Picture:
        faint = self.copy()
        faint.rgba[..., 3] = (faint.rgba[..., 3].astype(int) * opacity + 127) // 255
        return faint


class Drawn:
    """Frames of every caption in SHOWN, drawn by one browser."""

    def __init__(self, chromium: str) -> None:
        self.names = list(SHOWN)
        self.times = [n * CUE_S + k / 20 for n in range(len(SHOWN)) for k in range(int(CUE_S * 20))]
        scenario = parse(
            scene(*map(self._cue, range(len(SHOWN))), width=SIZE[0], height=SIZE[1], style={"fontSize": 60})
        )
        overlay: Overlay[Picture] = Overlay(
            scenario, self.times, size=SIZE, fonts=faces_of(scenario), chromium=chromium, convert=self._convert
        )
        overlay.start()
        try:
            self.frames = [self._whole(overlay.at(t)) for t in self.times]
        finally:
            overlay.close()

    def _cue(self, number: int) -> dict[str, Any]:
        texts, active = SHOWN[self.names[number]]
        start = number * CUE_S
        said = [word(number * 9 + n, text, start + n * 0.5, start + n * 0.5 + 0.5) for n, text in enumerate(texts)]
        return cue(*said, number=number, start=start, end=start + CUE_S, animation={"activeWord": active})

    @staticmethod
    def _convert(tile: Tile, rgba: Rgba) -> Picture:
        return Picture(tile.rect, rgba[-tile.rect.height :, -tile.rect.width :].copy())

    @staticmethod
    def _whole(patches: list[Picture]) -> Rgba:
        canvas = Picture(Rect(0, 0, *SIZE), np.zeros((SIZE[1], SIZE[0], 4), np.uint8))
        for patch in patches:
            canvas.lay(patch)
        return canvas.rgba

    def at(self, name: str, t: float) -> Rgba:
        """Return the frame at ``t`` seconds after a caption's start."""
        return self.frames[self.names.index(name) * int(CUE_S * 20) + round(t * 20)]

    def red_x(self, name: str, t: float) -> float:
        """Return the middle of the red ink, pixels from the left."""
        columns = redness(self.at(name, t)).sum(axis=0)
        assert columns.sum() > 1000, (name, t)
        return float((columns * np.arange(columns.size)).sum() / columns.sum())

    def order(self, name: str) -> list[str]:
        """Return the words from left to right, each found by its red ink while it is spoken."""
        texts, _ = SHOWN[name]
        return [text for _, text in sorted((self.red_x(name, n * 0.5 + 0.25), text) for n, text in enumerate(texts))]


def redness(picture: Rgba) -> Any:
    values = picture.astype(int)
    return np.where(values[..., 0] - values[..., 1] > 128, values[..., 3], 0)


@pytest.fixture(scope="module")
def drawn(chromium: str) -> Iterator[Drawn]:
    """Draw everything once."""
    yield Drawn(chromium)


@pytest.mark.parametrize(("name", "sign"), [("arabic sweep", -1), ("hebrew sweep", -1), ("english sweep", 1)])
def test_karaoke_sweeps_the_way_its_script_is_written(drawn: Drawn, name: str, sign: int) -> None:
    fronts = []
    for step in range(3, 30):
        columns = np.flatnonzero(redness(drawn.at(name, step / 20)).sum(axis=0) > 300)
        if columns.size:
            fronts.append(sign * int(columns.min() if sign < 0 else columns.max()))
    middles = [sign * drawn.red_x(name, t) for t in (0.25, 0.75, 1.25)]
    assert len(fronts) > 20
    assert fronts == sorted(fronts)
    assert fronts[-1] - fronts[0] > 200
    assert middles == sorted(middles)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("arabic red", ["الجميل", "بالعالم", "مرحبا"]),
        ("mixed", ["Hello", "עולם", "שלום", "world"]),
        ("rtl with numbers", ["abc", "עולם", "123", "שלום"]),
    ],
)
def test_words_stand_in_the_order_of_bidirectional_text(drawn: Drawn, name: str, wanted: list[str]) -> None:
    assert drawn.order(name) == wanted


@pytest.mark.parametrize(("number", "sign"), [(0, 1), (1, -1), (2, -1), (3, 1)])
def test_each_word_of_a_mixed_line_is_swept_its_own_way(drawn: Drawn, number: int, sign: int) -> None:
    before, early, late = (redness(drawn.at("mixed sweep", number * 0.5 + t)).sum(axis=0) for t in (0, 0.15, 0.4))
    fronts = []
    for moment in (early, late):
        fresh = np.flatnonzero(moment.astype(int) - before > 300)
        fronts.append(sign * int(fresh.min() if sign < 0 else fresh.max()))
    assert fronts[0] < fronts[1]


@pytest.mark.parametrize("script", ["arabic", "devanagari"])
def test_colouring_a_word_leaves_the_shape_of_every_letter(drawn: Drawn, script: str) -> None:
    for n in range(len(SHOWN[f"{script} plain"][0])):
        pale, red, plain = (drawn.at(f"{script} {look}", n * 0.5 + 0.25) for look in ("pale", "red", "plain"))
        assert np.array_equal(pale[..., 3], plain[..., 3])
        assert not np.array_equal(pale, plain)
        # Text is thinned a little by its lightness, so a red edge differs from a white one
        assert np.abs(red[..., 3].astype(int) - plain[..., 3]).max() <= 32
        assert redness(red).sum() > 10_000
        assert redness(plain).sum() == 0


def test_a_sweep_leaves_the_shape_of_every_letter(drawn: Drawn) -> None:
    plain = drawn.at("arabic plain", 0.1)[..., 3].astype(int)
    for step in range(30):
        swept = drawn.at("arabic sweep", step / 20)[..., 3].astype(int)
        assert np.abs(swept - plain).max() <= 32, step


def ink_width(picture: Rgba) -> int:
    columns = np.flatnonzero(picture[..., 3].sum(axis=0))
    return int(columns[-1] - columns[0] + 1)


def colours(picture: Rgba) -> set[tuple[int, ...]]:
    """Return the strong colours of a picture, coarsely."""
    solid = picture[picture[..., 3] == 255][:, :3].astype(int)
    strong = solid[solid.max(axis=1) - solid.min(axis=1) > 60]
    return {tuple(pixel // 64) for pixel in strong}


def test_a_joined_emoji_is_one_picture(drawn: Drawn) -> None:
    one, four = ink_width(drawn.at("family", 0.1)), ink_width(drawn.at("four people", 0.1))
    assert 50 <= one <= 80
    assert four > 3.4 * one
    assert ink_width(drawn.at("astronaut", 0.1)) <= 80


@pytest.mark.parametrize(("name", "least"), [("four people", 3), ("astronaut", 3), ("flag", 2)])
def test_emoji_are_in_colour(drawn: Drawn, name: str, least: int) -> None:
    assert len(colours(drawn.at(name, 0.1))) >= least
    assert (3, 3, 3) not in colours(drawn.at(name, 0.1))
