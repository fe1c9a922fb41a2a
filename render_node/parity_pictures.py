"""What a finished file shows, and what it should show: both as planes of lightness and colour in levels of 8 bits.

YUV stays as it is, so kept HDR is compared in its own transfer; RGB becomes BT.709, what is transparent lies on grey.
"""

from __future__ import annotations

import bisect
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray

from render_node.alpha import empty_canvas, pixels_of
from render_node.colour import SDR_709, Colour
from render_node.deep import words_of
from render_node.drawing import BLENDERS, converter
from render_node.encode.convert import PixelConverter
from render_node.encode.pictures import INDEX
from render_node.encode.settings import pixel_format_of
from render_node.firstlook import describe
from render_node.framed import LateFramer
from render_node.frames.plan import Rect
from render_node.frames.stage_page import decode_png
from render_node.geometry import choose_geometry
from render_node.lanes import form_of
from render_node.overlay import Overlay
from render_node.shaper import Form, FrameShaper, copy_plain, solid_frame
from render_node.stills import read_frames
from tasks.config import WorkerSettings
from tasks.contracts import RenderOutput
from tasks.fonts import faces_of
from tasks.media.container import open_media, packets_of
from tasks.media.limits import limits_of
from tasks.media.probe import find_video
from tasks.scenario import Scenario

Grey = NDArray[np.float32]
Planes = tuple[Grey, Grey, Grey]
"""Lightness and the two differences of colour; the latter may be half as wide and high."""

GREY = 128.0
CLOCK = Fraction(1, 90_000)
ROUNDING_S = 0.0006
"""WebM rounds times to milliseconds."""
ALPHA_DECODERS = {"vp9": "libvpx-vp9", "vp8": "libvpx"}
"""FFmpeg's own decoders leave out the alpha that WebM keeps beside the picture."""
TO_709 = np.array(
    [[0.2126, 0.7152, 0.0722], [-0.114572, -0.385428, 0.5], [0.5, -0.454153, -0.045847]], np.float32
)  # fmt: skip
"""Y, Cb and Cr of full range by R, G and B (ITU-R BT.709)."""


@dataclass(frozen=True)
class Moment:
    """A time in seconds with its pictures: footage alone, with its captions, and with those of the frames beside it."""

    t: float
    plain: Planes
    still: Planes
    beside: tuple[Planes, ...]
    box: Rect


def planes_of(frame: av.VideoFrame, siting: str) -> Planes:
    """Return a frame's planes."""
    name = frame.format.name
    frame.time_base = frame.time_base or CLOCK
    if frame.format.has_palette or frame.format.is_rgb or name.startswith("yuva"):
        pixels = frame if name == "rgba" else PixelConverter("rgba", siting)(frame)
        return over_grey(pixels_of(pixels))
    bits = frame.format.components[0].bits
    found = []
    for plane in frame.planes[:3]:
        buffer: Any = plane  # a plane is a buffer, which its stub does not say
        rows = np.frombuffer(buffer, np.uint8 if bits == 8 else np.uint16).reshape(plane.height, -1)
        found.append(rows[:, : plane.width].astype(np.float32) / np.float32(1 << (bits - 8)))
    return found[0], found[1], found[2]


def over_grey(pixels: NDArray[np.uint8]) -> Planes:
    """Return the planes of RGBA with straight alpha, laid over grey."""
    alpha = pixels[..., 3:].astype(np.float32) / 255
    mixed = pixels[..., :3] * alpha + np.float32(GREY) * (1 - alpha)
    y, u, v = np.moveaxis(mixed @ TO_709.T, -1, 0)
    return y, u, v


def read_file(path: Path, times: Sequence[float], *, siting: str, settings: WorkerSettings) -> Iterator[Planes]:
    """Yield what a video file shows at ascending times of its own, alpha included."""
    with open_media(path, limits_of(settings)) as container:
        stream = find_video(container)
        assert stream is not None
        decoder = ALPHA_DECODERS.get(stream.codec_context.name)
        if decoder is None or "1" not in (stream.metadata.get("alpha_mode"), stream.metadata.get("ALPHA_MODE")):
            yield from (planes_of(frame, siting) for _, frame in read_frames(container, times))
            return
        waiting, open_decoder, base = list(times), av.CodecContext.create(decoder, "r"), stream.time_base
        assert base is not None and isinstance(open_decoder, VideoCodecContext)
        for packet in packets_of(container, stream):
            for frame in open_decoder.decode(packet) if packet.size else ():
                shown = float((packet.pts or 0) * base)
                if waiting and shown >= waiting[0] - 2 * ROUNDING_S:
                    waiting.pop(0)
                    yield planes_of(frame, siting)


def read_gif(path: Path, numbers: Sequence[int]) -> Iterator[Planes]:
    """Yield the pictures with these ascending numbers, from 0."""
    with av.open(f"file:{path.absolute()}", format="gif") as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number in numbers:
                yield planes_of(frame, SDR_709.siting)


def read_zip(path: Path, numbers: Sequence[int]) -> Iterator[Planes]:
    """Yield the pictures with these ascending numbers, from 0, of a zip of PNGs."""
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name != INDEX]
        for number in numbers:
            yield over_grey(decode_png(archive.read(names[number])))


