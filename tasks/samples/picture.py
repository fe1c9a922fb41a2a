"""The outline of a sound as a picture that shows on light and on dark ground alike."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from tasks.media.audio import Samples

WIDTH, HEIGHT = 1600, 320
SCALE = 4
"""Each pixel is the mean of so many by so many: edges are smooth."""
BAR, GAP = 5, 3
LEFT, RIGHT = (88, 101, 242), (16, 163, 127)
"""Indigo to green: each has a contrast of 3:1 and more against white and against near black."""
_PEAK_ALPHA, _BODY_ALPHA = 0.55, 1.0


def draw_waveform(samples: Samples, target: Path) -> None:
    """Write a PNG of mono samples: a bar for each stretch, pale up to the peak, full up to the mean power."""
    bars = WIDTH // (BAR + GAP)
    peaks, powers = outline(samples, bars)
    cover = np.zeros((HEIGHT * SCALE, WIDTH * SCALE), np.float32)
    middle = HEIGHT * SCALE / 2
    for number, (peak, power) in enumerate(zip(peaks, powers, strict=True)):
        left = number * (BAR + GAP) * SCALE + GAP * SCALE // 2
        for height, alpha in ((peak, _PEAK_ALPHA), (power, _BODY_ALPHA)):
            _bar(cover, left, middle, max(height, 0.008) * (middle - SCALE * 4), alpha)
    alpha = cover.reshape(HEIGHT, SCALE, WIDTH, SCALE).mean(axis=(1, 3))
    write_rgba(colour(alpha), target)


def outline(samples: Samples, bars: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return peak and root of the mean square of each stretch, 0..1, the loudest peak being 1."""
    edges = np.linspace(0, len(samples), bars + 1).astype(int)
    parts = [samples[first : max(first + 1, last)] for first, last in pairwise(edges)]
    peaks = np.array([float(np.abs(part).max()) if len(part) else 0.0 for part in parts])
    means = [float(np.mean(np.square(part, dtype=np.float64))) if len(part) else 0.0 for part in parts]
    top = max(float(peaks.max()), 1e-4)
    return peaks / top, np.sqrt(means) / top


def _bar(cover: NDArray[np.float32], left: int, middle: float, half: float, alpha: float) -> None:
    """Add a bar with round ends."""
    radius = BAR * SCALE / 2
    across = np.arange(BAR * SCALE) + 0.5 - radius
    round_off = radius - np.sqrt(np.maximum(0.0, radius**2 - across**2))
    for column, cut in enumerate(round_off):
        reach = max(half - cut, SCALE * 0.75)
        rows = slice(round(middle - reach), round(middle + reach))
        cover[rows, left + column] = np.maximum(cover[rows, left + column], alpha)


def colour(alpha: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return RGBA, from left to right through the colours."""
    along = np.linspace(0, 1, alpha.shape[1])[:, None]
    shade = (1 - along) * np.array(LEFT) + along * np.array(RIGHT)
    picture = np.empty((*alpha.shape, 4), np.uint8)
    picture[..., :3] = np.round(shade).astype(np.uint8)
    picture[..., 3] = np.round(np.clip(alpha, 0, 1) * 255).astype(np.uint8)
    return picture


def write_rgba(picture: NDArray[np.uint8], target: Path) -> None:
    """Write pixels as PNG."""
    encoder = av.CodecContext.create("png", "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = picture.shape[1], picture.shape[0], "rgba"
    encoder.time_base = Fraction(1, 1)
    frame = VideoFrame.from_ndarray(picture, format="rgba")
    frame.pts = 0
    target.write_bytes(b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)]))
