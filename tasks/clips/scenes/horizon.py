"""A drive towards the horizon: a sun, hills that are the sound, stars, and a grid that passes by beats."""

from __future__ import annotations

import numpy as np

from tasks.clips.palette import Bytes
from tasks.clips.scenes.canvas import Floats, Picture, Scene, dim, to_bytes
from tasks.clips.score import Moment
from tasks.clips.sound import BANDS

_LINE_Z = 256 * 3


class Horizon(Scene):
    """For narrative."""

    def prepare(self) -> None:
        """Compute sky, sun, hills and floor."""
        canvas, chance = self.canvas, self.chance
        self.level = float(chance.uniform(0.05, 0.3))
        self.sun_x = float(chance.choice([-0.5, 0.0, 0.0, 0.5]) * canvas.x[0, -1])
        self.sun_size = float(chance.uniform(0.4, 0.62))
        self.sun_y = self.level - float(chance.uniform(0.1, 0.45))
        self.lane = float(chance.uniform(-0.4, 0.4))
        self.first = int(np.searchsorted(canvas.y[:, 0], self.level))
        sky = np.clip((canvas.y + 1) / (1 + self.level), 0, 1)
        self.sky = to_bytes(0.04 + 0.34 * sky**3)
        self._prepare_stars()
        self._prepare_floor()
        self.hills = self._noise(8, 0.13) + 0.02
        self.near = self._noise(17, 0.05)
        self.away = np.hypot(canvas.x - self.sun_x, canvas.y - self.sun_y)[: self.first]
        self.hue = np.clip(3 + 7 * sky, 0, 15).astype(np.uint8)
        self.hue[self.first :] = 11

    def _noise(self, waves: int, height: float) -> Floats:
        turns = np.linspace(0, 2 * np.pi, 2048, endpoint=False)
        parts = [
            np.abs(np.sin(turns * n / 2 + self.chance.uniform(0, 6.3))) / n**0.7 for n in range(2, 2 + 2 * waves, 2)
        ]
        total = np.sum(parts, axis=0)
        outline: Floats = (height * total / total.mean()).astype(np.float32)
        return outline

    def _prepare_stars(self) -> None:
        count = 90
        rows = self.chance.integers(0, max(2, int(self.first * 0.8)), count)
        columns = self.chance.integers(0, self.canvas.width - 1, count)
        self.stars = (rows, columns)
        self.twinkle = self.chance.uniform(0, 2 * np.pi, count)

    def _prepare_floor(self) -> None:
        canvas = self.canvas
        x, y = canvas.x[self.first :], canvas.y[self.first :]
        depth = 0.35 / np.maximum(y - self.level, 0.004)
        across = (x - self.lane) * depth * 2.2
        thin = np.clip(0.018 * depth**0.9 + 0.02, 0, 0.5)
        near = np.abs((across + 0.5) % 1 - 0.5)
        fade = np.clip(2.6 / (depth + 1.2) - 0.08, 0, 1)
        self.rails = to_bytes(np.clip(1.4 - near / thin, 0, 1) * fade)
        self.miles = (depth[:, 0] * _LINE_Z).astype(np.int64)
        self.fade = fade[:, 0]
        self.thick = np.clip(6 + 11 * depth[:, 0] ** 1.6, 4, 120)
        self.haze = to_bytes(np.exp(-(y - self.level) * 9) * 0.55 + 0.02)

    def draw(self, moment: Moment) -> Picture:
        """Draw the landscape."""
        bright = np.empty((self.canvas.height, self.canvas.width), np.uint8)
        bright[self.first :] = self._floor(moment)
        hue = self.hue.copy()
        bright[: self.first] = self._sky(moment, hue)
        return bright, hue

    def _floor(self, moment: Moment) -> Bytes:
        phase = (self.miles + int(moment.travel * 256)) & 255
        near = np.minimum(phase, 256 - phase)
        lines = to_bytes(np.clip(1.5 - near / self.thick, 0, 1) * self.fade)[:, None]
        shine = np.full(1, 255 * min(1.0, 0.45 + 0.35 * moment.energy + 0.25 * moment.pulse), np.uint8)
        return np.maximum(dim(np.maximum(self.rails, lines), shine), self.haze)

    def _sky(self, moment: Moment, hue: Bytes) -> Bytes:
        sky = self.sky[: self.first].copy()
        shine = np.round(255 * (0.35 + 0.6 * np.abs(np.sin(moment.seconds * 1.3 + self.twinkle)))).astype(np.uint8)
        rows, columns = self.stars
        for down, right in ((0, 0), (0, 1), (1, 0), (1, 1)):
            sky[rows + down, columns + right] = shine
        size = self.sun_size * (1 + 0.05 * moment.pulse + 0.07 * float(moment.bands[:4].mean()))
        self._sun(sky, hue, size, moment)
        self._hills(sky, hue, moment)
        return sky

    def _sun(self, sky: Bytes, hue: Bytes, size: float, moment: Moment) -> None:
        down = (self.canvas.y[: self.first, 0] - self.sun_y) / size
        stripes = (down * 4.5 - moment.seconds * 0.25) % 1 < np.clip(0.55 * down + 0.05, 0, 0.6)
        face = np.where(stripes, 0, 190 + 60 * np.clip(-down, -1, 1)).astype(np.uint8)[:, None]
        disc = (self.away < size) & (face > 0)
        glow = to_bytes(np.exp(-np.maximum(self.away - size, 0) * 5) * (0.16 + 0.2 * moment.onset))
        np.maximum(sky, glow, out=sky)
        np.copyto(sky, np.broadcast_to(face, sky.shape), where=disc)
        np.copyto(hue[: self.first], np.uint8(0), where=disc)

    def _hills(self, sky: Bytes, hue: Bytes, moment: Moment) -> None:
        xs = self.canvas.x[0]
        y = self.canvas.y[: self.first]
        place = np.abs(xs) / xs[-1] * (BANDS - 1)
        sound = np.interp(place, np.arange(BANDS), np.convolve(moment.bands, (0.25, 0.5, 0.25), "same"))
        steps = ((xs * 150 + moment.seconds * 6).astype(np.int64)) % 2048
        back = self.hills[steps] * (0.6 + 1.6 * sound * (0.5 + self.strength))
        under = y - (self.level - back)
        np.copyto(sky, np.where(under < 0.012, np.uint8(150), np.uint8(26)), where=under > 0)
        np.copyto(hue[: self.first], np.uint8(14), where=under > 0)
        front = self.near[(steps * 2 + int(moment.seconds * 20)) % 2048]
        np.copyto(sky, np.uint8(8), where=y > self.level - front)
