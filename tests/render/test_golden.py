"""Every motion, look and script at enter, middle and exit, against reviewed pictures (``make pictures``)."""

from __future__ import annotations

import numpy as np
import pytest

from tests.render.contact import FOLDER, Picture, Sheet, cells_of, draw, read_png, sheets

BOUND = 0.97
"""Structural similarity of a cell; another release of the browser may place an edge a little differently."""
SHEETS = sheets()


@pytest.mark.parametrize("name", SHEETS)
def test_pictures_are_those_that_were_reviewed(name: str, chromium: str) -> None:
    sheet = SHEETS[name]
    picture, version = draw(sheet, chromium)
    reviewed = read_png(FOLDER / f"{name}.png")
    assert picture.shape == reviewed.shape
    if (FOLDER / "drawn-by.txt").read_text() == f"Chromium {version}\n":
        assert np.array_equal(picture, reviewed), different_cells(picture, reviewed, sheet)
    else:
        assert not [entry for entry in different_cells(picture, reviewed, sheet) if entry[2] < BOUND]


def different_cells(picture: Picture, reviewed: Picture, sheet: Sheet) -> list[tuple[str, int, float]]:
    """Return name, moment and similarity of the cells that are not equal."""
    pairs = zip(cells_of(picture, sheet), cells_of(reviewed, sheet), strict=True)
    return [
        (name, moment, similarity(mine, right))
        for (name, moment, mine), (_, _, right) in pairs
        if not np.array_equal(mine, right)
    ]


def similarity(a: Picture, b: Picture) -> float:
    """Return the mean SSIM of two pictures' luma over blocks of 8x8 (Wang et al. 2004, constants for 8 bit)."""
    planes = [picture.astype(np.float64) @ (0.2126, 0.7152, 0.0722) for picture in (a, b)]
    high, wide = (side // 8 * 8 for side in planes[0].shape)
    x, y = (plane[:high, :wide].reshape(high // 8, 8, wide // 8, 8) for plane in planes)
    axes = (1, 3)
    mean_x, mean_y = x.mean(axes), y.mean(axes)
    covariance = (x * y).mean(axes) - mean_x * mean_y
    one, two = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    above = (2 * mean_x * mean_y + one) * (2 * covariance + two)
    below = (mean_x**2 + mean_y**2 + one) * (x.var(axes) + y.var(axes) + two)
    return float((above / below).mean())


def test_a_shifted_caption_is_noticed() -> None:
    reviewed = read_png(FOLDER / "motions.png")
    (_, _, cell) = next(cells_of(reviewed, SHEETS["motions"]))
    assert similarity(cell, cell) == pytest.approx(1)
    assert similarity(cell, np.roll(cell, 3, axis=1)) < BOUND
