"""Finds faces in pictures: the three networks of MTCNN, run in numpy with the weights of the package ``mtcnn`` (MIT).

Zhang et al., "Joint Face Detection and Alignment Using Multitask Cascaded Convolutional Networks", IEEE SPL 2016: a
small network slides over a pyramid of the picture and proposes boxes, two larger ones in turn refuse and move them.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.contracts.shorts import Face
from tasks.errors import ConfigurationError

Array = NDArray[np.floating[Any]]
Picture = NDArray[np.uint8]
"""RGB, (height, width, 3)."""

CELL, STRIDE = 12, 2
PYRAMID = 0.709
LEAST_HEIGHT = 0.08
"""The smallest face that is looked for, as a part of the picture's height."""
PROPOSED, REFINED, ACCEPTED = 0.6, 0.7, 0.85
REFINE_SIDE, OUTPUT_SIDE = 24, 48
MOST_PROPOSALS = 200


class FaceDetector:
    """Finds upright faces, frontal or half turned."""

    def __init__(self) -> None:
        self._proposal, self._refining, self._output = (_weights(name) for name in ("pnet", "rnet", "onet"))

    def find(self, picture: Picture) -> tuple[Face, ...]:
        """Return the faces of a picture, surest first, in fractions of it."""
        height, width = picture.shape[:2]
        values = ((picture.astype(np.float32)) - 127.5) / 128
        boxes = self._propose(values, max(CELL, LEAST_HEIGHT * height))
        boxes = self._judge(values, boxes, REFINE_SIDE, REFINED)
        boxes = self._judge(values, boxes, OUTPUT_SIDE, ACCEPTED)
        boxes = suppress(boxes, 0.5, of_smaller=True)
        return tuple(
            Face(
                round(float(max(x1, 0) / width), 4),
                round(float(max(y1, 0) / height), 4),
                round(float((min(x2, width) - max(x1, 0)) / width), 4),
                round(float((min(y2, height) - max(y1, 0)) / height), 4),
                round(float(score), 4),
            )
            for x1, y1, x2, y2, score in boxes
        )

    def _propose(self, values: Array, least: float) -> Array:
        found = [np.zeros((0, 5), np.float32)]
        for scale in _scales(values.shape[0], values.shape[1], least):
            small = resize(values, round(values.shape[0] * scale), round(values.shape[1] * scale))
            moves, scores = _run_proposal(small[None], self._proposal)
            ys, xs = np.nonzero(scores[0, ..., 1] > PROPOSED)
            corners = np.stack([xs * STRIDE, ys * STRIDE, xs * STRIDE + CELL, ys * STRIDE + CELL], 1).astype(np.float32)
            boxes = np.concatenate([corners + moves[0, ys, xs] * CELL, scores[0, ys, xs, 1:2]], 1)
            boxes[:, :4] /= scale
            found.append(suppress(boxes, 0.5))
        return suppress(np.concatenate(found), 0.7)[:MOST_PROPOSALS]

    def _judge(self, values: Array, boxes: Array, side: int, least: float) -> Array:
        if not len(boxes):
            return boxes
        squares = _squares(boxes)
        crops = np.stack([_cut(values, square, side) for square in squares])
        run = _run_refining if side == REFINE_SIDE else _run_output
        moves, scores = run(crops, self._refining if side == REFINE_SIDE else self._output)
        keep = scores[:, 1] > least
        sizes = squares[keep, 2:4] - squares[keep, :2]
        moved = squares[keep, :4] + moves[keep] * np.concatenate([sizes, sizes], 1)
        return suppress(np.concatenate([moved, scores[keep, 1:2]], 1).astype(np.float32), 0.7)


def suppress(boxes: Array, most: float, *, of_smaller: bool = False) -> Array:
    """Keep of boxes (x1, y1, x2, y2, score) that overlap by more than ``most`` the surest; surest first.

    :param of_smaller: measure the overlap against the smaller box instead of against both together.
    """
    rest = boxes[np.argsort(-boxes[:, 4], kind="stable")]
    kept = []
    while len(rest):
        first, rest = rest[0], rest[1:]
        kept.append(first)
        if len(rest):
            rest = rest[overlaps(first, rest, of_smaller=of_smaller) <= most]
    return np.array(kept, np.float32).reshape(-1, 5)


def overlaps(box: Array, others: Array, *, of_smaller: bool) -> Array:
    """Return how much a box shares with each of others, 0..1."""
    corner = np.minimum(box[2:4], others[:, 2:4]) - np.maximum(box[:2], others[:, :2])
    shared = np.clip(corner, 0, None).prod(1)
    own, theirs = np.prod(box[2:4] - box[:2]), (others[:, 2:4] - others[:, :2]).prod(1)
    whole = np.minimum(own, theirs) if of_smaller else own + theirs - shared
    part: Array = (shared / np.maximum(whole, 1e-9)).astype(np.float32)
    return part


