"""Captions into footage: RGBA tiles become YUV once, and are blended into a frame's own planes.

The footage never takes a round trip through RGB, so everything outside the captions stays exactly as decoded. Matrix
and range are the footage's own (ITU-R BT.601/709, limited or full); chroma lies where the footage's does and is made of
the pixels around it (``siting``), alpha is premultiplied.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from render_node.frames.plan import Rect, Tile
from render_node.frames.stage_page import Rgba
from render_node.siting import SITINGS, Siting, sum_cells, with_neighbours

Plane = NDArray[np.uint8]
Words = NDArray[np.uint32]

MATRICES = {"ITU601": (0.299, 0.114), "SMPTE240M": (0.212, 0.087), "ITU709": (0.2126, 0.0722)}
"""Kr and Kb of each matrix (BT.601, SMPTE 240M, BT.709)."""
HALVES = (1, 2, 2, 1, 2)
"""Pixels to a sample of Y, Cb, Cr, alpha and the chroma's alpha."""
CHANNELS = 4
PAIR, HALF, LOW = np.uint32(0x00FF00FF), np.uint16(128), np.uint32(0xFFFF)
OPAQUE, ROUND = np.uint32(0x00FF0000), np.uint32(1 << 15)
BAND = 1 << 16
"""Pixels converted at a time: what is made of them on the way stays in a core's own cache."""
STEPS = 5
"""Numbers held for each of them on the way."""


