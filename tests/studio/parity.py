"""Holding the player's picture against the frames of an exported file."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from render_node.encode.convert import PixelConverter
from render_node.frames.stage_page import decode_png
from render_node.parity_measure import ssim
from tasks.media.siting import LEFT
from tests.studio.visitor import Visitor

Luma = NDArray[np.float32]
WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)
SHOW = """(t) => new Promise((done) => {
  const video = document.querySelector(".screen video");
  const settle = () => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 60)));
  video.pause();
  video.requestVideoFrameCallback(settle);
  video.currentTime = t;
})"""


def luma(picture: NDArray[np.uint8]) -> Luma:
    """Return the brightness of an RGB or RGBA picture."""
    grey: Luma = picture[..., :3].astype(np.float32) @ WEIGHTS
    return grey


def frames_of(path: Path) -> list[Luma]:
    """Return every frame of a file, its chroma read from where its tag says that it lies, as a player does."""
    to_rgb = PixelConverter("rgb24", LEFT)
    with av.open(str(path)) as container:
        return [luma(to_rgb(frame).to_ndarray()) for frame in container.decode(video=0)]


def player_at(visitor: Visitor, t: float) -> Luma:
    """Return what the player shows at a time, to the pixel."""
    visitor.page.evaluate(SHOW, t)
    png = visitor.page.get_by_test_id("screen").screenshot(animations="disabled")
    return luma(np.asarray(decode_png(io.BytesIO(png).getvalue())))


def captions(visitor: Visitor) -> list[dict[str, Any]]:
    """Return start, end and box (x, y, width, height) of every caption, as the stage measures them."""
    found: list[dict[str, Any]] = visitor.stage.evaluate(
        """() => {
          const {stage} = window.reelyard, cues = stage.scenario.layers.filter((layer) => layer.kind === "cue");
          return stage.measure().map(({box}, at) => ({box, start: cues[at].start, end: cues[at].end}));
        }"""
    )
    return found


def choose_numbers(cues: Sequence[dict[str, Any]], *, fps: float, count: int, total: int) -> list[int]:
    """Return numbers of frames in which a caption stands, evenly spread over all of them."""
    inside = [n for n in range(total) if any(cue["start"] <= n / fps < cue["end"] for cue in cues)]
    return [inside[round(place)] for place in np.linspace(0, len(inside) - 1, count)]


def box_at(cues: Sequence[dict[str, Any]], t: float) -> tuple[slice, slice]:
    """Return rows and columns of the caption at a time."""
    x, y, width, height = next(cue["box"] for cue in cues if cue["start"] <= t < cue["end"])
    return slice(max(0, int(y)), int(y + height) + 1), slice(max(0, int(x)), int(x + width) + 1)


def likeness(visitor: Visitor, exported: list[Luma], *, fps: float, count: int) -> list[float]:
    """Return the SSIM of player and file in the caption's box at so many times."""
    cues, measured = captions(visitor), []
    for number in choose_numbers(cues, fps=fps, count=count, total=len(exported)):
        rows, columns = box_at(cues, number / fps)
        shown = player_at(visitor, (number + 0.5) / fps)
        assert shown.shape == exported[number].shape
        measured.append(ssim(shown[rows, columns], exported[number][rows, columns]))
    return measured
