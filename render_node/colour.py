"""Colours as numbers: what a frame's tags mean, and a caption's sRGB in the footage's own signal (SDR, PQ, HLG)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import av
import numpy as np
from numpy.typing import NDArray

from render_node.composite import ColourSpace
from render_node.filters import FULL_RANGE
from tasks.media.colour import RANGES, SPACES, TRANSFERS, matrix_of
from tasks.media.siting import LEFT

Floats = NDArray[np.float32]

BT709, BT601, BT2020 = 1, 6, 9
UNSPECIFIED, RGB = 2, 0
PQ, HLG = 16, 18
HDR_TRANSFERS = frozenset({PQ, HLG})
WIDE_SPACES = frozenset({9, 10})
KR_KB = {
    1: (0.2126, 0.0722), 4: (0.30, 0.11), 5: (0.299, 0.114), 6: (0.299, 0.114), 7: (0.212, 0.087),
    9: (0.2627, 0.0593), 10: (0.2627, 0.0593),
}  # fmt: skip
"""Red's and blue's part of luma by the number of the matrix (ITU-T H.273)."""
PRIMARIES = {1: "bt709", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 9: "bt2020", 11: "smpte431", 12: "smpte432"}
WHITE_NITS = 203.0
"""A caption's white in HDR footage: ITU-R BT.2408."""
TO_BT2020 = np.array(
    [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]], np.float32
)  # fmt: skip
"""Linear BT.709 to BT.2020 (ITU-R BT.2087)."""


@dataclass(frozen=True)
class Colour:
    """Matrix, primaries and transfer as H.273 numbers, the range of the signal, and where 4:2:0 chroma lies.

    :param siting: a key of :data:`render_node.siting.SITINGS`; frames do not tell it, their file does.
    """

    space: int
    is_full_range: bool
    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED
    siting: str = LEFT

    @property
    def is_hdr(self) -> bool:
        """Tell whether it is PQ or HLG."""
        return self.transfer in HDR_TRANSFERS

    @property
    def is_wide(self) -> bool:
        """Tell whether it must be converted for a screen of today's usual kind."""
        return self.is_hdr or self.space in WIDE_SPACES or self.primaries == BT2020

    def to_json(self) -> dict[str, str]:
        """Return the names of the tags."""
        return {
            "space": SPACES.get(self.space, ""),
            "range": RANGES[2 if self.is_full_range else 1],
            "primaries": PRIMARIES.get(self.primaries, ""),
            "transfer": TRANSFERS.get(self.transfer, ""),
        }

    def tag(self, frame: av.VideoFrame) -> None:
        """Write the tags into a frame."""
        frame.colorspace, frame.color_range = self.space, FULL_RANGE if self.is_full_range else 1
        frame.color_primaries, frame.color_trc = self.primaries, self.transfer

    def as_sdr(self) -> Colour:
        """Return what the footage is converted to for an SDR output."""
        return Colour(BT709, False, BT709, BT709, self.siting) if self.is_wide else self

    def blending(self) -> ColourSpace:
        """Return how captions are converted for 8-bit footage."""
        return ColourSpace(matrix_of(SPACES.get(self.space, ""), height=0), self.is_full_range, self.siting)


SDR_709 = Colour(BT709, False, BT709, BT709)


def colour_of(frame: av.VideoFrame) -> Colour:
    """Return a frame's colours; what it does not say is guessed as players do, RGB becomes the matrix of its size."""
    space, full = int(frame.colorspace), int(frame.color_range) == FULL_RANGE or frame.format.name.startswith("yuvj")
    colour = Colour(space, full, int(frame.color_primaries), int(frame.color_trc))
    if is_rgb(frame) or space == RGB:
        return replace(colour, space=_guess(frame.height), is_full_range=False)
    if space not in KR_KB:
        guess = BT2020 if colour.is_hdr or colour.primaries == BT2020 else _guess(frame.height)
        return replace(colour, space=guess)
    return colour


def is_rgb(frame: av.VideoFrame) -> bool:
    """Tell whether a frame holds RGB rather than YUV."""
    return bool(frame.format.is_rgb) or frame.format.name == "pal8"


def _guess(height: int) -> int:
    return BT709 if height >= 720 else BT601


def signal_of(rgb: Floats, colour: Colour) -> Floats:
    """Turn sRGB (0..1) into the footage's own R'G'B' (0..1); plain video takes it as it is."""
    if not colour.is_wide:
        return rgb
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    wide = np.clip(linear @ TO_BT2020.T, 0, 1)
    if colour.transfer == PQ:
        return pq_of(wide * WHITE_NITS)
    if colour.transfer == HLG:
        return hlg_of(wide * WHITE_NITS)
    return np.where(wide <= 0.0031308, wide * 12.92, 1.055 * wide ** (1 / 2.4) - 0.055).astype(np.float32)


def pq_of(nits: Floats) -> Floats:
    """Return the PQ signal of a luminance in cd/m2 (SMPTE ST 2084)."""
    power = (nits / 10000) ** (2610 / 16384)
    signal = (3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)
    return np.asarray(signal ** (2523 / 32), np.float32)


def hlg_of(nits: Floats) -> Floats:
    """Return the HLG signal that a 1000 cd/m2 screen shows as a colour (ITU-R BT.2100, system gamma 1.2)."""
    shown = nits / 1000
    luma = shown @ np.array([0.2627, 0.6780, 0.0593], np.float32)
    scene = shown * np.maximum(luma, 1e-6)[..., None] ** (1 / 1.2 - 1)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    high = a * np.log(np.maximum(12 * scene - b, 1e-6)) + c
    return np.asarray(np.where(scene <= 1 / 12, np.sqrt(3 * np.maximum(scene, 0)), high), np.float32)
