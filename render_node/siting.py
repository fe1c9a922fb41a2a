"""Where a 4:2:0 picture's chroma samples lie among its luma, and the weights with which pixels make a sample.

A sample that lies on a column takes a quarter of each neighbour and half of that column; one between two columns takes
half of each: the straight line between samples, which is how players read them (ITU-T H.273, ``ChromaLocType``).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.media.siting import LEFT

Floats = NDArray[np.floating[Any]]


class Siting(NamedTuple):
    """Whether samples lie on every second column, and on every second row; else they lie between two."""

    on_columns: bool
    on_rows: bool

    @property
    def bits(self) -> int:
        """Return the power of two that the weights of a sample's pixels add up to."""
        return 2 + self.on_columns + self.on_rows


SITINGS = {
    LEFT: Siting(True, False),
    "center": Siting(False, False),
    "topleft": Siting(True, True),
    "top": Siting(False, True),
}
"""Those that captions are drawn for, by FFmpeg's names; footage of another one is made ``left``."""


def sum_cells(pixels: NDArray[Any], siting: Siting) -> NDArray[Any]:
    """Return the weighted sum of the pixels of each sample, ``1 << siting.bits`` times their mean.

    :param pixels: rows, columns; where samples lie on columns, with one more on the left, likewise a row above.
    """
    rows = _sum_pairs(pixels, siting.on_rows)
    return _sum_pairs(rows.swapaxes(0, 1), siting.on_columns).swapaxes(0, 1)


def _sum_pairs(rows: NDArray[Any], is_on: bool) -> NDArray[Any]:
    if not is_on:
        total: NDArray[Any] = rows[::2] + rows[1::2]
        return total
    total = rows[1::2] + rows[1::2]
    total += rows[:-1:2]
    total += rows[2::2]
    return total


def with_neighbours(picture: NDArray[Any], top: int, left: int, siting: Siting) -> NDArray[Any]:
    """Return a picture from a row and column on, with what its first samples need beside; at an edge, itself again."""
    above, before = int(siting.on_rows), int(siting.on_columns)
    cut = picture[max(0, top - above) :, max(0, left - before) :]
    missing = (above if top == 0 else 0, 0), (before if left == 0 else 0, 0)
    return np.pad(cut, (*missing, *((0, 0),) * (picture.ndim - 2)), mode="edge") if any(map(any, missing)) else cut
