"""Reading footage: frames as they are shown, ready to be drawn on, with their times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import av.filter
from av.container import InputContainer
from av.video.stream import VideoStream

from render_node.composite import ColourSpace
from tasks.contracts import RenderOutput, VideoInfo
from tasks.errors import PermanentError
from tasks.media.colour import SPACES, matrix_of
from tasks.media.container import media_start

FULL_RANGE = 2
TRANSPOSES = {90: ("transpose=clock",), 180: ("hflip", "vflip"), 270: ("transpose=cclock",)}


@dataclass(frozen=True)
class FrameGeometry:
    """Size of the output in pixels, even, and the source's rotation in degrees clockwise."""

    width: int
    height: int
    rotation: int


def choose_geometry(video: VideoInfo, output: RenderOutput) -> FrameGeometry:
    """Return the output's size: what was ordered, else the source as shown, cut to even numbers for 4:2:0."""
    width, height = output.width or video.display_width, output.height or video.display_height
    if output.width and not output.height:
        height = round(video.display_height * output.width / video.display_width)
    elif output.height and not output.width:
        width = round(video.display_width * output.height / video.display_height)
    if min(width, height) < 2:
        raise PermanentError("render.too_small", "The output would have no pixels")
    return FrameGeometry(width // 2 * 2, height // 2 * 2, video.rotation)


def frame_times(container: InputContainer, stream: VideoStream) -> list[float]:
    """Return the time of every frame in seconds from the media's start, read from packets without decoding."""
    zero = media_start(container)
    time_base = stream.time_base or Fraction(1, av.time_base)
    stamps = sorted(packet.pts for packet in container.demux(stream) if packet.pts is not None)
    return [float(stamp * time_base - zero) for stamp in stamps]


def time_of(frame: av.VideoFrame, zero: Fraction) -> float:
    """Return a frame's time in seconds from the media's start."""
    if frame.pts is None or frame.time_base is None:
        raise PermanentError("media.damaged", "A frame of the video carries no time")
    return float(frame.pts * frame.time_base - zero)


def colour_space_of(frame: av.VideoFrame) -> ColourSpace:
    """Return how captions must be converted to lie in this footage."""
    matrix = matrix_of(SPACES.get(int(frame.colorspace), ""), height=frame.height)
    full = int(frame.color_range) == FULL_RANGE or frame.format.name.startswith("yuvj")
    return ColourSpace(matrix, full)


class FrameShaper:
    """Turns decoded frames upright and into writable yuv420p of the output's size, their tags kept."""

    def __init__(self, geometry: FrameGeometry) -> None:
        self._geometry = geometry
        self._graph: av.filter.Graph | None = None

    def shape(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Return a frame that may be drawn on."""
        tags = (frame.color_range, frame.colorspace, frame.color_primaries, frame.color_trc)
        full = frame.format.name.startswith("yuvj")
        pts, time_base = frame.pts, frame.time_base
        if self._geometry.rotation:
            frame = self._turn(frame)
        same_size = (frame.width, frame.height) == (self._geometry.width, self._geometry.height)
        if frame.format.name not in ("yuv420p", "yuvj420p") or not same_size:
            target = "yuvj420p" if full else "yuv420p"
            frame = frame.reformat(self._geometry.width, self._geometry.height, format=target, interpolation="BICUBIC")
        frame.make_writable()
        frame.color_range, frame.colorspace = (FULL_RANGE if full else tags[0]), tags[1]
        frame.color_primaries, frame.color_trc = tags[2], tags[3]
        frame.pts, frame.time_base = pts, time_base
        return frame

    def _turn(self, frame: av.VideoFrame) -> av.VideoFrame:
        if self._graph is None:
            self._graph = av.filter.Graph()
            last = self._graph.add_buffer(
                width=frame.width,
                height=frame.height,
                format=frame.format,
                time_base=frame.time_base or Fraction(1, 90000),
            )
            for entry in TRANSPOSES[self._geometry.rotation]:
                name, _, argument = entry.partition("=")
                step = self._graph.add(name, argument or None)
                last.link_to(step)
                last = step
            last.link_to(self._graph.add("buffersink"))
            self._graph.configure()
        self._graph.push(frame)
        turned = self._graph.pull()
        assert isinstance(turned, av.VideoFrame)
        return turned


def read_packets(container: InputContainer, video: VideoStream) -> Iterator[tuple[str, av.Packet[Any]]]:
    """Yield the packets that matter, each with ``video`` or ``audio``, in the file's order."""
    wanted = [video, *container.streams.audio[:1]]
    for packet in container.demux(*wanted):
        yield ("video" if packet.stream is video else "audio"), packet
