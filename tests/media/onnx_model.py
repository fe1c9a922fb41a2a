"""A small ONNX network written by hand: each label's score grows with the loudness of its own bands."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

BANDS = 96
_FLOAT, _INT, _INTS = 1, 2, 7


def write_model(path: Path, labels: dict[str, range], **told: object) -> Path:
    """Write sigmoid(mean over time of the bands of each label, against those of all) and its labels beside it.

    :param labels: for each label the bands that speak for it.
    """
    weights = np.full((BANDS, len(labels)), -1.0, np.float32)
    for number, bands in enumerate(labels.values()):
        weights[list(bands), number] = 3.0
    weights /= BANDS / 8
    nodes = [
        _node("ReduceMean", ["x"], "over_time", _ints("axes", [1]) + _int("keepdims", 0)),
        _node("MatMul", ["over_time", "w"], "heard"),
        _node("Sigmoid", ["heard"], "y"),
    ]
    told_w = (
        _number(1, BANDS) + _number(1, len(labels)) + _number(2, _FLOAT) + _text(8, "w") + _bytes(9, weights.tobytes())
    )
    graph = b"".join(_bytes(1, node) for node in nodes) + _text(2, "tags") + _bytes(5, told_w)
    graph += _bytes(11, _value("x", ["n", "frames", BANDS])) + _bytes(12, _value("y", ["n", len(labels)]))
    path.write_bytes(_number(1, 8) + _bytes(7, graph) + _bytes(8, _text(1, "") + _number(2, 13)))
    names = list(labels)
    said = {"name": "bands-1", "frames": 40, "labels": names, "genres": names[:2], "moods": names[2:], **told}
    path.with_suffix(".json").write_text(json.dumps(said))
    return path


def _node(kind: str, inputs: list[str], output: str, attributes: bytes = b"") -> bytes:
    return b"".join(_text(1, name) for name in inputs) + _text(2, output) + _text(4, kind) + attributes


def _int(name: str, value: int) -> bytes:
    return _bytes(5, _text(1, name) + _number(3, value) + _number(20, _INT))


def _ints(name: str, values: list[int]) -> bytes:
    return _bytes(5, _text(1, name) + b"".join(_number(8, value) for value in values) + _number(20, _INTS))


def _value(name: str, shape: list[int | str]) -> bytes:
    sides = b"".join(_bytes(1, _number(1, side) if isinstance(side, int) else _text(2, side)) for side in shape)
    return _text(1, name) + _bytes(2, _bytes(1, _number(1, _FLOAT) + _bytes(2, sides)))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    made = bytearray()
    while value > 127:
        made.append(value & 127 | 128)
        value >>= 7
    return bytes([*made, value])
