"""Bars: how many beats they have and which beat is the first, from accents and from where the harmony changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.contracts.music import Meter
from tasks.music.harmony import between_beats
from tasks.music.onsets import Floats, Onsets
from tasks.music.pulse import strength_at

METHOD = "accents-harmony"
USUAL = {4: 1.0, 3: 0.95, 2: 0.8}
"""Meters that are looked for, weighed by how common they are."""
_SKIP = 6.0
"""What it costs to lose or gain a beat in a bar."""
_LEAST = 1.8
"""Least contrast, in standard errors, at which a bar is believed."""


@dataclass(frozen=True)
class Bars:
    """Bars that were found; ``downbeats`` are indices of beats."""

    meter: Meter
    downbeats: NDArray[np.int64]


def find_bars(onsets: Onsets, chroma: Floats, beats: NDArray[np.float64]) -> Bars:
    """Return the meter and the first beats of the bars."""
    if len(beats) < 8:
        return Bars(Meter(0, 0.0, METHOD, reason="There are too few beats"), np.zeros(0, np.int64))
    signs = signs_of_bars(onsets, chroma, beats)
    found = {size: place_bars(signs, size) for size in USUAL}
    contrast = {size: contrast_of(signs, firsts) * USUAL[size] for size, firsts in found.items()}
    best = max(contrast, key=lambda size: contrast[size])
    if contrast[best] < _LEAST:
        return Bars(Meter(0, 0.0, METHOD, reason="No beat of a bar stands out"), np.zeros(0, np.int64))
    rest = max(value for size, value in contrast.items() if size != best)
    confidence = round(float(np.clip(1 - max(rest, 0.0) / contrast[best] * 0.9, 0.05, 1)), 3)
    return Bars(Meter(best, confidence, METHOD, subdivision=subdivision_of(onsets, beats)), found[best])


def signs_of_bars(onsets: Onsets, chroma: Floats, beats: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how much each beat looks like the first of a bar; mean 0, deviation 1."""
    low = _even(strength_at(onsets.low, beats))
    total = _even(strength_at(onsets.total, beats))
    means = between_beats(chroma, beats)
    change = np.zeros(len(beats))
    change[1:] = 1 - np.sum(means[1:] * means[:-1], axis=1)
    return _even(low + 0.5 * total + 1.5 * _even(change))


def _even(values: NDArray[np.float64]) -> NDArray[np.float64]:
    spread = values.std()
    clipped = np.clip((values - values.mean()) / spread, -3, 3) if spread > 1e-9 else np.zeros_like(values)
    return np.asarray(clipped)


def place_bars(signs: NDArray[np.float64], size: int) -> NDArray[np.int64]:
    """Return the beats that best begin bars of a size, nearly always ``size`` beats apart (Viterbi)."""
    value = np.zeros(size)
    back = np.zeros((len(signs), size), np.int64)
    gains = np.full(size, -1.0 / (size - 1))
    gains[0] = 1.0
    for row, sign in enumerate(signs):
        before = np.roll(value, 1)
        jump = int(value.argmax())
        jumped = value[jump] - _SKIP
        stays = before >= jumped
        back[row] = np.where(stays, (np.arange(size) - 1) % size, jump)
        value = np.where(stays, before, jumped) + sign * gains
    place, path = int(value.argmax()), []
    for row in range(len(signs) - 1, -1, -1):
        path.append(place)
        place = int(back[row, place])
    return np.flatnonzero(np.array(path[::-1]) == 0)


def contrast_of(signs: NDArray[np.float64], firsts: NDArray[np.int64]) -> float:
    """Return by how many standard errors the first beats stand out."""
    chosen = np.zeros(len(signs), bool)
    chosen[firsts] = True
    if chosen.all() or not chosen.any():
        return 0.0
    ones, others = signs[chosen], signs[~chosen]
    error = np.sqrt(signs.var() * (1 / len(ones) + 1 / len(others)))
    return float((ones.mean() - others.mean()) / max(float(error), 1e-9))


def subdivision_of(onsets: Onsets, beats: NDArray[np.float64]) -> int:
    """Return 3 where beats fall into thirds, else 2."""
    gaps = np.diff(beats)
    thirds = np.mean([strength_at(onsets.total, beats[:-1] + gaps * part).mean() for part in (1 / 3, 2 / 3)])
    halves = strength_at(onsets.total, beats[:-1] + gaps / 2).mean()
    return 3 if thirds > 1.1 * halves else 2
