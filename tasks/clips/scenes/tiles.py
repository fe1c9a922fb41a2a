"""A wall of tiles on which each beat runs outward as a wave; its middle stays calm for words."""

from __future__ import annotations

import numpy as np

from tasks.clips.palette import Bytes
from tasks.clips.scenes.canvas import Picture, Scene, dim, to_bytes
from tasks.clips.score import Moment
from tasks.clips.sound import BANDS


class Tiles(Scene):
    """For lyric."""

    def prepare(self) -> None:
        """Compute which tile each pixel lies on, and the seams."""
        canvas, chance = self.canvas, self.chance
        turn = float(chance.choice([0.0, np.pi / 4, np.pi / 6]))
        size = float(chance.choice([0.16, 0.2, 0.25]))
        u = (canvas.x * np.cos(turn) - canvas.y * np.sin(turn)) / size + 64
        v = (canvas.x * np.sin(turn) + canvas.y * np.cos(turn)) / size + 64
        column, row = np.floor(u).astype(np.int32), np.floor(v).astype(np.int32)
        names, tile = np.unique(column * 256 + row, return_inverse=True)
        self.tile = tile.reshape(u.shape).astype(np.uint16)
        centre_u, centre_v = names // 256 + 0.5 - 64, names % 256 + 0.5 - 64
        self.away = (np.hypot(centre_u, centre_v) * size / canvas.reach).astype(np.float32)
        across = (centre_u * np.cos(turn) + centre_v * np.sin(turn)) * size
        down = (-centre_u * np.sin(turn) + centre_v * np.cos(turn)) * size
        self.calm = np.clip(0.25 + 1.6 * np.maximum(np.abs(down) - 0.25, 0), 0.25, 1.0)
        self.band = np.clip(np.abs(across) / canvas.x[0, -1] * BANDS, 0, BANDS - 1).astype(int)
        edge = np.maximum(np.abs(u % 1 - 0.5), np.abs(v % 1 - 0.5)) * 2
        shade = 0.82 + 0.18 * (1 - (v % 1))
        self.bevel = to_bytes(np.clip((0.93 - edge) * 12, 0.04, 1) * shade)
        self.own = chance.random(len(names)).astype(np.float32)
        self.colours: Bytes = (self.away * 10 + chance.random(len(names)) * 5).astype(np.uint8)
        self.seed = int(chance.integers(1, 1 << 16))

    def draw(self, moment: Moment) -> Picture:
        """Draw the wall."""
        share = moment.beats % 1
        front = np.exp(-(((self.away - 1.15 * share) / 0.13) ** 2)) * (1 - 0.6 * share)
        sparks = (self.own * 7919 + int(moment.beats) * 0.618 + self.seed * 0.0137) % 1 > 0.93 - 0.15 * moment.energy
        level = 0.26 + 0.14 * self.own + 0.42 * moment.bands[self.band] * (0.4 + 0.6 * self.strength)
        level = level + front * (0.25 + 0.45 * moment.energy) + sparks * (0.15 + 0.5 * moment.pulse)
        bright = dim(to_bytes(level * self.calm)[self.tile], self.bevel)
        return bright, self.colours[self.tile]
