"""What this host can do, each thing found by trying it."""

from __future__ import annotations

import os
from typing import Any

from render_node.encode.settings import probe_encoder
from render_node.frames.browser import find_chromium, open_browser
from tasks.contracts.outputs import ENCODERS
from tasks.errors import ReelyardError
from tasks.fonts import font_faces


def probe(*, chromium: str = "", gpu: int = 0) -> dict[str, Any]:
    """Return encoders (each really encoded a frame), the browser (really launched) and the fonts.

    Every entry has ``ok`` and, when it is not, ``reason``.
    """
    return {
        "encoders": {name: describe(probe_encoder(name, gpu)) for names in ENCODERS.values() for name in names},
        "browser": probe_browser(chromium),
        "fonts": sorted({face.family for face in font_faces()}),
        "cpu_count": os.cpu_count() or 1,
    }


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
