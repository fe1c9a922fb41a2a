"""Where a sound can be repeated without being heard to: stretches on the beat grid whose end leads into their start.

For each stretch from a beat over whole bars, what follows its end is held against what follows its start, and what
leads to its end against what leads to its start: where both sound alike, the ear hears the music go on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.contracts.samples import Loop
from tasks.media.audio import Samples

RATE = 48_000
"""Samples a second of the file that loops are cut from."""
FRAME, HOP = 1024, 512
BANDS = 24
BARS = (8, 4, 2, 1)
MOST = 5
LEAST_S, LONGEST_S = 0.5, 30.0
_SNAP_S = 0.003
_WORTH = {8: 0.03, 4: 0.05, 2: 0.02, 1: 0.0}
"""What musicians use most wins where several are equally good."""
_UNKNOWN = 0.5
"""How alike the surroundings of a stretch are that has none: the whole of the sound."""
_ALIKE_MOST = 0.5
"""A stretch that lies by more than this share within a better one is not offered beside it."""


@dataclass(frozen=True)
class Grid:
    """Beats in seconds, which of them begin bars, and beats a minute where one tempo holds throughout."""

    beats: Sequence[float]
    downbeats: Sequence[float]
    steady_bpm: float | None = None


def find_loops(samples: Samples, rate: int, grid: Grid) -> tuple[Loop, ...]:
    """Return the best stretches of mono samples, the best first; none without at least five beats."""
    if len(grid.beats) < 5:
        return ()
    beats = np.asarray(grid.beats, np.float64)
    duration_s = len(samples) / rate
    around = _Surroundings(samples, rate, float(np.median(np.diff(beats))))
    per_bar = beats_per_bar(grid)
    found = [
        loop
        for first in _starts(grid)
        for bars in BARS
        if (loop := _measure(first, bars * per_bar, bars, grid, duration_s=duration_s, around=around)) is not None
    ]
    found.sort(key=lambda loop: (-(loop.score + _WORTH[round(loop.bars)]), loop.start_s))
    kept: list[Loop] = []
    for loop in found:
        if all(_shared(loop, other) <= _ALIKE_MOST for other in kept):
            kept.append(snapped(loop, samples, rate))
    return tuple(kept[:MOST])


def beats_per_bar(grid: Grid) -> int:
    """Return how many beats most bars have; four where there are no bars."""
    places = [int(np.argmin(np.abs(np.asarray(grid.beats) - time))) for time in grid.downbeats]
    gaps = [gap for gap in np.diff(places) if gap > 0]
    return int(np.median(gaps)) if gaps else 4


def _starts(grid: Grid) -> list[int]:
    """Return the numbers of the beats that a loop may start on: those that begin bars, else all."""
    beats = np.asarray(grid.beats)
    return sorted({int(np.argmin(np.abs(beats - time))) for time in grid.downbeats}) or list(range(len(beats)))


def _measure(first: int, count: int, bars: int, grid: Grid, *, duration_s: float, around: _Surroundings) -> Loop | None:
    start_s = float(grid.beats[first])
    if grid.steady_bpm:
        end_s = start_s + count * 60 / grid.steady_bpm
    elif first + count < len(grid.beats):
        end_s = float(grid.beats[first + count])
    else:
        return None
    if end_s > duration_s + 0.01 or not LEAST_S <= end_s - start_s <= LONGEST_S:
        return None
    end_s = min(end_s, duration_s)
    score = around.likeness(start_s, end_s)
    start, end = round(start_s * RATE), round(end_s * RATE)
    return Loop(round(start_s, 4), round(end_s, 4), start, end, count, float(bars), round(score, 4))


class _Surroundings:
    """What sounds around a time: energy in bands, a beat before it and a beat after."""

    def __init__(self, samples: Samples, rate: int, beat_s: float) -> None:
        padded = np.pad(samples, (0, max(0, FRAME - len(samples))))
        frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP]
        self._bands = np.concatenate([_bands(frames[at : at + 512], rate) for at in range(0, len(frames), 512)])
        self._rate, self._span = rate / HOP, max(2, round(beat_s * rate / HOP))
        self._loud = float(self._bands.mean()) or 1.0

    def likeness(self, start_s: float, end_s: float) -> float:
        """Return 0..1: how like what leads to and from the end is to what leads to and from the start."""
        start, end = round(start_s * self._rate), round(end_s * self._rate)
        inside = self._bands[start:end]
        if not len(inside) or float(inside.mean()) < 0.3 * self._loud:
            return 0.0
        sides = [(start, end, self._span)]
        sides += [(start - self._span, end - self._span, self._span)]
        alike = [found for one in sides if (found := self._compare(*one)) is not None]
        return float(np.mean(alike)) if alike else _UNKNOWN

    def _compare(self, one: int, other: int, span: int) -> float | None:
        span = min(span, len(self._bands) - max(one, other))
        if min(one, other) < 0 or span < 2:
            return None
        first, second = self._bands[one : one + span], self._bands[other : other + span]
        distance = float(np.abs(first - second).mean()) / max(float((first + second).mean()) / 2, 1e-9)
        return max(0.0, 1.0 - distance / 2)


def _bands(frames: NDArray[np.float32], rate: int) -> NDArray[np.float64]:
    """Return the compressed energy in bands that are spaced as the ear hears: (frames, bands)."""
    spectrum = np.abs(np.fft.rfft(frames * np.hanning(FRAME), axis=1)) ** 2
    edges = np.round(np.geomspace(60, rate / 2, BANDS + 1) * FRAME / rate).astype(int)
    sums = np.concatenate([np.zeros((len(spectrum), 1)), np.cumsum(spectrum, axis=1)], axis=1)
    at = np.clip(np.maximum.accumulate(np.maximum(edges, np.arange(BANDS + 1))), 0, spectrum.shape[1])
    return np.asarray((sums[:, at[1:]] - sums[:, at[:-1]]) ** 0.3)


def _shared(one: Loop, other: Loop) -> float:
    """Return how much of the shorter lies within the longer."""
    both = min(one.end_s, other.end_s) - max(one.start_s, other.start_s)
    return max(0.0, both) / min(one.end_s - one.start_s, other.end_s - other.start_s)


def snapped(loop: Loop, samples: Samples, rate: int) -> Loop:
    """Move a loop by at most 3 ms to where the sound rises through zero; its length stays what the tempo says."""
    reach, middle = round(_SNAP_S * rate), round(loop.start_s * rate)
    first = max(0, middle - reach)
    piece = samples[first : middle + reach + 1]
    rising = np.flatnonzero((piece[:-1] <= 0) & (piece[1:] > 0)) if len(piece) > 1 else np.zeros(0, int)
    if not len(rising):
        return loop
    moved_s = (first + int(rising[np.argmin(np.abs(rising + first - middle))])) / rate - loop.start_s
    moved_s = max(-loop.start_s, min(moved_s, len(samples) / rate - loop.end_s))
    by = round(moved_s * RATE)
    return Loop(
        start_s=round(loop.start_s + moved_s, 4),
        end_s=round(loop.end_s + moved_s, 4),
        start_sample=max(0, loop.start_sample + by),
        end_sample=loop.end_sample + by if loop.start_sample + by >= 0 else loop.end_sample - loop.start_sample,
        beats=loop.beats,
        bars=loop.bars,
        score=loop.score,
    )
