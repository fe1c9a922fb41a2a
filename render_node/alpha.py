"""Captions alone: tiles gathered on a transparent RGBA frame, straight alpha, as files with alpha store it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from render_node.frames.plan import Rect, Tile
from render_node.frames.stage_page import Rgba

BLEED = 8


@dataclass
class RgbaPatch:
    """A drawn region with straight alpha."""

    rect: Rect
    picture: Rgba

    def copy(self) -> RgbaPatch:
        """Return a patch that can be changed."""
        return RgbaPatch(self.rect, self.picture.copy())

    def lay(self, other: RgbaPatch) -> None:
        """Replace the part of this patch that the other one covers."""
        left, top = max(self.rect.x, other.rect.x), max(self.rect.y, other.rect.y)
        right = min(self.rect.x + self.rect.width, other.rect.x + other.rect.width)
        bottom = min(self.rect.y + self.rect.height, other.rect.y + other.rect.height)
        if right > left and bottom > top:
            both = Rect(left, top, right - left, bottom - top)
            self.crop(both).picture[...] = other.crop(both).picture

    def crop(self, rect: Rect) -> RgbaPatch:
        """Return the part that lies in a region within this one; it shares this patch's memory."""
        top, left = rect.y - self.rect.y, rect.x - self.rect.x
        return RgbaPatch(rect, self.picture[top : top + rect.height, left : left + rect.width])

    def faded(self, opacity: int) -> RgbaPatch:
        """Return the patch at an opacity of 0..255."""
        picture = self.picture.copy()
        picture[..., 3] = (picture[..., 3] * np.uint16(opacity) + 127) // 255
        return RgbaPatch(self.rect, picture)


def to_rgba(tile: Tile, picture: Rgba) -> RgbaPatch:
    """Keep a drawn tile as it is, its colours spread into what is transparent beside them."""
    return RgbaPatch(tile.rect, bleed(picture[-tile.rect.height :, -tile.rect.width :]))


def bleed(picture: Rgba) -> Rgba:
    """Give transparent pixels the mean colour of the visible ones in their block of 8 by 8.

    A lossy or subsampled encoder mixes neighbours: letters would get the transparent black beside them as a dark rim.
    """
    height, width = picture.shape[:2]
    rows, columns = -(-height // BLEED), -(-width // BLEED)
    padded = np.zeros((rows * BLEED, columns * BLEED, 4), np.float32)
    padded[:height, :width] = picture
    blocks = padded.reshape(rows, BLEED, columns, BLEED, 4)
    weight = blocks[..., 3:]
    total = np.maximum(weight.sum(axis=(1, 3), keepdims=True), 1)
    mean = (blocks[..., :3] * weight).sum(axis=(1, 3), keepdims=True) / total
    filled = np.where(weight == 0, np.rint(mean), blocks[..., :3]).reshape(padded.shape[0], padded.shape[1], 3)
    result = picture.copy()
    result[..., :3] = filled[:height, :width]
    return result


def blend_rgba(frame: av.VideoFrame, patch: RgbaPatch) -> None:
    """Lay a patch over a writable RGBA frame, in place: straight alpha over straight alpha."""
    canvas = pixels_of(frame)
    region = canvas[patch.rect.y : patch.rect.y + patch.rect.height, patch.rect.x : patch.rect.x + patch.rect.width]
    above = patch.picture[: region.shape[0], : region.shape[1]]
    if region[..., 3].any():
        region[...] = over(above, region)
    else:
        region[...] = above


def over(above: Rgba, below: NDArray[np.uint8]) -> Rgba:
    """Return one straight-alpha picture over another."""
    top, bottom = above.astype(np.float32), below.astype(np.float32)
    cover = top[..., 3:] / 255
    rest = bottom[..., 3:] / 255 * (1 - cover)
    alpha = cover + rest
    colour = (top[..., :3] * cover + bottom[..., :3] * rest) / np.maximum(alpha, 1e-6)
    colour = np.where(alpha == 0, top[..., :3], colour)
    result: Rgba = np.rint(np.concatenate([colour, alpha * 255], axis=-1)).astype(np.uint8)
    return result


def pixels_of(frame: av.VideoFrame) -> NDArray[np.uint8]:
    """Return an RGBA frame as a writable array: height, width, 4."""
    plane = frame.planes[0]
    buffer: Any = plane  # a plane is a buffer, which its stub does not say
    rows = np.frombuffer(buffer, np.uint8).reshape(plane.height, plane.line_size)
    pixels: NDArray[np.uint8] = rows[:, : plane.width * 4].reshape(plane.height, plane.width, 4)
    return pixels


def empty_canvas(width: int, height: int) -> av.VideoFrame:
    """Return a transparent RGBA frame."""
    frame = av.VideoFrame(width, height, "rgba")
    pixels_of(frame)[...] = 0
    return frame
