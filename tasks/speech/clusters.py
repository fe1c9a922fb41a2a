"""Which of many voice samples belong together: Ward's clustering, and how many voices there are. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Labels = NDArray[np.intp]

MOST_VOICES = 8

_SAMPLED = 600
_ROUNDS = 5
_SWITCH = 0.05  # how much more alike the other voice must be before the speaker is taken to change
_TWO_VOICES = 0.165  # silhouette below which there is one voice; real ones lie so close to it that a guess stays one
_AS_GOOD = 0.03


def group_voices(vectors: Floats, *, count: int | None = None) -> Labels:
    """Return a voice's number for each vector, in order of first appearance.

    Ward's clusters of a sample are the start; then each voice is the mean of its vectors, and each vector belongs to
    the voice that it is most like, with a preference for no change (Viterbi), until nothing moves.

    :param vectors: unit vectors in order of time, shape (samples, size). :param count: how many voices there are; None
        guesses, by the silhouette (Rousseeuw, 1987).
    """
    if len(vectors) == 0:
        return np.zeros(0, np.intp)
    sampled = vectors[np.unique(np.linspace(0, len(vectors) - 1, min(len(vectors), _SAMPLED)).astype(np.intp))]
    merges = _merge(sampled)
    voices = min(count, len(sampled)) if count is not None else _guess_count(sampled, merges)
    centroids = _centroids(sampled, _cut(merges, len(sampled), voices))
    labels = np.zeros(len(vectors), np.intp)
    for _ in range(_ROUNDS):
        labels = _most_likely(vectors @ centroids.T)
        if len(np.unique(labels)) < voices:
            break  # a voice of few moments is lost in the rest
        centroids = _centroids(vectors, labels)
    return _by_appearance(labels)


def _guess_count(vectors: Floats, merges: list[tuple[int, int]]) -> int:
    """Return the smallest number of clusters about as apart as the best one."""
    most = min(MOST_VOICES, len(vectors) - 1)
    apart = {count: _silhouette(vectors, _cut(merges, len(vectors), count)) for count in range(2, most + 1)}
    best = max(apart.values(), default=0.0)
    if best < _TWO_VOICES:
        return 1
    return next(count for count, value in apart.items() if value >= best - _AS_GOOD)


def _silhouette(vectors: Floats, labels: Labels) -> float:
    distances = 2.0 - 2.0 * (vectors @ vectors.T)
    members = np.eye(int(labels.max()) + 1)[labels]
    sizes = members.sum(axis=0)
    to_each = distances @ members
    rows = np.arange(len(labels))
    own = to_each[rows, labels] / np.maximum(sizes[labels] - 1, 1)
    others = to_each / sizes
    others[rows, labels] = np.inf
    nearest = others.min(axis=1)
    return float(np.mean((nearest - own) / np.maximum(np.maximum(nearest, own), 1e-9)))


def _merge(vectors: Floats) -> list[tuple[int, int]]:
    """Return the pairs that Ward's criterion merges, first to last; the second of a pair joins the first."""
    count = len(vectors)
    sizes = np.ones(count)
    distances = 2.0 - 2.0 * (vectors @ vectors.T).astype(np.float64)
    np.fill_diagonal(distances, np.inf)
    merges = []
    for _ in range(count - 1):
        kept, gone = sorted(divmod(int(np.argmin(distances)), count))
        merges.append((kept, gone))
        total = sizes + sizes[kept] + sizes[gone]
        with np.errstate(invalid="ignore"):  # what is gone is infinitely far, and stays so
            row = (sizes + sizes[kept]) * distances[kept] + (sizes + sizes[gone]) * distances[gone]
            row = (row - sizes * distances[kept, gone]) / total
        row[~np.isfinite(row)] = np.inf
        row[[kept, gone]] = np.inf
        distances[kept], distances[:, kept] = row, row
        distances[gone], distances[:, gone] = np.inf, np.inf
        sizes[kept] += sizes[gone]
    return merges


def _cut(merges: list[tuple[int, int]], samples: int, groups: int) -> Labels:
    owner = np.arange(samples)
    for kept, gone in merges[: samples - groups]:
        owner[owner == gone] = kept
    return np.unique(owner, return_inverse=True)[1].astype(np.intp)


def _centroids(vectors: Floats, labels: Labels) -> Floats:
    means = np.stack([vectors[labels == label].mean(axis=0) for label in range(int(labels.max()) + 1)])
    return np.asarray(means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9), np.float32)


def _most_likely(alike: Floats) -> Labels:
    """Return the path through voices that is most alike in sum, less the price of each change."""
    best = alike[0].copy()
    came_from = np.zeros(alike.shape, np.intp)
    for step in range(1, len(alike)):
        leader = int(best.argmax())
        stays = best >= best[leader] - _SWITCH
        came_from[step] = np.where(stays, np.arange(len(best)), leader)
        best = np.where(stays, best, best[leader] - _SWITCH) + alike[step]
    path = [int(best.argmax())]
    for step in range(len(alike) - 1, 0, -1):
        path.append(int(came_from[step, path[-1]]))
    return np.asarray(path[::-1], np.intp)


def _by_appearance(labels: Labels) -> Labels:
    order = {label: number for number, label in enumerate(dict.fromkeys(labels.tolist()))}
    return np.asarray([order[label] for label in labels.tolist()], np.intp)
