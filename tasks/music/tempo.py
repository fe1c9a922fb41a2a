"""Beats a minute from the beats themselves: least squares, and how sure one may be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.contracts.music import Tempo, TempoCandidate
from tasks.music.engine import Rhythm

_STEADY = 0.02
"""Largest change of tempo, as a share of it, in a song that counts as steady."""
_SHARPNESS = 1.5


def describe_tempo(rhythm: Rhythm) -> Tempo:
    """Return the tempo of a rhythm with its half and double."""
    if len(rhythm.beats) < 3:
        return Tempo(None, 0.0, rhythm.method, reason=rhythm.meter.reason or "There are too few beats")
    bpm, is_steady = fit_tempo(rhythm.beats)
    weights = {bpm: 1.0}
    best = rhythm.pulses[0].score
    for pulse in rhythm.pulses[1:]:
        other = bpm * round_ratio(pulse.bpm / bpm)
        weights[other] = max(weights.get(other, 0.0), float(np.exp(min(0.0, _SHARPNESS * (pulse.score - best)))))
    for other in (bpm / 2, bpm * 2):
        weights.setdefault(other, 0.02)
    total = sum(weights.values())
    sharing = {round(tempo, 3): round(weight / total, 4) for tempo, weight in weights.items()}
    ordered = sorted(sharing.items(), key=lambda pair: (pair[0] != round(bpm, 3), -pair[1]))
    candidates = tuple(TempoCandidate(tempo, weight) for tempo, weight in ordered)
    even = regularity(rhythm.beats)
    return Tempo(round(bpm, 3), round(candidates[0].confidence * even, 3), rhythm.method, candidates, is_steady)


def fit_tempo(beats: NDArray[np.float64]) -> tuple[float, bool]:
    """Return beats a minute, and whether one tempo holds throughout; else it is the one most beats have."""
    gaps = np.diff(beats)
    usual = float(np.median(gaps))
    numbers = np.concatenate([[0.0], np.cumsum(np.maximum(1, np.round(gaps / usual)))])
    slope, start = np.polyfit(numbers, beats, 1)
    off = beats - (slope * numbers + start)
    quarter = max(2, len(beats) // 4)
    ends = [float(np.polyfit(numbers[part], beats[part], 1)[0]) for part in (slice(quarter), slice(-quarter, None))]
    is_steady = abs(ends[0] / ends[1] - 1) < _STEADY and float(np.abs(off).max()) < 0.35 * usual
    return 60 / (float(slope) if is_steady else usual), is_steady


def regularity(beats: NDArray[np.float64]) -> float:
    """Return the share of gaps between beats that are near the usual one there."""
    gaps = np.diff(beats)
    near = np.array([np.median(gaps[max(0, n - 4) : n + 5]) for n in range(len(gaps))])
    return float(np.mean(np.abs(gaps / near - 1) < 0.1))


def round_ratio(ratio: float) -> float:
    """Return the simple ratio nearest to one between tempi."""
    simple = (0.25, 1 / 3, 0.5, 2 / 3, 0.75, 1.0, 4 / 3, 1.5, 2.0, 3.0, 4.0)
    return min(simple, key=lambda other: abs(np.log(ratio / other)))
