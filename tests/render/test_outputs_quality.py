"""The picture outside the captions is as good as a plain transcode with the same encoder and settings."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from render_node.render import render_file
from tasks.contracts import RenderOutput
from tests.media_samples import make_video, test_card
from tests.render.test_outputs import boxed
from tests.render.test_render import settings_of

WIDTH, HEIGHT, FRAMES = 320, 568, 30
KEPT_ROWS = 300
"""Rows above the captions, which stand at four fifths of the height."""


def grainy(number: int, time_s: float) -> np.ndarray:
    """Draw a moving card with grain, which an encoder must work for."""
    grain = np.random.default_rng(number).normal(0, 8, (HEIGHT, WIDTH, 1))
    return np.clip(test_card(WIDTH, HEIGHT)(number, time_s) + grain, 0, 255).astype(np.uint8)


def luma_of(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="gray").astype(float)[:KEPT_ROWS] for frame in container.decode(video=0)]


def mean_over_window(values: np.ndarray, side: int = 8) -> np.ndarray:
    total = np.pad(values, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    return (total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]) / side**2


def ssim(one: np.ndarray, other: np.ndarray) -> float:
    """Return the structural similarity of two pictures (Wang 2004), windows of 8 by 8."""
    mean_a, mean_b = mean_over_window(one), mean_over_window(other)
    var_a = mean_over_window(one**2) - mean_a**2
    var_b = mean_over_window(other**2) - mean_b**2
    both = mean_over_window(one * other) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    top = (2 * mean_a * mean_b + c1) * (2 * both + c2)
    return float(np.mean(top / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))))


def transcode(source: Path, out: Path, options: dict[str, str]) -> None:
    """Decode and encode again, and nothing else."""
    with av.open(str(source)) as container, av.open(str(out), "w") as output:
        stream = output.add_stream("libx264", rate=Fraction(30), options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for frame in container.decode(video=0):
            frame.pict_type = av.video.frame.PictureType.NONE
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


@pytest.mark.usefixtures("chromium")
def test_rendering_costs_no_more_of_the_picture_than_a_transcode(tmp_path: Path) -> None:
    source = make_video(
        tmp_path / "in.mp4", width=WIDTH, height=HEIGHT, duration_s=FRAMES / 30, audio=None, draw=grainy
    )
    output = RenderOutput(encoder="libx264", preset="medium", crf=18)
    receipt = render_file(
        source, boxed(width=WIDTH, height=HEIGHT), tmp_path / "mine.mp4", output=output, settings=settings_of()
    )
    transcode(source, tmp_path / "plain.mp4", receipt.encoder_options)

    before = luma_of(source)
    scores = {}
    for name in ("mine", "plain"):
        after = luma_of(tmp_path / f"{name}.mp4")
        assert len(after) == len(before) == FRAMES
        scores[name] = float(np.mean([ssim(a, b) for a, b in zip(before, after, strict=True)]))

    assert scores["plain"] < 0.9999  # or the measure would see nothing
    assert scores["mine"] >= scores["plain"] - 0.0005, scores
