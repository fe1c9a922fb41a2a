"""A lane: frames of one look (size, form, rate) on their way to the outputs that share it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av

from render_node.alpha import empty_canvas
from render_node.colour import SDR_709, Colour, colour_of
from render_node.drawing import Drawing
from render_node.encode.convert import PixelConverter
from render_node.encode.pictures import PictureWriter
from render_node.encode.settings import EncoderChoice
from render_node.encode.writer import FileWriter, Writer
from render_node.footage import time_of
from render_node.geometry import FrameGeometry
from render_node.poster import write_png
from render_node.shaper import Form, FrameShaper, solid_frame
from tasks.contracts import RenderOutput
from tasks.contracts.outputs import parse_fps


@dataclass(frozen=True)
class Target:
    """One ordered output, complete; ``path`` None draws but writes nothing."""

    path: Path | None
    output: RenderOutput
    choice: EncoderChoice
    geometry: FrameGeometry

    @property
    def look(self) -> Look:
        """Return what must be equal for outputs to share their frames."""
        output = self.output
        return Look(
            self.geometry, form_of(output), output.fps, output.dynamic_range == "keep", output.layer == "captions"
        )

    def open_writer(self) -> Writer | None:
        """Open the file."""
        if self.path is None:
            return None
        if self.output.container == "png":
            return PictureWriter(self.path, self.choice)
        return FileWriter(self.path, self.output.container, self.choice)


@dataclass(frozen=True)
class Look:
    """How frames are drawn."""

    geometry: FrameGeometry
    form: Form
    fps: str
    keeps_range: bool
    is_alone: bool

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.geometry.width, self.geometry.height


def form_of(output: RenderOutput) -> Form:
    """Return what frames look like while captions are drawn on them, for a completed output."""
    if output.alpha:
        return Form.RGBA
    if output.codec == "prores":
        return Form.DEEP_444
    return Form.DEEP if output.bit_depth == 10 else Form.YUV


@dataclass(frozen=True)
class Outlet:
    """A file that is being written for an output."""

    target: Target
    writer: Writer


class Pace:
    """When frames are shown: at the source's own times, or at an even rate.

    :param times: of the source's frames in seconds, :param source_rate: its usual rate.
    """

    def __init__(self, times: list[float], fps: str, source_rate: Fraction) -> None:
        rate = parse_fps(fps)
        self.rate, self.is_even = rate or source_rate, rate is not None
        self.times = times
        if rate is None:
            return
        first = round(times[0] * rate) if times else 0
        end = times[-1] + float(1 / source_rate) if times else 0.0
        count = max(1, round((end - (times[0] if times else 0.0)) * rate))
        self._next, self._stop = first, first + count
        self.times = [float(number / rate) for number in range(first, first + count)]

    def before(self, t: Fraction | None) -> range:
        """Return the numbers of the frames that are due before ``t`` and were not yet; None is the end."""
        stop = self._stop if t is None else min(self._stop, -int(-t * self.rate // 1))
        due = range(self._next, max(self._next, stop))
        self._next = due.stop
        return due


class Lane:
    """Takes decoded frames, gives drawn ones to its writers."""

    def __init__(self, look: Look, drawing: Drawing, pace: Pace, *, shares: bool) -> None:
        self.look, self.drawing, self.pace = look, drawing, pace
        self.outlets: list[Outlet] = []
        self.declare_sound: Callable[[Outlet], None] = lambda _: None
        self.frames, self.first_s, self.last_s = 0, 0.0, 0.0
        self.posters: list[Path] = []
        self.poster_from_s = 0.0
        self.poster_at_s: float | None = None
        self.colour: Colour = replace(SDR_709, siting=look.geometry.siting)
        self.is_tone_mapped = False
        self._shaper = FrameShaper(
            look.geometry, look.form, keeps_range=look.keeps_range, shares=shares or pace.is_even
        )
        self._convert = PixelConverter(look.form.value, look.geometry.siting)
        self._held: av.VideoFrame | None = None
        self._form_number = 0

    def prepare(self, first: av.VideoFrame) -> None:
        """Learn the footage's colours from its first frame, before anything is drawn."""
        if not (self.look.is_alone or self.look.form is Form.RGBA):
            self.colour = self._shaper.colour(first)
            self.is_tone_mapped = colour_of(first).is_wide and not self.colour.is_wide
        self._form_number = self.drawing.add_form(self.look.form, self.colour)

    def take(self, frame: av.VideoFrame) -> None:
        """Draw and write what a decoded frame brings."""
        if not self.pace.is_even:
            self._emit(frame, frame.pts or 0, frame.time_base or self.pace.rate)
            return
        if self._held is not None:
            self._repeat(self.pace.before(time_of(frame)))
        self._held = frame

    def finish(self) -> None:
        """Write what is still due after the last frame."""
        if self.pace.is_even and self._held is not None:
            self._repeat(self.pace.before(None))

    def _repeat(self, numbers: range) -> None:
        assert self._held is not None
        for number in numbers:
            self._emit(self._held, number, 1 / self.pace.rate)

    def _emit(self, frame: av.VideoFrame, pts: int, time_base: Fraction) -> None:
        picture, t = self._canvas(frame), float(pts * time_base)
        self.drawing.draw(picture, t, self._form_number)
        picture.pts, picture.time_base = pts, time_base
        if self.frames == 0:
            self.first_s = t
            for outlet in self.outlets:
                outlet.writer.open_video(picture, rate=self.pace.rate)
                self.declare_sound(outlet)  # before the first packet: it begins the file
        if self.posters and self.poster_at_s is None and t >= self.poster_from_s:
            write_png(picture, self.posters[0], siting=self.look.geometry.siting)
            for copy in self.posters[1:]:
                shutil.copyfile(self.posters[0], copy)
            self.poster_at_s = t
        for outlet in self.outlets:
            outlet.writer.write_frame(picture)
        self.frames, self.last_s = self.frames + 1, t

    def _canvas(self, frame: av.VideoFrame) -> av.VideoFrame:
        width, height = self.look.size
        if self.look.form is Form.RGBA:
            return empty_canvas(width, height)
        if not self.look.is_alone:
            return self._shaper.shape(frame)
        return self._convert(solid_frame(width, height, self.colour, self.look.geometry.background))
