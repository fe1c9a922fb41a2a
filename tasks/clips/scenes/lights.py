"""A stage: beams that swing with the bars, a wall of lamps that shows the sound, and a crowd that jumps on beats."""

from __future__ import annotations

import numpy as np

from tasks.clips.palette import Bytes
from tasks.clips.scenes.canvas import TO_AND_FRO, Picture, Scene, dim, to_bytes
from tasks.clips.score import Moment
from tasks.clips.sound import BANDS

_STEPS = 1024
_ROWS = 14


class Lights(Scene):
    """For performance."""

    SHRINK = 2

    def prepare(self) -> None:
        """Compute the angles that pixels are seen under from each lamp, the wall and the crowd."""
        canvas, chance = self.canvas, self.chance
        self.count = int(chance.integers(5, 8))
        side = canvas.x[0, -1]
        self.angles = []
        self.falls = []
        for place in np.linspace(-0.9, 0.9, self.count) * side:
            across, down = canvas.x - place, canvas.y + 1.12
            self.angles.append((np.arctan2(across, down) / np.pi * _STEPS).astype(np.int16))
            self.falls.append(to_bytes(1.1 - 0.38 * np.hypot(across, down)))
        self.phases = chance.uniform(0, 2 * np.pi, self.count) if chance.random() < 0.5 else np.zeros(self.count)
        self.mirror = np.where(np.arange(self.count) % 2, -1.0, 1.0) if chance.random() < 0.5 else np.ones(self.count)
        self.bars = float(chance.choice([4, 8]))
        width = chance.uniform(28, 44)
        far = np.minimum(np.arange(2 * _STEPS), 400) / width
        self.beam = to_bytes(0.8 * np.exp(-(far**2)) + 0.28 * np.exp(-far / 2.2))
        self._prepare_wall()
        self._prepare_crowd()
        self.hue = (np.abs(canvas.x / side) * 70 + (canvas.y + 1) * 26).astype(np.uint8)
        self.haze = (to_bytes(0.2 * np.exp(-((canvas.y + 0.2) ** 2) * 2.2))).astype(np.uint16)

    def _prepare_wall(self) -> None:
        canvas = self.canvas
        column = (np.abs(canvas.x) / (canvas.x[0, -1] * 0.86)) * BANDS
        row = (0.78 - canvas.y) / 0.9 * _ROWS
        inside = (column < BANDS) & (row >= 0) & (row < _ROWS)
        self.lamp = np.where(inside, np.clip(column, 0, BANDS - 1).astype(int) * _ROWS + row.astype(int), 0)
        self.lamp = np.where(inside, self.lamp, BANDS * _ROWS).astype(np.uint16)
        gap = (np.abs(column % 1 - 0.5) < 0.36) & (np.abs(row % 1 - 0.5) < 0.34)
        self.grille = to_bytes(gap * 0.9)

    def _prepare_crowd(self) -> None:
        canvas, chance = self.canvas, self.chance
        xs = canvas.x[0]
        count = int(16 * canvas.x[0, -1])
        self.heads = []
        for place in np.linspace(xs[0], xs[-1], count) + chance.uniform(-0.04, 0.04, count):
            size, tall = chance.uniform(0.055, 0.085), chance.uniform(0.0, 0.1)
            away = np.abs(xs - place)
            head = np.where(away < size, np.sqrt(np.maximum(size**2 - away**2, 0)) + 0.13 + tall, -1.0)
            body = np.where(away < size * 1.9, 0.05 + tall - (away / size) ** 2 * 0.012, -1.0)
            self.heads.append((np.maximum(head, body), float(chance.uniform(0.3, 1.0)), int(chance.integers(0, 2))))

    def draw(self, moment: Moment) -> Picture:
        """Draw the stage."""
        levels = np.append((moment.bands[:, None] * _ROWS > np.arange(_ROWS)) * np.linspace(0.3, 0.75, _ROWS), 0.0)
        levels[:-1] += 0.05
        bright = dim(to_bytes(levels)[self.lamp], self.grille).astype(np.uint16)
        bright += self.haze
        turn = 2 * np.pi * moment.travel / self.bars
        for place in range(self.count):
            swing = 0.55 * np.sin(turn + self.phases[place]) * self.mirror[place]
            loud = moment.bands[(place * 3) % BANDS]
            level = 0.28 + 0.5 * loud * (0.4 + self.strength) + 0.35 * moment.pulse * ((int(moment.beats) + place) % 2)
            bright += self._beam(place, swing, min(1.0, level))
        bright = np.minimum(bright, 255)
        hue = TO_AND_FRO[self.hue + np.uint8(int(moment.travel * 10) & 255)]
        return self._with_crowd(bright.astype(np.uint8), moment), hue

    def _beam(self, place: int, swing: float, level: float) -> Bytes:
        away = np.abs(self.angles[place] - np.int16(swing * _STEPS / np.pi))
        return dim(dim(self.beam[away], self.falls[place]), np.full(1, 255 * level, np.uint8))

    def _with_crowd(self, bright: Bytes, moment: Moment) -> Bytes:
        height = np.full(self.canvas.width, 0.06, np.float32)
        for outline, jump, turn in self.heads:
            lift = jump * 0.1 * moment.energy * abs(np.sin(np.pi * (moment.beats + 0.5 * turn)))
            height = np.maximum(height, outline + lift)
        crowd = self.canvas.y > 1.0 - height
        return np.where(crowd, bright >> 4, bright)
