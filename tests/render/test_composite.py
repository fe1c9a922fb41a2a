"""Blending: colours land where the footage's own matrix puts them, and nothing else is touched."""

from __future__ import annotations

import av
import numpy as np
import pytest

from render_node.composite import ColourSpace, blend, mix, plane_of, to_yuv
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


def written_out(picture: np.ndarray, space: ColourSpace) -> list[np.ndarray]:
    """Convert as the definition says, in floating point."""
    alpha = picture[..., 3:].astype(float) / 255
    colour = picture[..., :3] * alpha
    means = [(v[::2, ::2] + v[1::2, ::2] + v[::2, 1::2] + v[1::2, 1::2]) / 4 for v in (colour, alpha)]
    weights, offset = space.luma()
    chroma = [means[0] @ each + 128 * means[1][..., 0] for each in space.chroma()]
    return [colour @ weights + offset * alpha[..., 0], *chroma, picture[..., 3], 255 * means[1][..., 0]]


def shapes(seed: int, width: int = 96, height: int = 64) -> np.ndarray:
    """Draw soft and hard shapes on nothing: every alpha, every colour, empty borders."""
    random = np.random.default_rng(seed)
    picture = random.integers(0, 256, (height, width, 4), dtype=np.uint8)
    kind = random.integers(0, 3, (height, width))
    picture[kind == 0], picture[kind == 1, 3] = 0, 255
    top, left = random.integers(1, height // 2), random.integers(1, width // 2)
    picture[:top], picture[:, :left], picture[-3:] = 0, 0, 0
    return picture


@pytest.mark.parametrize("matrix", ["ITU601", "SMPTE240M", "ITU709"])
@pytest.mark.parametrize("full", [False, True])
def test_conversion_is_within_one_level_of_its_definition(matrix: str, full: bool) -> None:
    space = ColourSpace(matrix, full)
    for seed in range(5):
        picture = shapes(seed)
        patch = to_yuv(Tile(0, Rect(10, 20, 96, 64)), picture, space)
        for mine, right in zip(patch.planes(), written_out(picture, space), strict=True):
            assert mine.shape == right.shape
            assert np.abs(mine - right).max() <= 1.01
            assert np.abs(mine - right).mean() < 0.26
        assert (patch.y <= patch.alpha).all()
        assert (np.maximum(patch.u, patch.v) <= patch.chroma_alpha).all()


def test_patch_holds_no_more_than_its_ink() -> None:
    picture = np.zeros((64, 96, 4), np.uint8)
    picture[21:40, 33:50] = 255
    patch = to_yuv(Tile(0, Rect(10, 20, 96, 64)), picture, ColourSpace("ITU709", False))
    assert patch.ink == Rect(10 + 32, 20 + 20, 18, 20)
    assert patch.y.shape == (20, 18)
    empty = to_yuv(Tile(0, Rect(10, 20, 96, 64)), np.zeros((64, 96, 4), np.uint8), ColourSpace("ITU709", False))
    assert (empty.y.size, empty.planes()[0].shape, int(empty.planes()[4].max())) == (0, (64, 96), 0)


@pytest.mark.parametrize("seed", range(8))
def test_laying_replaces_what_is_below_wherever_the_ink_is(seed: int) -> None:
    random = np.random.default_rng(seed)
    space = ColourSpace("ITU709", False)
    whole = shapes(seed) if seed % 2 else np.zeros((64, 96, 4), np.uint8)
    patch = to_yuv(Tile(0, Rect(10, 20, 96, 64)), whole, space).copy()
    for step in range(4):
        left, top = (2 * int(random.integers(0, limit)) for limit in (30, 20))
        part = shapes(100 * seed + step, 36, 24)
        whole[top : top + 24, left : left + 36] = part
        patch.lay(to_yuv(Tile(0, Rect(10 + left, 20 + top, 36, 24)), part, space))
    for mine, right in zip(patch.planes(), to_yuv(Tile(0, Rect(10, 20, 96, 64)), whole, space).planes(), strict=True):
        assert np.array_equal(mine, right)
    frame, other = noise(128, 96), noise(128, 96)
    blend(frame, patch)
    blend(other, to_yuv(Tile(0, Rect(10, 20, 96, 64)), whole, space))
    assert all(np.array_equal(a, b) for a, b in zip(planes_of(frame), planes_of(other), strict=True))


def test_cut_columns_are_those_of_the_whole() -> None:
    space, picture = ColourSpace("ITU709", False), shapes(3)
    patch = to_yuv(Tile(0, Rect(10, 20, 96, 64)), picture, space)
    for x, width in ((10, 8), (40, 30), (70, 36)):
        cut = patch.crop(Rect(x, 20, width, 64))
        right = to_yuv(Tile(0, Rect(x, 20, width, 64)), picture[:, x - 10 : x - 10 + width], space)
        assert all(np.array_equal(a, b) for a, b in zip(cut.planes(), right.planes(), strict=True))


def test_blending_is_exactly_rounded() -> None:
    alpha, region = (plane.astype(np.uint8) for plane in np.mgrid[0:256, 0:256])
    for values in (np.zeros((256, 256), np.uint8), alpha):
        mixed = region.copy()
        mix(mixed, values, alpha)
        right = values + (region.astype(int) * (255 - alpha.astype(int)) * 2 + 255) // 510
        assert np.array_equal(mixed, right)
