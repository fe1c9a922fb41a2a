"""Energy over time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.contracts.music import Curve
from tasks.music.onsets import FRAMES_S, RATE, Floats, Onsets

STEP_S = 0.5


def energy_curve(samples: Floats, onsets: Onsets) -> Curve:
    """Return how intense the song is every half second, 0..1: loudness, and how much happens."""
    size = round(STEP_S * RATE)
    count = max(1, len(samples) // size)
    blocks = np.pad(samples, (0, max(0, count * size - len(samples))))[: count * size].reshape(count, size)
    level = 20 * np.log10(np.maximum(np.sqrt((blocks**2).mean(axis=1)), 1e-5))
    loud = np.clip((level - (level.max() - 30)) / 30, 0, 1)
    busy = np.array([_mean(onsets.total, n * STEP_S, (n + 1) * STEP_S) for n in range(count)])
    busy = np.clip(busy / max(float(np.percentile(busy, 95)), 1e-6), 0, 1)
    mixed = np.convolve(np.pad(0.7 * loud + 0.3 * busy, 2, mode="edge"), np.ones(5) / 5, "valid")
    heard = mixed * (level > -60)
    return Curve(STEP_S, tuple(round(float(value), 4) for value in np.clip(heard, 0, 1)))


def _mean(envelope: Floats, start_s: float, end_s: float) -> float:
    part = envelope[int(start_s * FRAMES_S) : int(end_s * FRAMES_S)]
    return float(part.mean()) if len(part) else 0.0


def mean_energy(values: NDArray[np.floating], start_s: float, end_s: float) -> float:
    """Return the mean of a curve of :data:`STEP_S` between two times."""
    first = min(int(start_s / STEP_S), len(values) - 1)
    part = values[first : max(first + 1, round(end_s / STEP_S))]
    return float(np.mean(part))
