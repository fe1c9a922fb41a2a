"""Uploaded fonts on the node: fetched, held against their hashes, offered to the scenario of one step."""

from __future__ import annotations

import hashlib
from typing import Any

from tasks.attempt import Body, StepContext
from tasks.contracts.fonts import OrderedFont
from tasks.errors import PermanentError
from tasks.fonts import FontFace, uploaded_fonts

MAX_BYTES = 64 * 1024 * 1024


def with_uploaded_fonts(body: Body) -> Body:
    """Return a body that has the fonts of its order at hand."""

    def run(context: StepContext) -> dict[str, Any]:
        ordered = [OrderedFont.from_json(font) for font in context.input.get("fonts", [])]
        faces = tuple(fetch_font(context, font) for font in ordered)
        with uploaded_fonts(lambda: faces):
            return body(context)

    return run


def fetch_font(context: StepContext, font: OrderedFont) -> FontFace:
    """Return an ordered face with its file beside the step's other files; raise ``font.source_changed``."""
    data = context.storage.get_bytes(font.object_key, limit=MAX_BYTES)
    found = hashlib.sha256(data).hexdigest()
    if found != font.sha256:
        raise PermanentError("font.source_changed", f"The font {font.family} is not the file that was ordered")
    path = context.scratch / f"font-{found[:16]}.ttf"
    path.write_bytes(data)
    version = f"uploaded {found[:12]}"
    return FontFace(
        font.family, font.style, font.weight_min, font.weight_max, version, path, may_subset=font.may_subset
    )
