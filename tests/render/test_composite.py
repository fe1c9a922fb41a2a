"""Blending: colours land where the footage's own matrix puts them, and nothing else is touched."""

from __future__ import annotations

import av
import numpy as np
import pytest

from render_node.composite import ColourSpace, blend, plane_of, to_yuv
from render_node.frames.plan import Rect, Tile
from render_node.frames.stage_page import even_rect

COLOURS = [(255, 225, 77), (56, 225, 198), (255, 0, 0), (0, 0, 255), (12, 34, 56), (255, 255, 255), (0, 0, 0)]


def noise(width: int, height: int) -> av.VideoFrame:
    frame = av.VideoFrame(width, height, "yuv420p")
    random = np.random.default_rng(1)
    for index in range(3):
        plane = plane_of(frame, index)
        plane[...] = random.integers(0, 256, plane.shape, dtype=np.uint8)
    return frame


def planes_of(frame: av.VideoFrame) -> list[np.ndarray]:
    return [plane_of(frame, index).copy() for index in range(3)]


def filled(rect: Rect, colour: tuple[int, int, int], alpha: int) -> np.ndarray:
    picture = np.empty((rect.height, rect.width, 4), np.uint8)
    picture[...] = (*colour, alpha)
    return picture


@pytest.mark.parametrize("matrix", ["ITU601", "ITU709"])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("colour", COLOURS)
def test_colours_land_where_ffmpeg_puts_them(matrix: str, full: bool, colour: tuple[int, int, int]) -> None:
    rect = Rect(0, 0, 32, 32)
    frame = noise(32, 32)
    blend(frame, to_yuv(Tile(0, rect), filled(rect, colour, 255), ColourSpace(matrix, full)))
    flat = av.VideoFrame.from_ndarray(np.full((32, 32, 3), colour, np.uint8), format="rgb24")
    right = flat.reformat(format="yuv420p", dst_colorspace=matrix, dst_color_range="JPEG" if full else "MPEG")
    for mine, theirs in zip(planes_of(frame), planes_of(right), strict=True):
        assert abs(int(mine[8, 8]) - int(theirs[8, 8])) <= 2
        assert mine.min() == mine.max()


def test_transparent_picture_leaves_every_byte() -> None:
    frame, rect = noise(64, 48), Rect(0, 0, 64, 48)
    before = planes_of(frame)
    blend(frame, to_yuv(Tile(0, rect), filled(rect, (255, 80, 9), 0), ColourSpace("ITU709", False)))
    for mine, theirs in zip(planes_of(frame), before, strict=True):
        assert np.array_equal(mine, theirs)


def test_half_transparent_white_is_the_mean() -> None:
    frame, rect = noise(16, 16), Rect(0, 0, 16, 16)
    before = planes_of(frame)[0].astype(int)
    blend(frame, to_yuv(Tile(0, rect), filled(rect, (255, 255, 255), 128), ColourSpace("ITU709", False)))
    right = 235 * 128 / 255 + before * 127 / 255
    assert np.abs(planes_of(frame)[0] - right).max() <= 1


@pytest.mark.parametrize(
    "box", [[-5.0, -5.0, 12.0, 12.0], [57.0, 41.0, 30.0, 30.0], [31.3, 0.0, 7.7, 47.9], [0.0, 0.0, 64.0, 48.0]]
)
def test_regions_at_the_edge_are_cut_to_even_pixels_and_only_they_change(box: list[float]) -> None:
    frame, rect = noise(64, 48), even_rect(box, 64, 48)
    assert not any(side % 2 for side in (rect.x, rect.y, rect.width, rect.height))
    before = planes_of(frame)
    blend(frame, to_yuv(Tile(0, rect), filled(rect, (255, 0, 0), 255), ColourSpace("ITU709", False)))
    for index, (mine, theirs) in enumerate(zip(planes_of(frame), before, strict=True)):
        half = 2 if index else 1
        inside = np.zeros(mine.shape, bool)
        bottom, right = (rect.y + rect.height) // half, (rect.x + rect.width) // half
        inside[rect.y // half : bottom, rect.x // half : right] = True
        assert inside.any() and mine[inside].min() == mine[inside].max()
        assert np.array_equal(mine[~inside], theirs[~inside])


def test_region_outside_the_picture_is_empty() -> None:
    assert even_rect([70.0, 5.0, 10.0, 10.0], 64, 48).width == 0


def test_fading_is_even_over_picture_and_alpha() -> None:
    rect = Rect(0, 0, 4, 4)
    patch = to_yuv(Tile(0, rect), filled(rect, (255, 255, 255), 255), ColourSpace("ITU709", True))
    half = patch.faded(128)
    assert (int(half.y[0, 0]), int(half.alpha[0, 0])) == (128, 128)
    assert patch.faded(0).alpha.max() == 0
