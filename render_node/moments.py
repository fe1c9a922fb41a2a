"""Single frames of outputs that are not plain videos, drawn and laid out by the lane that would render them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.audio.stream import AudioStream
from numpy.typing import NDArray

from render_node.drawing import Drawing, Script
from render_node.encode.convert import PixelConverter
from render_node.encode.settings import choose_encoder
from render_node.geometry import choose_geometry
from render_node.lanes import Lane, Outlet, Pace, Target
from render_node.ordered_images import offered_images
from tasks.config import WorkerSettings
from tasks.contracts import RenderOutput, VideoInfo
from tasks.fonts import faces_of
from tasks.scenario import Scenario

CLOCK = Fraction(1, 1_000_000)


class Album:
    """A writer that keeps each frame as a picture, as a poster shows it: RGB, or RGBA where there is alpha.

    :param siting: where the frames' chroma samples lie.
    """

    def __init__(self, siting: str) -> None:
        self.pictures: list[NDArray[np.uint8]] = []
        self._siting = siting
        self.frames, self.audio_mode, self.audio_end_s = 0, "none", 0.0

    def __enter__(self) -> Album:
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing: there is no file."""

    def open_video(self, first: av.VideoFrame, *, rate: Fraction) -> None:
        """Do nothing."""

    def copy_audio(self, source: AudioStream, *, zero: Fraction) -> None:
        """Leave the sound out."""

    def make_audio(self) -> None:
        """Leave the sound out."""

    def write_frame(self, frame: av.VideoFrame) -> None:
        """Keep one frame."""
        form = "rgba" if frame.format.name == "rgba" else "rgb24"
        self.pictures.append(PixelConverter(form, self._siting)(frame).to_ndarray().astype(np.uint8, copy=True))
        self.frames += 1

    def write_audio(self, packet: av.Packet[Any]) -> None:
        """Do nothing."""

    def write_sound(self, frame: av.AudioFrame) -> None:
        """Do nothing."""

    def finish(self) -> None:
        """Do nothing."""


def is_plain(output: RenderOutput) -> bool:
    """Tell whether a completed output is captions over footage in 8 bits of SDR, which is drawn without a lane."""
    return output.layer == "video" and output.bit_depth == 8 and output.dynamic_range == "sdr"


def draw_moments(
    scenario: Scenario,
    found: list[tuple[float, av.VideoFrame]],
    *,
    video: VideoInfo,
    output: RenderOutput,
    settings: WorkerSettings,
) -> tuple[list[NDArray[np.uint8]], str]:
    """Return the pictures of frames as a render gives them to its encoder, and the browser that drew.

    :param found: time in seconds and decoded frame, ascending; :param output: complete.
    """
    target = Target(None, output, choose_encoder(output, configured=settings.encoder), choose_geometry(video, output))
    times = [t for t, _ in found]
    script = Script(scenario, faces_of(scenario), settings.chromium, offered_images())
    drawing, album = Drawing(script, times, target.look.size), Album(target.geometry.siting)
    lane = Lane(target.look, drawing, Pace(times, "", Fraction(30)), shares=False)
    lane.outlets.append(Outlet(target, album))
    try:
        lane.prepare(found[0][1])
        drawing.start()
        for t, frame in found:
            frame.pts, frame.time_base = round(t / CLOCK), CLOCK
            lane.take(frame)
    finally:
        drawing.close()
    return album.pictures, drawing.overlay.browser
