"""Bands of colour that flow into each other, folded by slow waves and stirred by the sound."""

from __future__ import annotations

import numpy as np

from tasks.clips.scenes.canvas import TO_AND_FRO, Picture, Scene, dim, to_bytes, to_phase, wave, wrap
from tasks.clips.score import Moment


class Flow(Scene):
    """For abstract."""

    SHRINK = 2

    def prepare(self) -> None:
        """Compute the phases of all waves."""
        canvas, chance = self.canvas, self.chance
        self.waves = []
        for scale in (0.35, 0.5, 0.8, 1.1):
            turn = chance.uniform(0, 2 * np.pi)
            along = canvas.x * np.cos(turn) + canvas.y * np.sin(turn)
            self.waves.append(to_phase(along * scale + chance.uniform(0, 1)))
        centre = np.hypot(canvas.x - chance.uniform(-0.8, 0.8), canvas.y - chance.uniform(-0.5, 0.5))
        self.rings = to_phase(centre * chance.uniform(0.4, 0.9))
        self.centre = to_bytes(np.exp(-(centre**2) * 1.5))
        self.fold = (wave() * 0.75).astype(np.uint8)
        self.soft, self.crest = wave(1.5), wave(14.0)
        self.speeds = chance.uniform(0.04, 0.11, 5) * chance.choice([-1, 1], 5)
        self.direction = int(chance.choice([-1, 1]))

    def draw(self, moment: Moment) -> Picture:
        """Draw the waves."""
        time, stir = moment.seconds * (0.7 + 0.5 * self.strength), moment.travel
        first, second, third, fourth = (
            phase + wrap(time * speed) for phase, speed in zip(self.waves, self.speeds[:4], strict=True)
        )
        low, high = float(moment.bands[:5].mean()), float(moment.bands[14:].mean())
        bend = self.fold[first] + self.fold[second + wrap(0.15 * low)]
        flow = third + bend + wrap(self.direction * stir / 16)
        lines = fourth + self.fold[flow] + bend
        pulse = self.rings - wrap(stir / 4)
        body = dim(self.soft[flow], np.full(1, 120 + 90 * moment.energy, np.uint8))
        edge = dim(self.crest[lines], np.full(1, min(255, 90 + 165 * high + 60 * moment.onset), np.uint8))
        beat = dim(dim(self.crest[pulse], self.centre), np.full(1, 60 + 195 * moment.pulse, np.uint8))
        total = body.astype(np.uint16) + edge + beat
        return np.minimum(total, 255).astype(np.uint8), TO_AND_FRO[flow + bend]
