"""The form of a song: where it changes, which parts sound alike, and what each may be called.

Edges are peaks of novelty along the diagonal of a self-similarity matrix (J. Foote, "Automatic audio segmentation using
a measure of audio novelty", ICME 2000), here over bars: their pitches, their colour and their loudness. Labels are
suggestions by repetition and energy, nothing more.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tasks.contracts.music import SongSection
from tasks.music.compiled import librosa
from tasks.music.energy import mean_energy
from tasks.music.onsets import RATE, Floats

HOP = 2048
FRAMES_S = RATE / HOP
_PLAIN_UNIT_S = 2.0
"""Length of a unit where there are no bars."""
_SHORTEST_UNITS = 3
_SHORTEST_S = 6.0
_KERNELS = (4, 8)
_NOVEL = 0.22
_ALIKE = 1.0
_RETURNS = 1.1
"""How much stronger a part counts for being the chorus when it comes again."""


def find_sections(
    samples: Floats, chroma: Floats, *, downbeats: NDArray[np.float64], duration_s: float, energy: Floats
) -> tuple[SongSection, ...]:
    """Return the sections, from 0 to the end without gaps; one where nothing changes."""
    units = unit_edges(downbeats, duration_s)
    features = describe_units(samples, chroma, units)
    cuts = find_cuts(features, units)
    edges = [0.0, *(float(units[cut]) for cut in cuts), duration_s]
    pieces = list(pairwise(edges))
    means = np.array([np.median(features[first:last], axis=0) for first, last in _unit_spans(cuts, len(features))])
    groups = group_alike(means)
    energies = [mean_energy(energy, start, end) for start, end in pieces]
    labels = suggest_labels(groups, energies, [end - start for start, end in pieces])
    rows = zip(pieces, labels, groups, energies, strict=True)
    return tuple(
        SongSection(round(s, 4), round(e, 4), label, group, round(level, 4)) for (s, e), label, group, level in rows
    )


def unit_edges(downbeats: NDArray[np.float64], duration_s: float) -> NDArray[np.float64]:
    """Return the starts of bars, and the end; every two seconds where there are no bars."""
    if len(downbeats) < 4:
        count = max(1, round(duration_s / _PLAIN_UNIT_S))
        return np.linspace(0.0, duration_s, count + 1)
    inside = downbeats[(downbeats > 0.05) & (downbeats < duration_s - 0.05)]
    return np.concatenate([[0.0] if inside[0] > 1.0 else [], inside, [duration_s]])


def describe_units(samples: Floats, chroma: Floats, units: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return pitches, colour and loudness of each unit, scaled to weigh alike: (units, 26)."""
    colour = librosa.feature.mfcc(y=samples, sr=RATE, n_mfcc=13, hop_length=HOP, n_fft=2048)
    loudness = librosa.feature.rms(y=samples, frame_length=4096, hop_length=HOP)
    level = 20 * np.log10(np.maximum(loudness, 1e-4))
    pitches = chroma / np.maximum(np.linalg.norm(chroma, axis=0, keepdims=True), 1e-6)
    groups = [
        _even(_per_unit(part, units)) * weight for part, weight in ((pitches, 1.0), (colour[1:], 1.2), (level, 2.0))
    ]
    return np.concatenate(groups, axis=1)


def _per_unit(values: Floats, units: NDArray[np.float64]) -> NDArray[np.float64]:
    last = values.shape[1]
    edges = np.clip(np.round(units * FRAMES_S).astype(int), 0, last)
    spans = [(min(first, last - 1), max(min(first, last - 1) + 1, end)) for first, end in pairwise(edges)]
    return np.array([values[:, first:end].mean(axis=1) for first, end in spans])


