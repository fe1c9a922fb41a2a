"""Beats from onsets: likely tempi, the best path of beats for each, and the choice between them.

Periods come from the autocorrelation of the onsets in windows (P. Grosche and M. Müller call it a tempogram, IEEE TASLP
2011); beats are the path of highest sum of onset strength and evenness (D. Ellis, "Beat tracking by
dynamic programming", JNMR 2007), here around a period that may drift. Which of half, whole and double is the beat is
decided by what happens on and between the beats, and by which tempi people tap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.music.onsets import FRAMES_S, LATENESS_S, Onsets

SLOWEST, FASTEST = 50.0, 210.0
TAPPED_BPM, TAPPED_OCTAVES = 112.0, 0.85
"""Centre and width of the tempi that people tap (after L. van Noorden and D. Moelants, JNMR 1999)."""
MULTIPLES = (1.0, 2.0, 0.5, 3.0, 1 / 3, 1.5, 2 / 3, 4.0, 0.25)
WEIGHTS = (1.5, 0.3, 0.8, 1.2, 2.0)
"""What counts how much for a level: tapped, strong, alike, free between, supported. Fitted on 32 renderings of the
benchmark's songs and nine recorded tracks of known tempo, all of which they get right."""
_USUALLY_FILLED = 0.3
_LEAST_ONSETS, _LEAST_CLARITY = 4, 0.17
"""Below this there is no pulse: noise and speech reach 0.1, music with the vaguest beat 0.26."""
_WINDOW_S, _STEP_S = 8.0, 1.0
_BINS_PER_OCTAVE = 48
_TIGHTNESS = 120.0
_DRIFT = 0.3
"""How far, in octaves, a song's tempo may leave its usual one."""

Floats = NDArray[np.floating]
Frames = NDArray[np.int64]


@dataclass(frozen=True)
class Pulse:
    """Beats at one tempo level, and how well they fit.

    :param period_s: median time between beats, :param score: higher is likelier; only differences mean something.
    :param on: mean accent on the beats, :param between: between them, at halves or thirds, by that on the beats.
    :param alternation: how strong the weaker beats are beside the stronger ones, 0..1.
    """

    beats: NDArray[np.float64]
    period_s: float
    score: float
    on: float
    between: float
    alternation: float

    @property
    def bpm(self) -> float:
        """Beats a minute."""
        return 60 / self.period_s


def find_pulses(onsets: Onsets) -> list[Pulse]:
    """Return the ways to count along, likeliest first; none when nothing recurs."""
    envelope = np.asarray(onsets.total, np.float64)
    if len(envelope) < 2 * FRAMES_S or count_onsets(envelope) < _LEAST_ONSETS:
        return []
    grid = tempo_grid()
    gram = tempogram(envelope, grid)
    if clarity(gram) < _LEAST_CLARITY:
        return []
    base = strongest(gram, grid)
    levels = [base * factor for factor in MULTIPLES if SLOWEST <= base * factor <= FASTEST]
    pulses = [pulse for level in levels if (pulse := follow(onsets, gram, grid=grid, bpm=level)) is not None]
    return sorted(pulses, key=lambda pulse: -pulse.score)


def count_onsets(envelope: NDArray[np.float64]) -> int:
    """Return how many peaks there are that are not lost beside the highest."""
    inner = envelope[1:-1]
    peaks = (inner >= envelope[:-2]) & (inner > envelope[2:]) & (inner > 0.05 * envelope.max())
    return int(peaks.sum())


def clarity(gram: NDArray[np.float64]) -> float:
    """Return how clearly onsets recur at one slowly changing tempo, 0..1."""
    return float(np.median(gram[np.arange(len(gram)), best_path(gram)]))


def tempo_grid() -> NDArray[np.float64]:
    """Return the tempi that are looked at, evenly spaced to the ear."""
    octaves = np.log2(FASTEST * 1.15 / (SLOWEST / 1.15))
    return np.asarray(SLOWEST / 1.15 * 2 ** (np.arange(int(octaves * _BINS_PER_OCTAVE)) / _BINS_PER_OCTAVE))


