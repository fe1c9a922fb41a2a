"""Filter graphs for single frames: built for the first one, built anew when the frames change their form."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import av
import av.filter
from av.filter.context import FilterContext

from tasks.media.colour import SPACES

Build = Callable[[av.filter.Graph, FilterContext], FilterContext]
Step = tuple[str, str]
SCALE_FLAGS = "flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp"
FULL_RANGE = 2
_TIME_BASE = Fraction(1, 90000)


def scale_flags(siting: str) -> str:
    """Return how pictures are scaled whose chroma lies there before and after: FFmpeg else takes it for centred."""
    return f"{SCALE_FLAGS}:in_chroma_loc={siting}:out_chroma_loc={siting}"


class FrameFilter:
    """Sends frames through a graph, one out for each one in; times and tags are the caller's to set.

    :param build: adds filters behind the given one and returns the last.
    """

    def __init__(self, build: Build) -> None:
        self._build = build
        self._graph: av.filter.Graph | None = None
        self._form: tuple[object, ...] = ()
        self._count = 0

    def __call__(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Return the filtered frame."""
        form = form_of(frame)
        if self._graph is None or form != self._form:
            self._graph, self._form = open_graph(frame, self._build), form
        pts = frame.pts
        frame.pts = self._count  # a frame that is shown twice comes twice, and filters wait for time to pass
        self._count += 1
        self._graph.push(frame)
        frame.pts = pts
        filtered = self._graph.pull()
        assert isinstance(filtered, av.VideoFrame)
        return filtered


def form_of(frame: av.VideoFrame) -> tuple[object, ...]:
    """Return all that a graph must know of its frames beforehand."""
    tags = (int(frame.colorspace), int(frame.color_range), int(frame.color_primaries), int(frame.color_trc))
    return frame.width, frame.height, frame.format.name, *tags


def open_graph(frame: av.VideoFrame, build: Build) -> av.filter.Graph:
    """Return a graph that takes frames like this one."""
    graph = av.filter.Graph()
    last = build(graph, graph.add("buffer", _describe(frame)))
    last.link_to(graph.add("buffersink"))
    graph.configure()
    return graph


def chain(graph: av.filter.Graph, last: FilterContext, *steps: Step) -> FilterContext:
    """Add filters one behind the other and return the last."""
    for name, arguments in steps:
        step = graph.add(name, arguments or None)
        last.link_to(step)
        last = step
    return last


def _describe(frame: av.VideoFrame) -> str:
    time_base = frame.time_base or _TIME_BASE
    space = SPACES.get(int(frame.colorspace), "unknown")
    full = int(frame.color_range) == FULL_RANGE or frame.format.name.startswith("yuvj")
    return ":".join(
        (
            f"video_size={frame.width}x{frame.height}",
            f"pix_fmt={frame.format.name}",
            f"time_base={time_base.numerator}/{time_base.denominator}",
            f"colorspace={space}",
            f"range={'pc' if full or space == 'gbr' else 'tv'}",
        )
    )