def _even(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scale a group of numbers so that units lie one apart in it on average."""
    centred = values - values.mean(axis=0)
    return np.asarray(centred / max(float(np.sqrt((centred**2).sum(axis=1).mean())), 1e-6))


def find_cuts(features: NDArray[np.float64], units: NDArray[np.float64]) -> list[int]:
    """Return the units that begin a section."""
    count = len(features)
    if count < 2 * _SHORTEST_UNITS:
        return []
    novelty = novelty_in_reach(features)
    order = [int(unit) for unit in np.argsort(-novelty) if novelty[unit] >= _NOVEL]
    cuts: list[int] = []
    for unit in order:
        if novelty[unit] < max(novelty[max(0, unit - 2) : unit + 3]):
            continue
        if all(_far_enough(units, unit, other) for other in (0, count, *cuts)):
            cuts.append(unit)
    return sorted(cuts)


def _far_enough(units: NDArray[np.float64], one: int, other: int) -> bool:
    return abs(one - other) >= _SHORTEST_UNITS and abs(units[one] - units[other]) >= _SHORTEST_S


def novelty_in_reach(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the novelty of each unit, over as many units before and after it as there are, up to the widest kernel."""
    count = len(features)
    reach = np.minimum(np.arange(count), count - np.arange(count))
    found = np.array([novelty_of(features, min(size, count // 2)) for size in _KERNELS])
    fits = np.array([reach >= size if size > min(_KERNELS) else np.ones(count, bool) for size in _KERNELS])
    return np.asarray((found * fits).sum(axis=0) / fits.sum(axis=0))


def novelty_of(features: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Return how much the units before and after each unit differ beside how alike each side is, about 0..1."""
    distance = np.linalg.norm(features[:, None] - features[None, :], axis=2)
    alike = np.exp(-distance / max(float(np.median(distance)), 1e-6))
    padded = np.pad(alike, size, mode="edge")
    window = np.exp(-0.5 * ((np.arange(2 * size) - size + 0.5) / (0.5 * size)) ** 2)
    sign = np.where(np.arange(2 * size) < size, 1.0, -1.0)
    kernel = np.outer(sign * window, sign * window)
    kernel /= np.abs(kernel).sum() / 4
    spans = [padded[place : place + 2 * size, place : place + 2 * size] for place in range(len(features))]
    return np.array([float((span * kernel).sum()) for span in spans])


def _unit_spans(cuts: list[int], count: int) -> list[tuple[int, int]]:
    edges = [0, *cuts, count]
    return list(pairwise(edges))


def group_alike(means: NDArray[np.float64]) -> list[int]:
    """Number sections so that those that sound alike have the same number, in order of appearance."""
    groups: list[int] = []
    heads: list[NDArray[np.float64]] = []
    for mean in means:
        distances = [float(np.linalg.norm(mean - head)) for head in heads]
        if distances and min(distances) < _ALIKE:
            groups.append(int(np.argmin(distances)))
            continue
        groups.append(len(heads))
        heads.append(mean)
    return groups


def suggest_labels(groups: list[int], energies: list[float], lengths: list[float]) -> list[str]:
    """Name sections: the strongest part is the chorus, others that return verses; what comes once, by its place."""
    count = len(groups)
    if count == 1:
        return ["verse"]
    strength = {
        group: float(np.mean([e for g, e in zip(groups, energies, strict=True) if g == group])) for group in groups
    }
    chorus = max(strength, key=lambda group: strength[group] * (_RETURNS if groups.count(group) > 1 else 1.0))
    labels = [
        "chorus" if group == chorus else _middle_label(group, groups, strength[chorus], strength) for group in groups
    ]
    if groups.count(groups[0]) == 1 and groups[0] != chorus and strength[groups[0]] < strength[chorus]:
        labels[0] = "intro"
    if groups.count(groups[-1]) == 1 and groups[-1] != chorus and lengths[-1] <= float(np.median(lengths)) * 1.2:
        labels[-1] = "outro"
    return labels


def _middle_label(group: int, groups: list[int], loudest: float, strength: dict[int, float]) -> str:
    if groups.count(group) > 1 or groups.index(group) <= 1:
        return "verse"
    return "break" if strength[group] < 0.5 * loudest else "bridge"