def count_frames(path: Path, container: str) -> int:
    """Return how many pictures a GIF or a zip of PNGs holds."""
    if container == "png":
        with zipfile.ZipFile(path) as archive:
            return len(archive.namelist()) - 1
    with av.open(f"file:{path.absolute()}", format="gif") as opened:
        return sum(packet.size > 0 for packet in packets_of(opened, opened.streams.video[0]))


class Canvas:
    """Gives the frames that captions are laid over, as the render had them."""

    def __init__(self, output: RenderOutput, shape: LateFramer) -> None:
        self._output, self._shape, self._form = output, shape, form_of(output)
        self._shaper: FrameShaper | None = None
        self._siting = SDR_709.siting
        self.colour: Colour = SDR_709

    @property
    def form(self) -> Form:
        """Return what the frames look like while captions are drawn on them."""
        return self._form

    def read(self, source: Path, times: Sequence[float], settings: WorkerSettings) -> list[av.VideoFrame]:
        """Return the frames of ascending times."""
        found = []
        with open_media(source, limits_of(settings)) as container:
            stream = find_video(container)
            assert stream is not None
            for t, decoded in read_frames(container, times):
                info, frame = self._shape.frame(describe(stream, decoded), decoded, t)
                found.append(self._ready(info, frame))
        return found

    def _ready(self, info: Any, frame: av.VideoFrame) -> av.VideoFrame:
        output, geometry = self._output, choose_geometry(info, self._output)
        self._siting = geometry.siting
        if self._form is Form.RGBA:
            return empty_canvas(geometry.width, geometry.height)
        if output.layer == "captions":
            plain = solid_frame(geometry.width, geometry.height, SDR_709, geometry.background)
            return PixelConverter(self._form.value, geometry.siting)(plain)
        if self._shaper is None:
            self._shaper = FrameShaper(geometry, self._form, keeps_range=output.dynamic_range == "keep", shares=True)
        self.colour = self._shaper.colour(frame)
        return self._shaper.shape(frame)

    def planes(self, frame: av.VideoFrame) -> Planes:
        """Return a drawn frame as the file will hold it, but for what its encoder loses."""
        name = pixel_format_of("", self._output)
        if name in ("pal8", "rgb24") and self._form is not Form.RGBA:
            frame = PixelConverter("rgba", self._siting)(frame)
        return planes_of(frame, self._siting)

    @property
    def siting(self) -> str:
        """Return where chroma lies in the output."""
        return self._siting


def draw_moments(
    scenario: Scenario,
    canvas: Canvas,
    shown: list[tuple[float, av.VideoFrame]],
    *,
    all_times: list[float],
    settings: WorkerSettings,
) -> list[Moment]:
    """Draw the captions of times over their frames, and over the same frames those of the output's frames beside.

    :param shown: ascending times with their frames.
    :param all_times: when the output's frames are shown, ascending.
    """
    times = [t for t, _ in shown]
    beside = {t: neighbours(t, all_times) for t in times}
    wanted = sorted({each for t in times for each in (t, *beside[t])})
    overlay: Overlay[Any] = Overlay(
        scenario,
        wanted,
        size=(shown[0][1].width, shown[0][1].height),
        fonts=faces_of(scenario),
        chromium=settings.chromium,
        convert=converter(canvas.form, canvas.colour),
    )
    try:
        overlay.start()
        patches = {t: list(overlay.at(t)) for t in wanted}
    finally:
        overlay.close()
    moments = []
    for t, frame in shown:
        still, *others = (_laid(canvas, frame, patches[each]) for each in (t, *beside[t]))
        box = Rect(0, 0, 0, 0)
        for patch in patches[t]:
            box = box.cover(patch.rect) if box.width else patch.rect
        moments.append(Moment(t, canvas.planes(frame), still, tuple(others), box))
    return moments


def neighbours(t: float, times: list[float]) -> list[float]:
    """Return the times of the frames before and after the one nearest to ``t``."""
    place = bisect.bisect_left(times, t - 1e-6)
    return [times[each] for each in (place - 1, place + 1) if 0 <= each < len(times)]


def _laid(canvas: Canvas, frame: av.VideoFrame, patches: list[Any]) -> Planes:
    copy = copy_frame(frame)
    for patch in patches:
        BLENDERS[canvas.form](copy, patch)
    return canvas.planes(copy)


def copy_frame(frame: av.VideoFrame) -> av.VideoFrame:
    """Return a copy of a frame that may be drawn on, with its tags."""
    if frame.format.name == "yuv420p":
        copy = copy_plain(frame)
    else:
        copy = av.VideoFrame(frame.width, frame.height, frame.format.name)
        if frame.format.name == "rgba":
            pixels_of(copy)[...] = pixels_of(frame)
        else:
            for index in range(3):
                words_of(copy, index)[...] = words_of(frame, index)
    copy.colorspace, copy.color_range = int(frame.colorspace), int(frame.color_range)
    copy.color_primaries, copy.color_trc = int(frame.color_primaries), int(frame.color_trc)
    copy.pts, copy.time_base = frame.pts, frame.time_base or CLOCK
    return copy