def tempogram(envelope: NDArray[np.float64], grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how strongly each tempo is there around each second: (seconds, tempi), 0..1."""
    size, step = round(_WINDOW_S * FRAMES_S), round(_STEP_S * FRAMES_S)
    padded = np.pad(envelope, (size // 2, size // 2))
    starts = np.arange(0, len(envelope), step)
    frames = np.stack([padded[start : start + size] for start in starts])
    frames = (frames - frames.mean(axis=1, keepdims=True)) * np.hanning(size)
    power = np.abs(np.fft.rfft(frames, 2 * size, axis=1)) ** 2
    correlation = np.fft.irfft(power, axis=1)[:, :size]
    correlation /= np.maximum(correlation[:, :1], 1e-9)
    lags = 60 * FRAMES_S / grid
    gram = np.zeros((len(starts), len(grid)))
    for multiple, weight in ((1, 1.0), (2, 0.7), (4, 0.4)):
        gram += weight * _at(correlation, lags * multiple)
    return np.asarray(np.maximum(gram, 0.0) / 2.1)


def _at(correlation: NDArray[np.float64], lags: NDArray[np.float64]) -> NDArray[np.float64]:
    """Read the correlation at lags between whole frames; beyond its end there is none."""
    whole = np.floor(lags).astype(int)
    part = lags - whole
    padded = np.pad(correlation, ((0, 0), (0, max(0, int(whole.max()) + 2 - correlation.shape[1]))))
    return np.asarray(padded[:, whole] * (1 - part) + padded[:, whole + 1] * part)


def tapped(bpm: float | NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how readily people tap at a tempo, as a logarithm."""
    return np.asarray(-0.5 * (np.log2(np.asarray(bpm) / TAPPED_BPM) / TAPPED_OCTAVES) ** 2)


def strongest(gram: NDArray[np.float64], grid: NDArray[np.float64]) -> float:
    """Return the tempo that is there most of the time."""
    return float(grid[int(np.argmax(gram.mean(axis=0) * np.exp(tapped(grid))))])


def follow(onsets: Onsets, gram: NDArray[np.float64], *, grid: NDArray[np.float64], bpm: float) -> Pulse | None:
    """Track the beats near one tempo and judge them."""
    near = np.abs(np.log2(grid / bpm)) <= _DRIFT
    tempi = grid[near][best_path(gram[:, near])]
    periods = np.interp(np.arange(len(onsets)) / FRAMES_S / _STEP_S, np.arange(len(tempi)), 60 / tempi)
    envelope = np.asarray(onsets.total, np.float64)
    frames = track(envelope, periods * FRAMES_S)
    frames = trim(envelope, frames)
    if len(frames) < 4:
        return None
    beats = refine(envelope, frames)
    return judge(onsets, beats, support=support_of(gram, 60 / float(np.median(np.diff(beats)))))


def best_path(gram: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the tempo of each second: strong ones, changing seldom (Viterbi)."""
    count = gram.shape[1]
    distance = np.abs(np.subtract.outer(np.arange(count), np.arange(count)))
    cost = np.minimum(distance * 0.03, 0.35)
    value, back = gram[0].copy(), np.zeros(gram.shape, np.int64)
    for row in range(1, len(gram)):
        reached = value[:, None] - cost
        back[row] = reached.argmax(axis=0)
        value = reached.max(axis=0) + gram[row]
    path = [int(value.argmax())]
    for row in range(len(gram) - 1, 0, -1):
        path.append(int(back[row, path[-1]]))
    return np.array(path[::-1])


def track(envelope: NDArray[np.float64], periods: NDArray[np.float64]) -> Frames:
    """Return the frames of the best path of beats; ``periods`` in frames, one for each frame."""
    local = np.convolve(envelope, np.exp(-0.5 * (np.arange(-3, 4) / 1.2) ** 2), "same")
    total, back = local.copy(), np.full(len(local), -1)
    for frame in range(len(local)):
        period = periods[frame]
        first, last = frame - round(2 * period), frame - round(period / 2)
        if last <= 0:
            continue
        before = np.arange(max(0, first), last)
        gain = total[before] - _TIGHTNESS * np.log((frame - before) / period) ** 2
        best = int(gain.argmax())
        if gain[best] > 0:
            total[frame] += gain[best]
            back[frame] = before[best]
    tail = len(total) - round(1.5 * periods[-1])
    frame = max(0, tail) + int(total[max(0, tail) :].argmax())
    path = []
    while frame >= 0:
        path.append(frame)
        frame = int(back[frame])
    return np.array(path[::-1])


def trim(envelope: NDArray[np.float64], frames: Frames) -> Frames:
    """Drop beats before the music begins and after it ends."""
    strength = np.array([envelope[max(0, frame - 2) : frame + 3].max() for frame in frames])
    alive = np.flatnonzero(strength > 0.25 * np.median(strength))
    return np.asarray(frames[alive[0] : alive[-1] + 1] if len(alive) else frames[:0])


def refine(envelope: NDArray[np.float64], frames: Frames) -> NDArray[np.float64]:
    """Return the beats in seconds, between frames where the onset's peak lies there."""
    out = []
    for frame in frames:
        first = max(1, int(frame) - 2)
        peak = first + int(envelope[first : int(frame) + 3].argmax())
        shift = 0.0
        if envelope[peak] > 1.0 and peak + 1 < len(envelope):
            left, middle, right = envelope[peak - 1 : peak + 2]
            bend = left - 2 * middle + right
            shift = peak - frame + (0.5 * (left - right) / bend if bend < -1e-9 else 0.0)
        out.append((frame + shift) / FRAMES_S - LATENESS_S)
    return np.asarray(np.maximum(0.0, np.array(out)), np.float64)


def strength_at(envelope: Floats, times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the strongest onset within 30 ms of each time."""
    frames = np.clip(np.round((times + LATENESS_S) * FRAMES_S).astype(int), 0, len(envelope) - 1)
    return np.asarray(np.max([envelope[np.clip(frames + near, 0, len(envelope) - 1)] for near in range(-3, 4)], axis=0))


def support_of(gram: NDArray[np.float64], bpm: float) -> float:
    """Return how strongly a tempo is there on the whole, 0..1."""
    return float(np.interp(bpm, tempo_grid(), gram.mean(axis=0)))


def judge(onsets: Onsets, beats: NDArray[np.float64], *, support: float) -> Pulse:
    """Score a level: a tempo that is there and that people tap, strong beats alike, little between them.

    :param support: how strongly the tempo is there (:func:`support_of`).
    """
    period = float(np.median(np.diff(beats)))
    accents = np.asarray(onsets.low + onsets.mid, np.float64)
    on = strength_at(accents, beats)
    whole = float(on.mean()) + 1e-9
    filled = max(_mean_between(accents, beats, parts) for parts in (2, 3)) / whole
    halves = sorted([float(on[::2].mean()), float(on[1::2].mean())])
    thirds = sorted(float(on[offset::3].mean()) for offset in range(3))
    alternation = min(halves[0] / (halves[1] + 1e-9), 0.2 + (thirds[0] + thirds[1]) / (2 * thirds[2] + 1e-9))
    terms = (
        float(tapped(60 / period)),
        float(np.log(whole)),
        float(np.log(max(alternation, 0.02))),
        -max(0.0, filled - _USUALLY_FILLED),
        float(np.log(max(support, 0.02))),
    )
    score = sum(weight * term for weight, term in zip(WEIGHTS, terms, strict=True))
    return Pulse(beats, period, score, whole, filled, alternation)


def _mean_between(accents: Floats, beats: NDArray[np.float64], parts: int) -> float:
    """Return the mean strength where each beat would fall into halves or thirds."""
    gaps = np.diff(beats)
    inside = [strength_at(accents, beats[:-1] + gaps * part / parts) for part in range(1, parts)]
    return float(np.mean(inside))
