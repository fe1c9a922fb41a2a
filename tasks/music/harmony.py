"""Which pitches sound, and in what key: chroma, correlated with the profiles of the 24 keys.

Profiles: D. Temperley, "What's Key for Key? The Krumhansl-Schmuckler Key-Finding Algorithm Reconsidered", Music
Perception 17 (1999), for how well each pitch fits a key. On the songs of ``make bench-music`` they tell most minor keys
from their neighbours by several times the margin of Krumhansl's, which take one song for another key.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tasks.contracts.music import UNKNOWN, Key, KeySpan
from tasks.music.compiled import librosa
from tasks.music.onsets import RATE, Floats

HOP = 2048
FRAMES_S = RATE / HOP
METHOD = "chroma-temperley"
NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
MAJOR = (5.0, 2.0, 3.5, 2.0, 4.5, 4.0, 2.0, 4.5, 2.0, 3.5, 1.5, 4.0)
MINOR = (5.0, 2.0, 3.5, 4.5, 2.0, 4.0, 2.0, 4.5, 3.5, 2.0, 1.5, 4.0)
_PEAKED = 0.05
"""Least spread of a mean chroma (of its largest value) that tells of pitches at all."""
_SPAN_S = 12.0
_KEEP = 0.9
"""What another key must have over the last one's correlation, summed over spans, before it is believed."""
_LEAST_FIT = 0.45


def find_chroma(samples: Floats) -> Floats:
    """Return how strongly each of twelve pitches sounds: (12, frames) at :data:`FRAMES_S`, tuned to the recording."""
    chroma = librosa.feature.chroma_cqt(
        y=samples, sr=RATE, hop_length=HOP, norm=None, bins_per_octave=36, n_octaves=6, fmin=librosa.note_to_hz("C2")
    )
    return np.asarray(np.nan_to_num(chroma), np.float32)


def key_names() -> tuple[str, ...]:
    """Return the 24 keys in the order of :func:`fits`."""
    return tuple(f"{name} {mode}" for mode in ("major", "minor") for name in NAMES)


def fits(profile: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return how a profile of twelve pitches correlates with each key, -1..1."""
    keys = np.array([np.roll(shape, shift) for shape in (MAJOR, MINOR) for shift in range(12)])
    keys = keys - keys.mean(axis=1, keepdims=True)
    given = np.asarray(profile, np.float64) - np.mean(profile)
    size = np.linalg.norm(keys, axis=1) * np.linalg.norm(given)
    return np.asarray(keys @ given / np.maximum(size, 1e-12))


def find_key(chroma: Floats) -> Key:
    """Return the key of a song, or unknown where no pitch stands out."""
    profile = mean_profile(chroma)
    if profile.max() <= 1e-6 or profile.std() < _PEAKED * profile.max():
        return Key(UNKNOWN, 0.0, METHOD, "No pitch stands out")
    found = fits(profile)
    order = np.argsort(-found)
    if found[order[0]] < _LEAST_FIT:
        return Key(UNKNOWN, 0.0, METHOD, "The pitches fit no major or minor key")
    margin = float(found[order[0]] - found[order[1]])
    confidence = min(1.0, max(0.05, float(found[order[0]]) * (0.4 + 3.0 * margin)))
    return Key(key_names()[order[0]], round(confidence, 3), METHOD)


def mean_profile(chroma: Floats) -> NDArray[np.float64]:
    """Return the mean chroma, each moment weighing by the fourth root of its loudness: else bass hides the rest."""
    loudness = np.linalg.norm(chroma, axis=0)
    return np.asarray((chroma / np.maximum(loudness, 1e-6) ** 0.75).mean(axis=1) if chroma.size else np.zeros(12))


def find_key_spans(chroma: Floats, duration_s: float, key: Key) -> tuple[KeySpan, ...]:
    """Return the stretches of the song that stay in one key; one stretch where it never changes."""
    if key.name == UNKNOWN:
        return ()
    size = max(1, round(_SPAN_S * FRAMES_S))
    pieces = [chroma[:, start : start + size] for start in range(0, max(1, chroma.shape[1] - size // 2), size)]
    found = np.array([fits(mean_profile(piece)) for piece in pieces])
    found += 0.05 * (np.arange(24) == key_names().index(key.name))
    path = _steady_path(found)
    edges = [0, *(np.flatnonzero(np.diff(path)) + 1), len(path)]
    spans = []
    for first, last in pairwise(edges):
        end = duration_s if last == len(path) else last * _SPAN_S
        fit = float(np.clip(found[first:last, path[first]].mean(), 0, 1))
        spans.append(KeySpan(first * _SPAN_S, round(end, 3), key_names()[path[first]], round(fit, 3)))
    return tuple(spans)


def _steady_path(found: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the key of each piece: well fitting ones, changing seldom (Viterbi)."""
    value, back = found[0].copy(), []
    for row in found[1:]:
        best = int(value.argmax())
        moved = value[best] - _KEEP
        stays = value >= moved
        back.append(np.where(stays, np.arange(24), best))
        value = np.where(stays, value, moved) + row
    path = [int(value.argmax())]
    for row in reversed(back):
        path.append(int(row[path[-1]]))
    return np.array(path[::-1])


def between_beats(chroma: Floats, beats: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean chroma from each beat to the next (the last one: to the end): (beats, 12), of unit length."""
    frames = np.clip(np.round(np.append(beats, chroma.shape[1] / FRAMES_S) * FRAMES_S).astype(int), 0, chroma.shape[1])
    sums = np.concatenate([np.zeros((12, 1)), np.cumsum(chroma, axis=1, dtype=np.float64)], axis=1)
    means = (sums[:, frames[1:]] - sums[:, frames[:-1]]).T
    return np.asarray(means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9))
