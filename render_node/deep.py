"""Captions into 10-bit footage, 4:2:0 or 4:4:4, SDR or HDR: as ``composite`` does for 8 bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from render_node.colour import KR_KB, Colour, signal_of
from render_node.frames.plan import Rect, Tile
from render_node.frames.stage_page import Rgba
from render_node.siting import SITINGS, Floats, sum_cells, with_neighbours

Plane16 = NDArray[np.uint16]
TOP = 1023


@dataclass
class DeepPatch:
    """Premultiplied 10-bit planes and their alpha (0..255); ``half`` is 2 where chroma is at half size, else 1."""

    rect: Rect
    half: int
    planes: list[Plane16]

    def copy(self) -> DeepPatch:
        """Return a patch whose planes can be changed."""
        return DeepPatch(self.rect, self.half, [plane.copy() for plane in self.planes])

    def halves(self) -> tuple[int, int, int, int, int]:
        """Return how many pixels wide a sample of each plane is: Y, Cb, Cr, alpha, alpha of the chroma."""
        return 1, self.half, self.half, 1, self.half

    def lay(self, other: DeepPatch) -> None:
        """Replace the part of this patch that the other one covers."""
        left, top = max(self.rect.x, other.rect.x), max(self.rect.y, other.rect.y)
        right = min(self.rect.x + self.rect.width, other.rect.x + other.rect.width)
        bottom = min(self.rect.y + self.rect.height, other.rect.y + other.rect.height)
        if right <= left or bottom <= top:
            return
        both = Rect(left, top, right - left, bottom - top)
        for mine, theirs in zip(self.crop(both).planes, other.crop(both).planes, strict=True):
            mine[...] = theirs

    def crop(self, rect: Rect) -> DeepPatch:
        """Return the part that lies in a region within this one; it shares this patch's memory."""
        top, left = rect.y - self.rect.y, rect.x - self.rect.x
        planes = [
            plane[top // half : (top + rect.height) // half, left // half : (left + rect.width) // half]
            for plane, half in zip(self.planes, self.halves(), strict=True)
        ]
        return DeepPatch(rect, self.half, planes)

    def faded(self, opacity: int) -> DeepPatch:
        """Return the patch at an opacity of 0..255."""
        factor = np.uint32(opacity)
        planes = [((plane * factor + 127) // 255).astype(np.uint16) for plane in self.planes]
        return DeepPatch(self.rect, self.half, planes)


def to_deep(tile: Tile, picture: Rgba, colour: Colour, *, half: int) -> DeepPatch:
    """Convert a drawn tile (straight alpha, even size) into a patch.

    :param picture: of the tile's region; it may have more on the left and above, which chroma is made of too.
    """
    above, before = picture.shape[0] - tile.rect.height, picture.shape[1] - tile.rect.width
    siting = SITINGS[colour.siting]

    def own(values: Floats) -> Floats:
        return values[above:, before:]

    def small(values: Floats) -> Floats:
        return sum_cells(with_neighbours(values, above, before, siting), siting) / (1 << siting.bits)

    signal = signal_of(picture[..., :3].astype(np.float32) / np.float32(255), colour)
    alpha = picture[..., 3].astype(np.float32) / 255
    kr, kb = KR_KB[colour.space]
    scale, offset, chroma_scale = (1023, 0, 1023) if colour.is_full_range else (876, 64, 896)
    luma = signal @ np.array([kr, 1 - kr - kb, kb], np.float32)
    blue = (signal[..., 2] - luma) / (2 * (1 - kb)) * chroma_scale + 512
    red = (signal[..., 0] - luma) / (2 * (1 - kr)) * chroma_scale + 512
    less = small if half == 2 else own
    values = [own((luma * scale + offset) * alpha), less(blue * alpha), less(red * alpha), own(alpha * 255)]
    return DeepPatch(tile.rect, half, [_to_words(plane) for plane in [*values, less(alpha * 255)]])


def blend_deep(frame: av.VideoFrame, patch: DeepPatch) -> None:
    """Lay a patch over a writable 10-bit frame, in place."""
    y, u, v, alpha, chroma_alpha = patch.planes
    for index, values, cover, half in (
        (0, y, alpha, 1),
        (1, u, chroma_alpha, patch.half),
        (2, v, chroma_alpha, patch.half),
    ):
        plane = words_of(frame, index)
        top, left = patch.rect.y // half, patch.rect.x // half
        region = plane[top : top + values.shape[0], left : left + values.shape[1]]
        height, width = region.shape
        rest = (255 - cover[:height, :width]).astype(np.uint32) * region
        region[...] = np.minimum((rest + 127) // 255 + values[:height, :width], TOP)


def words_of(frame: av.VideoFrame, index: int) -> Plane16:
    """Return a plane of a 10-bit frame as a writable array without its padding."""
    plane = frame.planes[index]
    buffer: Any = plane  # a plane is a buffer, which its stub does not say
    rows: Plane16 = np.frombuffer(buffer, np.uint16).reshape(plane.height, plane.line_size // 2)
    return rows[:, : plane.width]


def _to_words(values: NDArray[np.floating[Any]]) -> Plane16:
    words: Plane16 = np.clip(np.rint(values), 0, TOP).astype(np.uint16)
    return words
