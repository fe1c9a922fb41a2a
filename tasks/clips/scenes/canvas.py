"""What scenes share: coordinates, tables, and the form of a picture.

A picture is two planes of bytes, brightness and hue number; colours come later by one look-up. Scenes compute all that
does not move once, as small integers, and per frame only add and look up: no sine of half a million pixels.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.clips.palette import Bytes
from tasks.clips.score import Moment

Floats = NDArray[np.float32]
Words = NDArray[np.uint16]
Picture = tuple[Bytes, Bytes]


TO_AND_FRO = (15 - np.abs(np.arange(256) - 127.5) / 8.5).astype(np.uint8)
"""Hues of one turn, without a jump where it closes."""


@dataclass(frozen=True)
class Canvas:
    """Coordinates of the pixels: ``y`` from -1 (top) to 1, ``x`` in the same unit, 0 in the middle."""

    width: int
    height: int
    x: Floats
    y: Floats

    @classmethod
    def of(cls, width: int, height: int) -> Canvas:
        """Return the canvas of a size in pixels."""
        unit = min(width, height) / 2
        x = ((np.arange(width) + 0.5 - width / 2) / unit).astype(np.float32)
        y = ((np.arange(height) + 0.5 - height / 2) / unit).astype(np.float32)
        return cls(width, height, np.broadcast_to(x, (height, width)), np.broadcast_to(y[:, None], (height, width)))

    @property
    def reach(self) -> float:
        """The distance from the middle to a corner."""
        return float(np.hypot(self.x[0, -1], self.y[-1, 0]))


class Scene(ABC):
    """Something that is drawn, the same for the same numbers at random."""

    SHRINK = 1
    """Soft scenes are drawn at half the size and enlarged."""

    def __init__(self, canvas: Canvas, chance: np.random.Generator, strength: float) -> None:
        """Prepare; ``strength`` 0..1 is how lively the section is."""
        self.canvas = canvas
        self.chance = chance
        self.strength = strength
        self.prepare()

    @abstractmethod
    def prepare(self) -> None:
        """Compute all that does not move."""

    @abstractmethod
    def draw(self, moment: Moment) -> Picture:
        """Return brightness and hue (0..15), each of shape (height, width)."""


def to_bytes(values: NDArray[np.floating]) -> Bytes:
    """Turn 0..1 into 0..255."""
    levels: Bytes = np.round(np.clip(values, 0, 1) * 255).astype(np.uint8)
    return levels


def to_phase(values: NDArray[np.floating]) -> Bytes:
    """Turn turns into 256 steps, going round."""
    steps: Bytes = (np.floor(values * 256).astype(np.int64) & 255).astype(np.uint8)
    return steps


def wrap(turns: float) -> np.uint8:
    """Turn a number of turns into one of 256 steps."""
    return np.uint8(int(turns * 256) & 255)


def dim(picture: Bytes, by: Bytes) -> Bytes:
    """Multiply two planes, 255 being one."""
    return ((picture.astype(np.uint16) * by) >> 8).astype(np.uint8)


def wave(sharpness: float = 1.0) -> Bytes:
    """Return a table of one turn: a crest in the middle, the narrower the sharper."""
    turns = np.arange(256) / 256
    return to_bytes((0.5 - 0.5 * np.cos(2 * np.pi * turns)) ** sharpness)
