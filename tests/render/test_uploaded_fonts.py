"""An uploaded font as it is really drawn: made safe as at upload, ordered, fetched by the node, shown by Chromium."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fontTools.ttLib import TTFont

from render_node.frames.stage_page import decode_png
from render_node.still_ops import draw
from render_node.uploaded_fonts import with_uploaded_fonts
from tasks.attempt import AttemptTools
from tasks.contracts.fonts import OrderedFont
from tasks.contracts.still import StillOrder
from tasks.fonts import find_face
from tasks.fonts.sanitize import sanitize
from tasks.names import TaskName
from tests.integration.control_server import ControlServer
from tests.render.looks import look
from tests.render.test_node_steps import HEIGHT, WIDTH, server, tools, work

__all__ = ["server", "tools"]  # fixtures

KEY = "jobs/f/font.ttf"


@pytest.fixture
def brand(tmp_path: Path, tools: AttemptTools) -> OrderedFont:
    """A real font renamed, gone through the cleaning of uploads, in the storage."""
    face = find_face("Bebas Neue", weight=400, style="normal")
    assert face is not None
    sent, safe = tmp_path / "Brand.woff2", tmp_path / "safe.ttf"
    with TTFont(face.path) as font:
        for name in (1, 16):
            font["name"].setName("Brand Neue", name, 3, 1, 0x409)
        font.flavor = "woff2"
        font.save(sent)
    told = sanitize(sent, safe)
    tools.storage.put_file(KEY, safe, content_type="font/ttf")
    sha256 = hashlib.sha256(safe.read_bytes()).hexdigest()
    return OrderedFont(told["family"], "normal", 400, 400, KEY, sha256, told["may_subset"])


def said_in(family: str) -> dict[str, Any]:
    document = look("classic", width=WIDTH, height=HEIGHT, texts=("Ragged", "quiz"))
    for style in document["styles"].values():
        style.update(fontFamily=family, fontWeight=400)
    return document


def test_words_in_an_uploaded_font_are_drawn_with_its_very_outlines(
    chromium: str, server: ControlServer, tools: AttemptTools, brand: OrderedFont
) -> None:
    pictures = {}
    for family, fonts in (("Brand Neue", (brand,)), ("Bebas Neue", ()), ("Anton", ())):
        server.heard.clear()
        order = StillOrder(said_in(family), (0.2,), fonts=fonts)
        done = work(server, tools, TaskName.RENDER_STILL, with_uploaded_fonts(draw), order.to_json())
        pictures[family] = decode_png(tools.storage.get_bytes(done["object_key"]))

    assert np.ptp(pictures["Brand Neue"].astype(int)) > 100
    assert np.array_equal(pictures["Brand Neue"], pictures["Bebas Neue"])
    assert not np.array_equal(pictures["Brand Neue"], pictures["Anton"])
