"""HDR and wide colours for a usual screen: a table of colours that FFmpeg's ``lut3d`` looks up.

The curve is that of ITU-R BT.2390, from 1000 cd/m2 to PEAK_NITS, on the strongest of the three primaries, so that hues
stay; paper white (203 cd/m2) comes out at five sixths of the signal, with room for lights above it. FFmpeg's own
mapping takes six seconds to set up, which every chunk of a long video would pay.
"""

from __future__ import annotations

import tempfile
from functools import cache

import av.filter
import numpy as np
from av.filter.context import FilterContext
from numpy.typing import NDArray

from render_node.colour import HLG, PQ, TO_BT2020, pq_of
from render_node.filters import chain, scale_flags

SOURCE_NITS, PEAK_NITS = 1000.0, 300.0
SCREEN_GAMMA = 2.4
GRID = 33

Floats = NDArray[np.float64]


def add_tone_map(graph: av.filter.Graph, last: FilterContext, transfer: int, *, siting: str) -> FilterContext:
    """Add filters that turn BT.2020 of a transfer (PQ, HLG, else SDR) into limited BT.709, chroma at the same place."""
    flags = scale_flags(siting)
    with tempfile.NamedTemporaryFile("w", suffix=".cube") as file:
        file.write(cube(transfer))
        file.flush()
        last = chain(graph, last, ("scale", flags), ("format", "pix_fmts=gbrp12le"))
        last = chain(graph, last, ("lut3d", f"file='{file.name}':interp=tetrahedral"))
    return chain(graph, last, ("scale", f"{flags}:out_color_matrix=bt709:out_range=tv"))


@cache
def cube(transfer: int) -> str:
    """Return the table as text, red running fastest."""
    steps = np.linspace(0, 1, GRID)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    table = map_colours(np.stack([red, green, blue], -1).reshape(-1, 3), transfer)
    rows = "\n".join(f"{r:.6f} {g:.6f} {b:.6f}" for r, g, b in table)
    return f"LUT_3D_SIZE {GRID}\n{rows}\n"


def map_colours(signal: Floats, transfer: int) -> Floats:
    """Return R'G'B' of BT.709 (0..1) for R'G'B' of BT.2020 (0..1)."""
    light = _light_of(signal, transfer)
    narrow = np.clip(light @ np.linalg.inv(TO_BT2020.astype(np.float64)).T, 0, 1)
    encoded: Floats = narrow ** (1 / SCREEN_GAMMA)
    return encoded


def _light_of(signal: Floats, transfer: int) -> Floats:
    """Return linear light, 1 for the screen's white."""
    if transfer not in (PQ, HLG):
        return np.asarray(signal**SCREEN_GAMMA)
    nits = pq_to_nits(signal) if transfer == PQ else hlg_to_nits(signal)
    strongest = np.maximum(nits.max(axis=-1, keepdims=True), 1e-6)
    return np.asarray(nits * (roll_off(strongest) / strongest) / PEAK_NITS)


def roll_off(nits: Floats) -> Floats:
    """Return what a luminance becomes on the screen: straight below a knee, then a Hermite spline (BT.2390)."""
    source_top, top = _pq(SOURCE_NITS), _pq(PEAK_NITS) / _pq(SOURCE_NITS)
    knee = 1.5 * top - 0.5
    level = np.clip(pq_of(nits.astype(np.float32)).astype(np.float64) / source_top, 0, 1)
    t = (level - knee) / (1 - knee)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * top
    return pq_to_nits(np.where(level < knee, level, spline) * source_top)


def pq_to_nits(signal: Floats) -> Floats:
    """Return the luminance in cd/m2 of a PQ signal (SMPTE ST 2084)."""
    root = np.clip(signal, 0, 1) ** (32 / 2523)
    return np.asarray(10000 * (np.maximum(root - 3424 / 4096, 0) / (2413 / 128 - 2392 / 128 * root)) ** (16384 / 2610))


def hlg_to_nits(signal: Floats) -> Floats:
    """Return the luminance in cd/m2 that a 1000 cd/m2 screen gives an HLG signal (ITU-R BT.2100)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    luma = scene @ np.array([0.2627, 0.6780, 0.0593])
    return np.asarray(1000 * scene * np.maximum(luma, 1e-9)[..., None] ** 0.2)


def _pq(nits: float) -> float:
    return float(pq_of(np.array([nits], np.float32))[0])
