"""Diarization error rate, for tests and bench: how much speech is missed, invented, or given to a wrong voice."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np

_STEP_S = 0.01

Span = tuple[float, float, str]


def read_rttm(path: Path) -> list[Span]:
    """Return (start, end, speaker) of each line of an RTTM file."""
    rows = [line.split() for line in path.read_text().splitlines() if line.startswith("SPEAKER")]
    return [(float(row[3]), float(row[3]) + float(row[4]), row[7]) for row in rows]


def error_rate(known: list[Span], found: list[Span], *, length_s: float) -> float:
    """Return DER, overlap counted and no collar around turns, under the best pairing of names."""
    ours, theirs = _grid(known, length_s), _grid(found, length_s)
    together = np.array([[int((a & b).sum()) for b in theirs] for a in ours])
    size = max(together.shape)
    padded = np.zeros((size, size), int)
    padded[: together.shape[0], : together.shape[1]] = together
    right = max(
        sum(int(padded[row, column]) for row, column in enumerate(columns))
        for columns in itertools.permutations(range(size))
    )
    spoken, said = ours.sum(axis=0), theirs.sum(axis=0)
    return float((np.maximum(spoken, said).sum() - right) / spoken.sum())


def _grid(spans: list[Span], length_s: float) -> np.ndarray[Any, np.dtype[np.bool_]]:
    names = sorted({name for _, _, name in spans})
    grid = np.zeros((len(names), round(length_s / _STEP_S)), np.bool_)
    for start, end, name in spans:
        grid[names.index(name), max(0, int(start / _STEP_S)) : int(end / _STEP_S)] = True
    return grid
