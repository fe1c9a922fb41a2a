"""What is heard in each frame of a video: how loud each band is, and how much begins."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.media.audio import iter_mono
from tasks.media.limits import MediaLimits

Floats = NDArray[np.float32]
RATE = 22_050
BANDS = 24
_WINDOW = 2048
_LOWEST_HZ, _HIGHEST_HZ = 40.0, 10_000.0
_RANGE_DB = 55.0
_BLOCK = 512
_FALL_S = 0.15


@dataclass(frozen=True)
class SongSound:
    """The sound of a song by video frame.

    :param bands: shape (frames, 24), 0..1, from low to high. :param onset: shape (frames,), 0..1.
    """

    bands: Floats
    onset: Floats


def hear_frames(path: Path, *, fps: Fraction, frame_count: int, limits: MediaLimits | None = None) -> SongSound:
    """Listen to a song frame by frame; errors are those of opening media. A file without sound is silence."""
    pieces = list(iter_mono(path, RATE, limits))
    samples = np.concatenate(pieces) if pieces else np.zeros(1, np.float32)
    return measure_frames(samples, fps=fps, frame_count=frame_count)


def measure_frames(samples: Floats, *, fps: Fraction, frame_count: int) -> SongSound:
    """Measure mono samples at :data:`RATE`, each video frame in a window around its middle."""
    half = _WINDOW // 2
    # Reflected: against silence a song that begins or ends at once would click.
    padded = np.pad(samples, (half, _WINDOW), mode="reflect")
    centres = ((np.arange(frame_count) + 0.5) * float(RATE / fps)).astype(np.int64)
    starts = np.minimum(centres, len(padded) - _WINDOW)
    edges = np.geomspace(_LOWEST_HZ, _HIGHEST_HZ, BANDS + 1) / RATE * _WINDOW
    firsts = np.minimum(np.round(edges).astype(np.int64), half - 1)
    window = np.hanning(_WINDOW).astype(np.float32)
    power = np.empty((frame_count, BANDS), np.float32)
    for at in range(0, frame_count, _BLOCK):
        views = padded[starts[at : at + _BLOCK, None] + np.arange(_WINDOW)]
        spectrum = np.abs(np.fft.rfft(views * window, axis=1)) ** 2
        power[at : at + _BLOCK] = np.add.reduceat(spectrum, firsts, axis=1)[:, :BANDS]
    level = 10 * np.log10(power + 1e-7)
    # Each band by its own loudest moments: treble is far weaker than bass and would never move.
    top = np.maximum(np.percentile(level, 98, axis=0), level.max() - _RANGE_DB)
    bands = np.clip((level - top) / _RANGE_DB + 1, 0, 1).astype(np.float32)
    rise = np.maximum(np.diff(bands, axis=0, prepend=bands[:1]), 0).mean(axis=1)
    onset = np.clip(rise / max(float(np.percentile(rise, 97)), 1e-3), 0, 1).astype(np.float32)
    return SongSound(_linger(bands**2, fps), onset)


def _linger(bands: Floats, fps: Fraction) -> Floats:
    """Let each band fall no faster than an eye can follow; it rises at once."""
    kept = bands.copy()
    share = np.float32(np.exp(-1 / (float(fps) * _FALL_S)))
    for frame in range(1, len(kept)):
        np.maximum(kept[frame], kept[frame - 1] * share, out=kept[frame])
    return kept
