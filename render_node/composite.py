"""Captions into footage: RGBA tiles become YUV once, and are blended into a frame's own planes.

The footage never takes a round trip through RGB, so everything outside the captions stays exactly as decoded. Matrix
and range are the footage's own (ITU-R BT.601/709, limited or full); chroma is the mean of its four pixels, alpha is
premultiplied.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from render_node.frames.plan import Rect, Tile
from render_node.frames.stage_page import Rgba

Plane = NDArray[np.uint8]

MATRICES = {"ITU601": (0.299, 0.114), "SMPTE240M": (0.212, 0.087), "ITU709": (0.2126, 0.0722)}
"""Kr and Kb of each matrix (BT.601, SMPTE 240M, BT.709)."""


@dataclass(frozen=True)
class ColourSpace:
    """How RGB becomes the footage's YUV; ``matrix`` is a key of MATRICES."""

    matrix: str
    is_full_range: bool

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
    """A picture ready to be blended: premultiplied planes and their alpha, chroma at half size."""

    rect: Rect
    y: Plane
    u: Plane
    v: Plane
    alpha: Plane
    chroma_alpha: Plane

    def planes(self) -> tuple[Plane, Plane, Plane, Plane, Plane]:
        """Return all planes; the first and fourth are full size."""
        return self.y, self.u, self.v, self.alpha, self.chroma_alpha

    def copy(self) -> YuvPatch:
        """Return a patch whose planes can be changed."""
        return YuvPatch(self.rect, *(plane.copy() for plane in self.planes()))

    def lay(self, other: YuvPatch) -> None:
        """Replace the part of this patch that the other one covers."""
        left, top = max(self.rect.x, other.rect.x), max(self.rect.y, other.rect.y)
        right = min(self.rect.x + self.rect.width, other.rect.x + other.rect.width)
        bottom = min(self.rect.y + self.rect.height, other.rect.y + other.rect.height)
        if right <= left or bottom <= top:
            return
        for mine, theirs, half in zip(self.planes(), other.planes(), (1, 2, 2, 1, 2), strict=True):
            to_y, to_x = (top - self.rect.y) // half, (left - self.rect.x) // half
            from_y, from_x = (top - other.rect.y) // half, (left - other.rect.x) // half
            height, width = (bottom - top) // half, (right - left) // half
            mine[to_y : to_y + height, to_x : to_x + width] = theirs[from_y : from_y + height, from_x : from_x + width]

    def crop(self, rect: Rect) -> YuvPatch:
        """Return the part that lies in a region within this one; it shares this patch's memory."""
        top, left = rect.y - self.rect.y, rect.x - self.rect.x
        cut = (
            plane[top // half : (top + rect.height) // half, left // half : (left + rect.width) // half]
            for plane, half in zip(self.planes(), (1, 2, 2, 1, 2), strict=True)
        )
        return YuvPatch(rect, *cut)

    def faded(self, opacity: int) -> YuvPatch:
        """Return the patch at an opacity of 0..255."""
        factor = np.uint16(opacity)
        return YuvPatch(self.rect, *(((p * factor + 127) // 255).astype(np.uint8) for p in self.planes()))


def to_yuv(tile: Tile, picture: Rgba, space: ColourSpace) -> YuvPatch:
    """Convert a drawn tile (straight alpha, even size) into a patch."""
    colour = picture[..., :3].astype(np.float32)
    alpha = picture[..., 3].astype(np.float32) / 255
    weights, offset = space.luma()
    luma = (colour @ weights + offset) * alpha
    premultiplied = colour * alpha[..., None]
    small, small_alpha = halve(premultiplied), halve(alpha)
    blue, red = space.chroma()
    return YuvPatch(
        tile.rect,
        to_bytes(luma),
        to_bytes(small @ blue + 128 * small_alpha),
        to_bytes(small @ red + 128 * small_alpha),
        picture[..., 3].copy(),
        to_bytes(small_alpha * 255),
    )


def halve(values: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Return the mean of each 2x2 block."""
    mean: NDArray[np.floating[Any]] = (
        values[::2, ::2] + values[1::2, ::2] + values[::2, 1::2] + values[1::2, 1::2]
    ) / 4
    return mean


def to_bytes(values: NDArray[np.floating[Any]]) -> Plane:
    """Round to bytes."""
    rounded: Plane = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return rounded


def blend(frame: av.VideoFrame, patch: YuvPatch) -> None:
    """Lay a patch over a writable yuv420p frame, in place: out = patch + footage * (255 - alpha) / 255."""
    pairs = ((0, patch.y, patch.alpha, 1), (1, patch.u, patch.chroma_alpha, 2), (2, patch.v, patch.chroma_alpha, 2))
    for index, values, alpha, half in pairs:
        plane = plane_of(frame, index)
        top, left = patch.rect.y // half, patch.rect.x // half
        height, width = min(values.shape[0], plane.shape[0] - top), min(values.shape[1], plane.shape[1] - left)
        region = plane[top : top + height, left : left + width]
        mix(region, values[:height, :width], alpha[:height, :width])


def mix(region: Plane, values: Plane, alpha: Plane) -> None:
    """Blend premultiplied values into a region in place."""
    rest = np.subtract(255, alpha, dtype=np.uint16)
    np.multiply(rest, region, out=rest)
    rest += 128
    rest += rest >> 8  # exact division by 255, rounded, for products of two bytes
    rest >>= 8
    rest += values
    np.minimum(rest, 255, out=rest)
    region[...] = rest


def plane_of(frame: av.VideoFrame, index: int) -> Plane:
    """Return a plane as a writable array without its padding."""
    plane = frame.planes[index]
    buffer: Any = plane  # a plane is a buffer, which its stub does not say
    rows: Plane = np.frombuffer(buffer, np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width]