def resize(values: Array, height: int, width: int) -> Array:
    """Scale (height, width, channels) by averaging where it shrinks and evenly between pixels where it grows."""
    while values.shape[0] >= 2 * height and values.shape[1] >= 2 * width:
        values = values[: values.shape[0] // 2 * 2, : values.shape[1] // 2 * 2]
        values = (values[::2, ::2] + values[1::2, ::2] + values[::2, 1::2] + values[1::2, 1::2]) / 4
    rows, row_part = _places(values.shape[0], height)
    columns, column_part = _places(values.shape[1], width)
    above, below = values[rows], values[np.minimum(rows + 1, values.shape[0] - 1)]
    mixed = above + (below - above) * row_part[:, None, None]
    left, right = mixed[:, columns], mixed[:, np.minimum(columns + 1, values.shape[1] - 1)]
    scaled: Array = (left + (right - left) * column_part[None, :, None]).astype(np.float32)
    return scaled


def _places(length: int, wanted: int) -> tuple[NDArray[np.int64], Array]:
    at = np.clip((np.arange(wanted) + 0.5) * length / wanted - 0.5, 0, length - 1)
    whole = at.astype(np.int64)
    return whole, (at - whole).astype(np.float32)


def _scales(height: int, width: int, least: float) -> Iterator[float]:
    scale = CELL / least
    while min(height, width) * scale >= CELL:
        yield scale
        scale *= PYRAMID


def _squares(boxes: Array) -> Array:
    sizes = (boxes[:, 2:4] - boxes[:, :2]).max(1, keepdims=True)
    middles = (boxes[:, 2:4] + boxes[:, :2]) / 2
    return np.concatenate([middles - sizes / 2, middles + sizes / 2, boxes[:, 4:]], 1)


def _cut(values: Array, box: Array, side: int) -> Array:
    """Return a box of the picture at a size; what lies outside of it is black."""
    x1, y1, x2, y2 = (math.floor(edge) for edge in box[:4])
    x2, y2 = max(x2, x1 + 1), max(y2, y1 + 1)
    height, width = values.shape[:2]
    held = np.full((y2 - y1, x2 - x1, 3), -127.5 / 128, np.float32)
    top, bottom, left, right = max(y1, 0), min(y2, height), max(x1, 0), min(x2, width)
    if top < bottom and left < right:
        held[top - y1 : bottom - y1, left - x1 : right - x1] = values[top:bottom, left:right]
    return resize(held, side, side)


@cache
def _weights(name: str) -> list[Array]:
    import joblib

    spec = importlib.util.find_spec("mtcnn")
    if spec is None or spec.origin is None:
        raise ConfigurationError("config.invalid", "install the package mtcnn, which holds the face detector")
    loaded: Sequence[Any] = joblib.load(Path(spec.origin).parent / "assets" / "weights" / f"{name}.lz4")
    return [np.asarray(values, np.float32) for values in loaded]


def _run_proposal(x: Array, w: list[Array]) -> tuple[Array, Array]:
    x = _pool(_prelu(_conv(x, w[0], w[1]), w[2]), 2, whole=True)
    x = _prelu(_conv(x, w[3], w[4]), w[5])
    x = _prelu(_conv(x, w[6], w[7]), w[8])
    return _conv(x, w[9], w[10]), _softmax(_conv(x, w[11], w[12]))


def _run_refining(x: Array, w: list[Array]) -> tuple[Array, Array]:
    x = _pool(_prelu(_conv(x, w[0], w[1]), w[2]), 3, whole=True)
    x = _pool(_prelu(_conv(x, w[3], w[4]), w[5]), 3, whole=False)
    x = _prelu(_conv(x, w[6], w[7]), w[8])
    x = _prelu(_flat(x) @ w[9] + w[10], w[11])
    return x @ w[12] + w[13], _softmax(x @ w[14] + w[15])


def _run_output(x: Array, w: list[Array]) -> tuple[Array, Array]:
    x = _pool(_prelu(_conv(x, w[0], w[1]), w[2]), 3, whole=True)
    x = _pool(_prelu(_conv(x, w[3], w[4]), w[5]), 3, whole=False)
    x = _pool(_prelu(_conv(x, w[6], w[7]), w[8]), 2, whole=True)
    x = _prelu(_conv(x, w[9], w[10]), w[11])
    x = _prelu(_flat(x) @ w[12] + w[13], w[14])
    return x @ w[15] + w[16], _softmax(x @ w[19] + w[20])


def _conv(x: Array, kernel: Array, bias: Array) -> Array:
    """Convolve (batch, height, width, channels) without padding: one matrix product for each place of the kernel."""
    size = kernel.shape[0]
    height, width = x.shape[1] - size + 1, x.shape[2] - size + 1
    made = np.zeros((x.shape[0], height, width, kernel.shape[3]), np.float32)
    for i in range(size):
        for j in range(size):
            made += x[:, i : i + height, j : j + width] @ kernel[i, j]
    return made + bias


def _prelu(x: Array, slope: Array) -> Array:
    made: Array = np.where(x > 0, x, x * slope)
    return made


def _pool(x: Array, size: int, *, whole: bool) -> Array:
    """Take the largest of each window, two apart; with ``whole`` the last ones may reach over the edge."""
    if whole:
        pads = [max(0, (-(-side // 2) - 1) * 2 + size - side) for side in x.shape[1:3]]
        x = np.pad(x, ((0, 0), (0, pads[0]), (0, pads[1]), (0, 0)), constant_values=-np.inf)
    height, width = ((side - size) // 2 + 1 for side in x.shape[1:3])
    views = [x[:, i : i + 2 * height : 2, j : j + 2 * width : 2] for i in range(size) for j in range(size)]
    made: Array = np.max(np.stack([view[:, :height, :width] for view in views]), axis=0)
    return made


def _flat(x: Array) -> Array:
    return x.transpose(0, 2, 1, 3).reshape(x.shape[0], -1)


def _softmax(x: Array) -> Array:
    grown = np.exp(x - x.max(-1, keepdims=True))
    made: Array = grown / grown.sum(-1, keepdims=True)
    return made
