"""A fingerprint by which a sound is known again, whatever it was encoded with.

After J. Haitsma and T. Kalker, "A Highly Robust Audio Fingerprinting System" (ISMIR 2002): 33 bands between 300 and
2000 Hz, spaced as the ear hears; each bit of a word tells whether the step of energy from one band to the next grew
since the frame before. Frames of 0.37 s, and a word every 46 ms instead of their 12, since whole sounds are compared.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.media.audio import Samples, iter_mono
from tasks.media.limits import MediaLimits

RATE = 5512
FRAME, HOP = 2048, 256
BANDS = 33
LOWEST_HZ, HIGHEST_HZ = 300.0, 2000.0
LONGEST_S = 120.0
"""What comes after the first two minutes is not looked at."""


def fingerprint_file(path: Path, limits: MediaLimits | None = None) -> bytes:
    """Return the fingerprint of a file's first sound track; empty for less than half a second."""
    pieces, count = [], 0
    for piece in iter_mono(path, RATE, limits):
        pieces.append(piece)
        count += len(piece)
        if count > LONGEST_S * RATE:
            break
    return fingerprint(np.concatenate(pieces)) if pieces else b""


def fingerprint(samples: Samples) -> bytes:
    """Return 32 bits, the first band's highest, for every 46 ms of mono samples at :data:`RATE`."""
    samples = samples[: round(LONGEST_S * RATE)]
    count = 1 + (len(samples) - FRAME) // HOP
    if count < 2:
        return b""
    frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[::HOP][:count]
    power = np.concatenate([_power(frames[start : start + 256]) for start in range(0, count, 256)])
    steps = np.diff(power, axis=1)
    bits = np.diff(steps, axis=0) > 0
    return bytes(np.packbits(bits, axis=1).tobytes())


def _power(frames: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the energy in each band: (frames, bands)."""
    spectrum = np.abs(np.fft.rfft(frames * np.hanning(FRAME), axis=1)) ** 2
    edges = np.geomspace(LOWEST_HZ, HIGHEST_HZ, BANDS + 1) * FRAME / RATE
    sums = np.concatenate([np.zeros((len(spectrum), 1)), np.cumsum(spectrum, axis=1)], axis=1)
    at = np.round(edges).astype(int)
    return np.asarray((sums[:, at[1:]] - sums[:, at[:-1]]) / np.maximum(1, np.diff(at)))
