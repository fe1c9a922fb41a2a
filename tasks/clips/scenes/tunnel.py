"""Flight through a tunnel of lit panels, one ring further on every beat."""

from __future__ import annotations

import numpy as np

from tasks.clips.scenes.canvas import Picture, Scene, dim, to_bytes
from tasks.clips.score import Moment
from tasks.clips.sound import BANDS

_CELLS = 256


class Tunnel(Scene):
    """For dance: panels light up with their bands, rings come nearer by beats."""

    def prepare(self) -> None:
        """Compute depth, angle and the seams between panels."""
        chance = self.chance
        x = self.canvas.x - chance.uniform(-0.3, 0.3)
        y = self.canvas.y - chance.uniform(-0.2, 0.2)
        corners = int(chance.choice([0, 4, 6, 8]))
        angle = np.arctan2(y, x) / (2 * np.pi) + 0.5 + chance.uniform(0, 0.25)
        radius = np.hypot(x, y)
        if corners:
            within = ((angle * corners) % 1 - 0.5) / corners * 2 * np.pi
            radius = radius * np.cos(within)
        self.depth = (-np.log2(np.maximum(radius, 0.02)) * 256 * 1.4 + 32768).astype(np.uint16)
        panels = max(corners, 1) * int(chance.integers(2, 4)) if corners else int(chance.choice([10, 12, 16]))
        turns = (angle * panels) % panels
        self.panel = (turns.astype(np.uint16) * 37).astype(np.uint16)
        seam = np.abs((turns % 1) - 0.5) * 2
        self.seam = to_bytes((1 - seam**10) * np.clip(radius * 1.7 + 0.06, 0, 1))
        ring = np.abs(np.arange(256) / 255 - 0.5) * 2
        self.ring = to_bytes((1 - ring**8) * (0.55 + 0.45 * np.arange(256) / 255))
        self.far = to_bytes(np.exp(-((radius / 0.16) ** 2)))
        self.light = chance.random(_CELLS).astype(np.float32)
        self.band = chance.integers(0, BANDS, _CELLS)
        self.hue = chance.integers(0, 16, _CELLS).astype(np.uint8)
        self.direction = 1 if chance.random() < 0.75 else -1

    def draw(self, moment: Moment) -> Picture:
        """Draw the tunnel."""
        position = int(self.direction * moment.travel * 256) & 0xFFFF
        depth = self.depth + np.uint16(position)
        number = depth >> 8
        cell = ((number * np.uint16(29) + self.panel) & 255).astype(np.uint8)
        lit = moment.bands[self.band] * (0.5 + self.light) + 0.5 * (self.light > 0.82) * (0.3 + moment.pulse)
        level = to_bytes(0.09 + (0.45 + 0.5 * moment.energy) * lit)
        bright = dim(dim(level[cell], self.ring[(depth & 255).astype(np.uint8)]), self.seam)
        glow = np.uint8(255 * (0.25 + 0.4 * moment.bar + 0.3 * moment.onset))
        bright = np.maximum(bright, dim(self.far, np.full(1, glow, np.uint8)))
        hue = self.hue[(number & 255).astype(np.uint8)]
        return bright, hue
