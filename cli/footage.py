"""Footage for the demo, drawn at run time: out-of-focus city lights drifting through a blue hour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from cli.clips import ClipFormat, write_clip

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SCALE = 4
"""Lights are out of focus, so they are drawn at a quarter of the size and scaled up by the writer."""
LIGHTS = 46
_PALETTE = ((255, 176, 92), (255, 214, 140), (255, 110, 96), (120, 190, 255), (186, 150, 255), (110, 235, 205))


@dataclass(frozen=True)
class _Light:
    x: float
    y: float
    radius: float
    depth: float
    colour: tuple[int, int, int]
    power: float
    phase: float


def make_footage(
    path: Path,
    *,
    duration_s: float,
    wav: Path | None,
    width: int = 1080,
    height: int = 1920,
    fps: int = 30,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write the footage as mp4 with the sound of ``wav``."""
    clip = ClipFormat(width, height, Fraction(fps), duration_s)
    write_clip(path, CityLights(width // SCALE, height // SCALE), clip, wav=wav, progress=progress)


class CityLights:
    """Draws one small picture of the scene at any time; equal times give equal pictures."""

    def __init__(self, width: int, height: int, *, seed: int = 1859) -> None:
        import numpy as np

        self._width, self._height = width, height
        random = np.random.default_rng(seed)
        self._lights = [self._make_light(random) for _ in range(LIGHTS)]
        rows = np.linspace(0, 1, height, dtype=np.float32)[:, None]
        columns = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
        self._rows, self._vignette = rows, (1 - 0.42 * (columns**2 + (rows * 2 - 1) ** 2) / 2)[..., None]
        self._dither = random.uniform(-0.7, 0.7, (height, width, 3)).astype(np.float32)

    def __call__(self, _number: int, time_s: float) -> NDArray[np.uint8]:
        """Return the RGB picture at a time in seconds."""
        import numpy as np

        picture = self._sky(time_s)
        for light in self._lights:
            self._add(picture, light, time_s)
        picture *= self._vignette
        picture += self._dither
        pixels: NDArray[np.uint8] = np.clip(picture, 0, 255).astype("uint8")
        return pixels

    def _make_light(self, random: np.random.Generator) -> _Light:
        depth = float(random.uniform(0.25, 1.0))
        return _Light(
            x=float(random.uniform(-0.1, 1.1)),
            y=float(random.beta(2.6, 1.9)),
            radius=(0.025 + 0.075 * depth) * self._width,
            depth=depth,
            colour=_PALETTE[int(random.integers(len(_PALETTE)))],
            power=float(random.uniform(0.22, 0.6)) * (1.25 - 0.6 * depth),
            phase=float(random.uniform(0, 6.28)),
        )

    def _sky(self, time_s: float) -> NDArray[np.float32]:
        import numpy as np

        glow = np.exp(-(((self._rows - 0.62 - 0.03 * np.sin(time_s / 5)) / 0.26) ** 2))
        top, bottom, warm = (10, 16, 46), (22, 10, 30), (120, 58, 66)
        bands = [(t + (b - t) * self._rows + w * glow * 0.8) for t, b, w in zip(top, bottom, warm, strict=True)]
        sky = np.stack(bands, axis=-1).astype(np.float32)
        wide: NDArray[np.float32] = np.repeat(sky, self._width, axis=1)
        return wide

    def _add(self, picture: NDArray[np.float32], light: _Light, time_s: float) -> None:
        import numpy as np

        span = 1.3
        x = ((light.x + 0.1 + time_s * 0.018 * light.depth) % span - 0.15) * self._width
        y = (light.y + 0.012 * np.sin(time_s * 0.5 + light.phase)) * self._height
        reach = light.radius * 1.15 + 2
        left, right = max(0, int(x - reach)), min(self._width, int(x + reach) + 1)
        top, bottom = max(0, int(y - reach)), min(self._height, int(y + reach) + 1)
        if left >= right or top >= bottom:
            return
        columns = np.arange(left, right, dtype=np.float32)[None, :] - x
        rows = np.arange(top, bottom, dtype=np.float32)[:, None] - y
        away = np.sqrt(columns**2 + rows**2) / light.radius
        disc = np.clip((1.0 - away) * light.radius / 2 + 0.5, 0, 1)
        rim = 0.72 + 0.28 * np.clip(away, 0, 1) ** 6  # lenses draw discs with a brighter edge
        power = light.power * (0.82 + 0.18 * np.sin(time_s * 1.3 + light.phase * 3))
        amount = (disc * rim * power)[..., None]
        part = picture[top:bottom, left:right]
        part += amount * (np.array(light.colour, dtype=np.float32) - part * 0.35)  # nearly additive, never burnt out
