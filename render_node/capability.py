"""What this host can do, each thing found by trying it."""

from __future__ import annotations

import os
from typing import Any

from render_node.decode import SAMPLE_ENCODERS, probe_decoder
from render_node.encode.settings import probe_encoder
from render_node.frames.browser import OFF, find_chromium, open_browser
from render_node.frames.graphics import own_graphics
from tasks.config import WorkerSettings
from tasks.contracts.outputs import ENCODERS
from tasks.errors import ReelyardError
from tasks.fonts import font_faces


def probe(*, chromium: str = "", gpu: int = 0) -> dict[str, Any]:
    """Return encoders, decoders of the GPU, the browser, what it draws with, and the fonts; each was really tried.

    Every entry has ``ok`` and, when it is not, ``reason``.
    """
    return {
        "encoders": {name: describe(probe_encoder(name, gpu)) for names in ENCODERS.values() for name in names},
        "decoders": {codec: describe(probe_decoder(codec, gpu)) for codec in SAMPLE_ENCODERS},
        "browser": probe_browser(chromium),
        "graphics": probe_graphics_here(chromium),
        "fonts": sorted({face.family for face in font_faces()}),
        "cpu_count": os.cpu_count() or 1,
    }


def look_at_gpu(settings: WorkerSettings) -> dict[str, str]:
    """Return what is wrong with each thing that a GPU may do (empty: nothing), and what the browser draws with."""
    encoders = [name for names in ENCODERS.values() for name in names if name.endswith("_nvenc")]
    return {
        **{name: probe_encoder(name, settings.gpu) for name in encoders},
        **{codec: probe_decoder(codec, settings.gpu) for codec in SAMPLE_ENCODERS},
        "graphics": own_graphics(settings.chromium).mode,
    }


def probe_graphics_here(chromium: str) -> dict[str, Any]:
    """Return what the browser draws with; where that is not what was asked for, why."""
    try:
        graphics = own_graphics(chromium)
    except ReelyardError as error:
        return {"mode": OFF, **describe(error.detail)}
    return {"mode": graphics.mode, **describe(graphics.reason)}


def describe(problem: str) -> dict[str, Any]:
    """Turn a problem, or none, into an entry."""
    return {"ok": not problem, **({"reason": problem} if problem else {})}


def probe_browser(configured: str) -> dict[str, Any]:
    """Launch the browser once."""
    try:
        path = find_chromium(configured)
        with open_browser(configured) as browser:
            return {"ok": True, "path": str(path), "version": browser.version}
    except ReelyardError as error:
        return {"ok": False, "reason": error.detail}