@dataclass(frozen=True)
class ColourSpace:
    """How RGB becomes the footage's YUV; ``matrix`` is a key of MATRICES, ``siting`` one of SITINGS."""

    matrix: str
    is_full_range: bool
    siting: str = "center"

    def luma(self) -> tuple[NDArray[np.float32], float]:
        """Return weights of R, G, B (0..255) and the offset of Y."""
        kr, kb = MATRICES[self.matrix]
        scale = 1.0 if self.is_full_range else 219 / 255
        return np.array([kr, 1 - kr - kb, kb], np.float32) * np.float32(scale), 0.0 if self.is_full_range else 16.0

    def chroma(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return weights of R, G, B for Cb and Cr; their offset is 128."""
        kr, kb = MATRICES[self.matrix]
        kg, scale = 1 - kr - kb, 1.0 if self.is_full_range else 224 / 255
        blue = np.array([-kr, -kg, 1 - kb], np.float32) / np.float32(2 * (1 - kb)) * np.float32(scale)
        red = np.array([1 - kr, -kg, -kb], np.float32) / np.float32(2 * (1 - kr)) * np.float32(scale)
        return blue, red


@dataclass
class YuvPatch:
    """A picture ready to be blended: premultiplied planes and their alpha, chroma at half size.

    :param rect: the region that it stands for, :param ink: what of it the planes hold; the rest is transparent.
    No value is above its alpha.
    """

    rect: Rect
    ink: Rect
    y: Plane
    u: Plane
    v: Plane
    alpha: Plane
    chroma_alpha: Plane

    def planes(self) -> tuple[Plane, ...]:
        """Return all planes of the whole region; the first and fourth are full size."""
        return self._over(self.rect)._held()

    def copy(self) -> YuvPatch:
        """Return a patch whose planes can be changed."""
        return YuvPatch(self.rect, self.ink, *(plane.copy() for plane in self._held()))

    def lay(self, other: YuvPatch) -> None:
        """Replace the part of this patch that the other one covers."""
        covered, inked = intersect(self.ink, other.rect), intersect(self.rect, other.ink)
        if covered.width:
            for plane in self._cut(covered):
                plane[...] = 0
        if inked.width:
            if intersect(self.ink, inked) != inked:
                grown = self._over(self.ink.cover(inked) if self.ink.width else inked)
                self.ink, self.y, self.u, self.v = grown.ink, grown.y, grown.u, grown.v
                self.alpha, self.chroma_alpha = grown.alpha, grown.chroma_alpha
            for mine, theirs in zip(self._cut(inked), other._cut(inked), strict=True):
                mine[...] = theirs

    def crop(self, rect: Rect) -> YuvPatch:
        """Return the part that lies in a region within this one; it shares this patch's memory."""
        ink = intersect(self.ink, rect)
        return YuvPatch(rect, ink, *self._cut(ink))

    def faded(self, opacity: int) -> YuvPatch:
        """Return the patch at an opacity of 0..255."""
        factor = np.uint16(opacity)
        planes = (((plane * factor + 127) // 255).astype(np.uint8) for plane in self._held())
        return YuvPatch(self.rect, self.ink, *planes)

    def _held(self) -> tuple[Plane, Plane, Plane, Plane, Plane]:
        return self.y, self.u, self.v, self.alpha, self.chroma_alpha

    def _cut(self, rect: Rect) -> tuple[Plane, ...]:
        """Return views of a region within the ink."""
        top, left = rect.y - self.ink.y, rect.x - self.ink.x
        return tuple(
            plane[top // half : (top + rect.height) // half, left // half : (left + rect.width) // half]
            for plane, half in zip(self._held(), HALVES, strict=True)
        )

    def _over(self, rect: Rect) -> YuvPatch:
        """Return the same picture with planes that hold a region around its ink."""
        if rect == self.ink:
            return self
        planes = (np.zeros((rect.height // half, rect.width // half), np.uint8) for half in HALVES)
        wider = YuvPatch(self.rect, rect, *planes)
        if self.ink.width:
            for theirs, mine in zip(wider._cut(self.ink), self._held(), strict=True):
                theirs[...] = mine
        return wider


def intersect(one: Rect, two: Rect) -> Rect:
    """Return what two regions share; 0 by 0 pixels when it is nothing."""
    left, top = max(one.x, two.x), max(one.y, two.y)
    width = min(one.x + one.width, two.x + two.width) - left
    height = min(one.y + one.height, two.y + two.height) - top
    return Rect(left, top, width, height) if width > 0 and height > 0 else Rect(one.x, one.y, 0, 0)


def to_yuv(tile: Tile, picture: Rgba, space: ColourSpace) -> YuvPatch:
    """Convert a drawn tile (straight alpha, even size) into a patch.

    Fixed-point arithmetic on whole pixels: each number of 32 bits holds two channels, 16 bits apart.

    :param picture: of the tile's region; it may have more on the left and above, which chroma is made of too.
    """
    siting, weights = SITINGS[space.siting], fixed_point(space)
    above, before = picture.shape[0] - tile.rect.height, picture.shape[1] - tile.rect.width
    pixels = words_of(picture)
    top, bottom, left, right = ink_of(pixels, siting)
    top, left = max(top, above), max(left, before)
    ink = Rect(tile.rect.x + left - before, tile.rect.y + top - above, max(0, right - left), max(0, bottom - top))
    planes = tuple(np.empty((ink.height // half, ink.width // half), np.uint8) for half in HALVES)
    rows = min(max(2, BAND // max(1, ink.width) // 2 * 2), max(2, ink.height))
    spare = np.empty(STEPS * (rows + 1) * (ink.width + 1), np.uint32)
    for start in range(0, ink.height, rows):
        stop = min(top + start + rows, bottom)
        band = with_neighbours(pixels[:stop, :right], top + start, left, siting)
        for plane, half, part in zip(planes, HALVES, convert_band(band, weights, siting, spare), strict=True):
            plane[start // half : start // half + part.shape[0]] = part
    return YuvPatch(tile.rect, ink, *planes)


def convert_band(pixels: Words, weights: tuple[Words, Words, Words], siting: Siting, room: Words) -> tuple[Words, ...]:
    """Return Y, Cb, Cr, alpha and the chroma's alpha of pixels, an even number each way and their neighbours.

    :param room: ``STEPS`` numbers for each pixel, overwritten; some of what is returned lies in there.
    """
    luma, *chroma = weights
    room = room[: STEPS * pixels.size].reshape(STEPS, *pixels.shape)
    alpha, red_blue, green_alpha, copy, spare = room
    np.copyto(copy, pixels)  # as one run of memory
    np.right_shift(copy, 24, out=alpha)
    np.bitwise_and(copy, PAIR, out=red_blue)
    np.right_shift(copy, 8, out=green_alpha)
    green_alpha &= PAIR
    green_alpha |= OPAQUE
    for pairs in (red_blue, green_alpha):
        pairs *= alpha
        over_255(pairs, spare)
    small_rb, small_ga = sum_cells(red_blue, siting), sum_cells(green_alpha, siting)
    own = slice(int(siting.on_rows), None), slice(int(siting.on_columns), None)
    y = weigh(red_blue, green_alpha, luma, room[-2:])
    y += ROUND
    y >>= 16
    bits = siting.bits
    half = np.uint32(1 << (bits - 1))
    chroma_alpha: Words = np.right_shift((small_ga >> 16) + half, bits)
    sums = (weigh(small_rb, small_ga, each, np.empty((2, *small_rb.shape), np.uint32)) for each in chroma)
    # Rounding must not lift a value above its alpha: blending adds them without a check.
    u, v = (np.minimum(total + (half << 16) >> 16 + bits, chroma_alpha) for total in sums)
    return y[own], u, v, alpha[own], chroma_alpha


def words_of(picture: Rgba) -> Words:
    """Return each pixel as one number, red in its lowest byte."""
    if picture.strides[2] != 1 or picture.strides[1] != CHANNELS:
        picture = np.ascontiguousarray(picture)
    words: Words = picture.view("<u4")[..., 0]
    return words


def ink_of(pixels: Words, siting: Siting) -> tuple[int, int, int, int]:
    """Return top, bottom, left and right, all even, of what is not transparent; zeros when all is.

    A last column that is odd is a part of the chroma sample after it too, where samples lie on columns; likewise rows.
    """
    rows = np.flatnonzero(np.bitwise_or.reduce(pixels, axis=1))
    if not len(rows):
        return 0, 0, 0, 0
    top, bottom = rows[0] // 2 * 2, (rows[-1] + siting.on_rows) // 2 * 2 + 2
    columns = np.flatnonzero(np.bitwise_or.reduce(pixels[top:bottom], axis=0))
    left, right = columns[0] // 2 * 2, (columns[-1] + siting.on_columns) // 2 * 2 + 2
    return int(top), min(int(bottom), pixels.shape[0]), int(left), min(int(right), pixels.shape[1])


def over_255(pairs: Words, spare: Words) -> None:
    """Divide both channels, products of two bytes, by 255 in place, exactly rounded."""
    products, shares = pairs.view(np.uint16), spare.view(np.uint16)
    products += HALF
    np.right_shift(products, 8, out=shares)
    products += shares
    products >>= 8


def weigh(red_blue: Words, green_alpha: Words, weights: Words, room: Words) -> Words:
    """Return the weighted sum of the channels; below zero it counts modulo 2**32, which cancels out in the end.

    :param room: twice as large, overwritten; what is returned is its first half.
    """
    total: Words = room[0]
    part: Words = room[1]
    np.bitwise_and(red_blue, LOW, out=total)
    total *= weights[0]
    others = (np.bitwise_and, green_alpha, LOW), (np.right_shift, red_blue, 16), (np.right_shift, green_alpha, 16)
    take: Any
    for (take, pair, by), weight in zip(others, weights[1:], strict=True):
        take(pair, by, out=part)
        part *= weight
        total += part
    return total


@cache
def fixed_point(space: ColourSpace) -> tuple[Words, Words, Words]:
    """Return the weights of R, G, B and alpha for Y, Cb and Cr in parts of 2**16."""
    luma, offset = space.luma()
    rows = ((luma, offset), *((weights, 128.0) for weights in space.chroma()))
    scaled = (np.rint(np.array([*weights, base / 255], np.float64) * 65536) for weights, base in rows)
    luma_words, blue, red = (row.astype(np.int64).astype(np.uint32) for row in scaled)
    return luma_words, blue, red


def blend(frame: av.VideoFrame, patch: YuvPatch) -> None:
    """Lay a patch over a writable yuv420p frame, in place: out = patch + footage * (255 - alpha) / 255."""
    pairs = ((0, patch.y, patch.alpha, 1), (1, patch.u, patch.chroma_alpha, 2), (2, patch.v, patch.chroma_alpha, 2))
    for index, values, alpha, half in pairs:
        plane = plane_of(frame, index)
        top, left = patch.ink.y // half, patch.ink.x // half
        height, width = min(values.shape[0], plane.shape[0] - top), min(values.shape[1], plane.shape[1] - left)
        region = plane[top : top + height, left : left + width]
        mix(region, values[:height, :width], alpha[:height, :width])


def mix(region: Plane, values: Plane, alpha: Plane) -> None:
    """Blend premultiplied values, none above its alpha, into a region in place."""
    rest = np.invert(alpha).astype(np.uint16)
    rest *= region
    rest += 128
    rest += rest >> 8  # exact division by 255, rounded, for products of two bytes
    rest >>= 8
    np.add(rest.astype(np.uint8), values, out=region)


def plane_of(frame: av.VideoFrame, index: int) -> Plane:
    """Return a plane as a writable array without its padding."""
    plane = frame.planes[index]
    buffer: Any = plane  # a plane is a buffer, which its stub does not say
    rows: Plane = np.frombuffer(buffer, np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width]
