"""Energy over time, loudness, and the waveform's outline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.contracts.music import Curve
from tasks.music.onsets import FRAMES_S, RATE, Floats, Onsets

STEP_S = 0.5
PEAK_SAMPLES = 256
"""Samples in one pair of peaks: 86 pairs a second."""


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


def waveform(samples: Floats, rate: int = RATE) -> dict[str, Any]:
    """Return the outline in audiowaveform's JSON, version 2: pairs of least and greatest value, 8 bits."""
    count = -(-len(samples) // PEAK_SAMPLES)
    blocks = np.pad(samples, (0, count * PEAK_SAMPLES - len(samples)), mode="edge").reshape(count, PEAK_SAMPLES)
    pairs = np.stack([blocks.min(axis=1), blocks.max(axis=1)], axis=1)
    data = np.clip(np.round(pairs * 127), -128, 127).astype(int).reshape(-1)
    return {
        "version": 2,
        "channels": 1,
        "sample_rate": rate,
        "samples_per_pixel": PEAK_SAMPLES,
        "bits": 8,
        "length": count,
        "data": data.tolist(),
    }


def write_waveform(path: Path, samples: Floats) -> Path:
    """Write the outline to a file."""
    path.write_text(json.dumps(waveform(samples), separators=(",", ":")), encoding="utf-8")
    return path
