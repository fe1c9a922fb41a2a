"""The outline of a sound, in audiowaveform's JSON, version 2, which players and editors read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from tasks.media.audio import Samples

PEAK_SAMPLES = 256
"""Samples in one pair of peaks: at 22,050 Hz 86 pairs a second."""


def waveform(samples: Samples, rate: int) -> dict[str, Any]:
    """Return pairs of least and greatest value, 8 bits, of mono samples in -1..1."""
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


def write_waveform(path: Path, samples: Samples, rate: int) -> Path:
    """Write the outline to a file."""
    path.write_text(json.dumps(waveform(samples, rate), separators=(",", ":")), encoding="utf-8")
    return path
