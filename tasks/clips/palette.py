"""Colours of a clip, from the song's mood and the section, as tables from brightness to YUV."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.contracts.music import Mood

Bytes = NDArray[np.uint8]
HUES = 16
"""Colours in one picture; each has 256 steps of brightness."""

_SPREADS = {"intro": 0.10, "verse": 0.16, "chorus": 0.34, "bridge": 0.5, "break": 0.08, "outro": 0.12}
_TURNS = (0.0, 0.42, 0.14, 0.58, 0.28, 0.72)
"""How far the colours of following clips are turned, so that each cut is plainly seen."""

# ITU-R BT.709, limited range
_FROM_RGB = np.array([[0.2126, 0.7152, 0.0722], [-0.1146, -0.3854, 0.5], [0.5, -0.4542, -0.0458]], np.float32)
_SCALE = np.array([219.0, 224.0, 224.0], np.float32)
_ZERO = np.array([16.0, 128.0, 128.0], np.float32)


@dataclass(frozen=True)
class Palette:
    """Linear steps of each colour, shape (HUES, 256, 3), 0..1."""

    rgb: NDArray[np.float32]

    def tables(self, gain: float, glow: float) -> tuple[Bytes, Bytes, Bytes]:
        """Return tables of Y, U and V by ``hue * 256 + brightness``.

        :param gain: factor of brightness. :param glow: 0..1, how far all is drawn towards white.
        """
        rgb = np.clip(self.rgb * gain, 0, 1)
        rgb += (1 - rgb) * (glow * rgb.max(axis=2, keepdims=True))
        yuv = (rgb.reshape(-1, 3) @ _FROM_RGB.T) * _SCALE + _ZERO
        table = np.round(yuv).astype(np.uint8)
        return np.ascontiguousarray(table[:, 0]), np.ascontiguousarray(table[:, 1]), np.ascontiguousarray(table[:, 2])


def build_palette(mood: Mood, label: str, *, number: int, energy: float) -> Palette:
    """Choose the colours of a clip: glad songs are warm, sad ones cold, lively ones saturated, choruses many-coloured.

    :param number: of the clip; neighbours differ.
    """
    valence = mood.vector.get("valence", 0.5)
    arousal = mood.vector.get("arousal", 0.5)
    base = (0.72 - 0.68 * valence) % 1.0
    turn = _TURNS[number % len(_TURNS)]
    spread = _SPREADS.get(label.lower(), 0.2)
    saturation = min(1.0, 0.45 + 0.3 * arousal + 0.3 * energy)
    rows = [_steps(_temper(base + turn + spread * hue / (HUES - 1)), saturation) for hue in range(HUES)]
    return Palette(np.stack(rows))


def _temper(hue: float) -> float:
    """Turn a hue away from plain green, which takes a third of the circle and looks like a test card."""
    return float(np.interp(hue % 1.0, (0.0, 0.22, 0.36, 1.0), (0.0, 0.15, 0.47, 1.0)))


def _steps(hue: float, saturation: float) -> NDArray[np.float32]:
    """Return 256 steps from a dark shade through the full colour to nearly white."""
    dark = np.array(colorsys.hsv_to_rgb((hue + 0.08) % 1.0, saturation, 0.05))
    shade = np.array(colorsys.hsv_to_rgb((hue + 0.04) % 1.0, saturation, 0.42))
    full = np.array(colorsys.hsv_to_rgb(hue % 1.0, saturation, 0.98))
    light = np.array(colorsys.hsv_to_rgb((hue - 0.05) % 1.0, saturation * 0.25, 1.0))
    at = np.linspace(0, 1, 256)
    return np.stack(
        [np.interp(at, (0, 0.4, 0.8, 1.0), (dark[c], shade[c], full[c], light[c])) for c in range(3)], axis=1
    ).astype(np.float32)
