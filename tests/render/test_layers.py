"""Pictures and progress bars: further layers of the stage, planned and put together like captions."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest

from render_node.alpha import RgbaPatch, blend_rgba, empty_canvas, pixels_of, to_rgba
from render_node.ordered_images import offer_images
from render_node.overlay import Overlay
from tasks.errors import PermanentError
from tasks.fonts import faces_of
from tasks.scenario import parse
from tests.unit.scenario.scenes import scene

SIZE = (320, 480)
RED = (255, 0, 0, 255)


def png_of(width: int, height: int) -> bytes:
    """Return a red picture."""
    frame = av.VideoFrame.from_ndarray(np.full((height, width, 4), RED, np.uint8), format="rgba")
    encoder = av.CodecContext.create("png", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = width, height, "rgba", Fraction(1, 1)
    frame.pts = 0
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


def draw(document: dict[str, Any], times: list[float], chromium: str, images: dict[str, bytes]) -> list[np.ndarray]:
    """Return pixels (height, width, 4) of each time, put together from tiles."""
    scenario = parse(document)
    overlay: Overlay[RgbaPatch] = Overlay(
        scenario, times, size=SIZE, fonts=faces_of(scenario), chromium=chromium, convert=to_rgba, images=images
    )
    pictures = []
    try:
        overlay.start()
        for t in times:
            frame = empty_canvas(*SIZE)
            for patch in overlay.at(t):
                blend_rgba(frame, patch)
            pictures.append(pixels_of(frame).copy())
    finally:
        overlay.close()
    return pictures


def with_logo(**more: Any) -> dict[str, Any]:
    document = scene(width=320, height=480)
    item = {"id": "l", "start": 1, "end": 2, "image": "logo", "width": 0.25, "position": {"x": 0.5, "y": 0.25}, **more}
    document["images"] = {"logo": {"source": "asset:1"}}
    document["tracks"] = [{"id": "p", "type": "image", "items": [item]}]
    return document


def ink(picture: np.ndarray) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of what is drawn."""
    rows, columns = np.nonzero(picture[..., 3])
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


def test_a_picture_is_shown_in_its_place_and_time(chromium: str) -> None:
    before, shown, after = draw(with_logo(), [0.9, 1.5, 2.0], chromium, {"logo": png_of(80, 40)})
    assert not before.any() and not after.any()
    assert ink(shown) == (120, 100, 200, 140)
    assert tuple(shown[120, 160]) == RED


def test_a_picture_slides_and_fades_like_a_caption(chromium: str) -> None:
    moves = {"enter": {"type": "slide", "direction": "left", "distance": 1, "durationMs": 500}}
    early, late = draw(with_logo(**moves), [1.1, 1.6], chromium, {"logo": png_of(80, 40)})
    assert ink(late)[0] == 120
    assert ink(early)[0] > 125
    assert 0 < early[..., 3].max() < 255


def test_a_bar_fills_with_time_and_is_drawn_twice(chromium: str) -> None:
    document = scene(width=320, height=480)
    bar = {"id": "b", "type": "progress", "start": 0, "end": 10, "y": 0.9, "height": 0.05}
    document["tracks"] = [{**bar, "color": "#FF0000", "background": "#00000080"}]
    pictures = draw(document, [0.0, 2.5, 5.0, 9.99], chromium, {})
    red = [int((picture[440, :, 0] == 255).sum()) for picture in pictures]
    assert red == [0, 80, 160, 320]
    assert pictures[1][440, 300].tolist() == [0, 0, 0, 128]


def test_a_picture_that_is_not_at_hand_fails(chromium: str) -> None:
    with pytest.raises(PermanentError) as refused:
        draw(with_logo(), [1.5], chromium, {})
    assert refused.value.code == "scenario.image_missing"


def test_pictures_offered_to_a_block_are_shown_in_it(chromium: str) -> None:
    scenario = parse(with_logo())
    with offer_images({"logo": png_of(80, 40)}):
        overlay: Overlay[RgbaPatch] = Overlay(scenario, [1.5], size=SIZE, fonts=[], chromium=chromium, convert=to_rgba)
    try:
        overlay.start()
        assert overlay.at(1.5)[0].rect.width == 84
    finally:
        overlay.close()
