"""What kind of node this is: everything of it that decides how a picture comes out, as one name.

Pieces of one video are made by nodes of one kind only, since another browser, font or encoder may show at a seam.
"""

from __future__ import annotations

import hashlib
import json
import platform
from functools import lru_cache
from pathlib import Path
from typing import Any

from render_node.encode.settings import EncoderChoice, choose_encoder
from render_node.frames.browser import ARGUMENTS, find_chromium, open_browser
from render_node.frames.graphics import own_graphics
from render_node.frames.stage_page import SERVED, STAGE
from render_node.receipt import RENDERER, versions
from tasks.config import WorkerSettings
from tasks.contracts import RenderOutput
from tasks.fonts import font_faces


def describe_node(
    settings: WorkerSettings, output: RenderOutput, choice: EncoderChoice | None = None
) -> dict[str, Any]:
    """Return what decides the pictures of an output here: browser, stage, fonts, encoder, versions.

    :param choice: the encoder that the output gets, where that does not follow from it alone.

    Threads are left out: they change how fast an encoder is, and no picture that anybody could tell apart.
    """
    path = find_chromium(settings.chromium)
    if choice is None:
        choice = choose_encoder(output, configured=settings.encoder, gpu=settings.gpu, threads=settings.encoder_threads)
    return {
        "browser": _browser_version(path, path.stat().st_mtime_ns),
        "browser_arguments": hash_of(ARGUMENTS),
        "graphics": own_graphics(settings.chromium).mode,
        "renderer": RENDERER,
        "stage": _stage_hash(),
        "fonts": hash_of(sorted(face.sha256 for face in font_faces())),
        "encoder": choice.name,
        "pixel_format": choice.pixel_format,
        "versions": versions(),
        "machine": platform.machine(),
    }


def hash_of(value: Any) -> str:
    """Return the SHA-256 of plain JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


@lru_cache(maxsize=4)
def _browser_version(path: Path, changed: int) -> str:
    with open_browser(str(path)) as browser:
        return browser.version


@lru_cache(maxsize=1)
def _stage_hash() -> str:
    files = sorted({name for name, _ in SERVED.values()})
    return hash_of([hashlib.sha256((STAGE / name).read_bytes()).hexdigest() for name in files])
