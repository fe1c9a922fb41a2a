"""A still of captions alone, of deep and of HDR outputs is the frame that the render gives to its encoder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from render_node.colour import BT2020, PQ, Colour
from render_node.frames.stage_page import decode_png
from render_node.render import Extras, render_files
from render_node.stills import draw_pictures
from tasks.contracts import RenderOutput
from tests.media_samples import make_video
from tests.render.looks import look
from tests.render.outputs import raw_frame, write_source
from tests.render.test_render import settings_of

SIZE: dict[str, Any] = {"width": 160, "height": 284}
OUTPUTS = {
    "alpha": RenderOutput(container="png", layer="captions"),
    "webm": RenderOutput(container="webm", layer="captions", preset="ultrafast", crf=30, width=80),
    "background": RenderOutput(
        encoder="libx264", preset="ultrafast", layer="captions", alpha=False, background="#C82828"
    ),
    "prores": RenderOutput(container="mov"),
    "video": RenderOutput(encoder="libx264", preset="ultrafast", crf=30),
}
HDR = {
    "kept": RenderOutput(codec="hevc", encoder="libx265", preset="ultrafast", dynamic_range="keep"),
    "mapped": RenderOutput(encoder="libx264", preset="ultrafast"),
}
Drawn = dict[str, tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]


def compare(home: Path, source: Path, outputs: dict[str, RenderOutput]) -> Drawn:
    """Render once; return of each output its poster, and the still of the same time."""
    document = look("pop", **SIZE)
    wanted = [(home / name, output) for name, output in outputs.items()]
    posters = {number: home / f"{name}.png" for number, name in enumerate(outputs)}
    receipts = render_files(source, document, wanted, settings=settings_of(), extras=Extras(posters=posters))
    told = {}
    for (name, output), receipt in zip(outputs.items(), receipts, strict=True):
        t = receipt.checks["poster_at_s"]
        drawn = draw_pictures(document, [t], settings=settings_of(), output=output, source=source)
        assert drawn.times == pytest.approx([t], abs=1e-6)
        told[name] = (decode_png((home / f"{name}.png").read_bytes()), drawn.pictures[0])
    return told


@pytest.fixture(scope="module")
def drawn(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    home = tmp_path_factory.mktemp("kinds")
    return compare(home, make_video(home / "in.mp4", **SIZE, duration_s=1.0, audio=None), OUTPUTS)


@pytest.mark.parametrize("name", OUTPUTS)
def test_a_still_is_the_poster_of_its_output(drawn: Drawn, name: str) -> None:
    poster, still = drawn[name]
    channels = 4 if name in ("alpha", "webm") else 3
    assert still.shape[2] == channels
    assert np.array_equal(poster[..., :channels], still)


def test_captions_alone_are_transparent_and_without_footage(drawn: Drawn) -> None:
    alpha, video = drawn["alpha"][1], drawn["video"][1]
    covered = alpha[..., 3] > 0
    assert 0 < covered.mean() < 0.5
    assert alpha[..., 3].max() == 255
    assert drawn["webm"][1].shape == (142, 80, 4)
    assert np.abs(drawn["background"][1][:20].astype(int) - (200, 40, 40)).max() <= 2
    assert video.shape == (284, 160, 3)


def test_hdr_that_is_kept_stays_so_in_its_still_and_other_is_mapped(chromium: str, tmp_path: Path) -> None:
    shades = np.linspace(20, 230, SIZE["width"])[None, :, None]
    ramp = np.broadcast_to(shades, (SIZE["height"], SIZE["width"], 3))
    frames = [raw_frame(ramp, Colour(BT2020, False, 9, PQ), "yuv420p10le") for _ in range(30)]
    source = write_source(tmp_path / "in.mkv", frames, codec="libx265")
    told = compare(tmp_path, source, HDR)
    for poster, still in told.values():
        assert np.array_equal(poster[..., :3], still)
    assert np.abs(told["kept"][1].astype(int) - told["mapped"][1]).mean() > 5
