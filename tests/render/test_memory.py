"""Memory of a long video: after its last windows no more than after the second, in our process and the browser's."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest

from render_node.composite import ColourSpace, YuvPatch, to_yuv
from render_node.frames import capture
from render_node.frames.memory import tree_of
from render_node.frames.plan import Tile
from render_node.frames.stage_page import Rgba
from render_node.overlay import Overlay
from tasks.fonts import faces_of
from tasks.scenario import parse
from tests.render.looks import look

SIZE = (320, 568)
FPS, WINDOW, WINDOWS = 10, 60, 10
WORD_S = 0.5
SPACE = ColourSpace("ITU709", is_full_range=False)
ROOM = 1.05
"""How much more than a short one a long video may hold."""


def own_pages() -> int:
    """Return the bytes that this process and all below it hold for themselves, files they read left out."""
    total = 0
    for pid in tree_of(os.getpid()):
        with suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith(("Anonymous:", "Pss_Shmem:")):
                    total += int(line.split()[1]) * 1024
    return total


def test_memory_after_the_last_window_is_that_after_the_second(chromium: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "WINDOW_FRAMES", WINDOW)
    texts = tuple(f"word{number}" for number in range(int(WINDOW * WINDOWS / FPS / WORD_S)))
    scenario = parse(look("pop", width=SIZE[0], height=SIZE[1], texts=texts, word_s=WORD_S))
    times = [number / FPS for number in range(WINDOW * WINDOWS)]

    def convert(tile: Tile, picture: Rgba) -> YuvPatch:
        return to_yuv(tile, picture, SPACE)

    overlay: Overlay[YuvPatch] = Overlay(
        scenario, times, size=SIZE, fonts=faces_of(scenario), chromium=chromium, convert=convert
    )
    overlay.start()
    held = []
    try:
        for number, t in enumerate(times):
            overlay.at(t)
            if number % WINDOW == WINDOW // 2:
                held.append(own_pages())
    finally:
        overlay.close()

    assert overlay.drawn > 2 * len(texts)
    assert max(held[-3:]) <= ROOM * max(held[1:4])
