"""Decoded frames made ready to be drawn on: upright, fitted, in the form that the captions are blended in."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum

import av
import av.filter
import numpy as np
from av.filter.context import FilterContext

from render_node.colour import BT601, Colour, colour_of, is_rgb
from render_node.composite import plane_of
from render_node.filters import SCALE_FLAGS, FrameFilter, chain, scale_flags
from render_node.geometry import FrameGeometry, reshape
from render_node.tone import add_tone_map

PLAIN = frozenset({"yuv420p", "yuvj420p"})


class Form(Enum):
    """What frames look like while captions are drawn on them."""

    YUV = "yuv420p"
    DEEP = "yuv420p10le"
    DEEP_444 = "yuv444p10le"
    RGBA = "rgba"


class FrameShaper:
    """Turns decoded frames into writable ones of one size and form.

    :param keeps_range: pass HDR and wide colours through; else they become BT.709.
    :param shares: the decoded frames are used elsewhere too, so that none may be changed.
    """

    def __init__(self, geometry: FrameGeometry, form: Form, *, keeps_range: bool = False, shares: bool = False) -> None:
        self._geometry, self._form, self._keeps, self._shares = geometry, form, keeps_range, shares
        self._filter: FrameFilter | None = None
        self._seen: tuple[object, ...] = ()
        self._source: Colour | None = None

    def colour(self, frame: av.VideoFrame) -> Colour:
        """Return the colours that shaped frames have."""
        source = replace(colour_of(frame), siting=self._geometry.siting)
        return source if self._keeps else source.as_sdr()

    def shape(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Return a frame that may be drawn on, with its time and tags."""
        pts, time_base = frame.pts, frame.time_base
        colour = self.colour(frame)
        shaped = self._transform(frame, colour)
        if shaped is frame and self._shares:
            shaped = copy_plain(frame)
        elif shaped.format.name == "yuvj420p":
            shaped = copy_plain(shaped)
        else:
            shaped.make_writable()
        colour.tag(shaped)
        shaped.pts, shaped.time_base = pts, time_base
        return shaped

    def _transform(self, frame: av.VideoFrame, colour: Colour) -> av.VideoFrame:
        source = replace(colour_of(frame), siting=self._geometry.siting)
        form = (frame.width, frame.height, frame.format.name, source)
        if form != self._seen:
            self._seen = form
            self._filter = self._build(frame, source, colour)
        if self._filter is None:
            return frame
        if not is_rgb(frame):
            source.tag(frame)  # filters must not guess, nor guess otherwise than we
        return self._filter(frame)

    def _build(self, frame: av.VideoFrame, source: Colour, colour: Colour) -> FrameFilter | None:
        fitting = reshape(self._geometry, frame.width, frame.height)
        plain = self._form is Form.YUV and frame.format.name in PLAIN and source == colour
        if fitting is None and plain:
            return None
        if not (self._geometry.keeps_siting or is_rgb(frame)):
            return self._build_between(frame, source, colour)
        target = ("format", f"pix_fmts={self._target(frame)}")

        def build(graph: av.filter.Graph, last: FilterContext) -> FilterContext:
            if not plain:
                last = chain(graph, _convert(graph, last, frame, source, colour), target)
            return chain(graph, fitting(graph, last), target) if fitting else last

        return FrameFilter(build)

    def _build_between(self, frame: av.VideoFrame, source: Colour, colour: Colour) -> FrameFilter:
        """Go by way of 4:4:4, where turning the picture does not leave its chroma where nothing can say so."""
        fitting = reshape(self._geometry, frame.width, frame.height)
        stored = self._geometry.stored_siting

        def build(graph: av.filter.Graph, last: FilterContext) -> FilterContext:
            wide = "yuv444p10le" if frame.format.components[0].bits > 8 else "yuv444p"
            last = chain(
                graph, last, ("scale", f"{SCALE_FLAGS}:in_chroma_loc={stored}"), ("format", f"pix_fmts={wide}")
            )
            last = fitting(graph, last) if fitting else last
            last = _convert(graph, last, frame, source, colour)
            return chain(graph, last, ("format", f"pix_fmts={self._form.value}"))

        return FrameFilter(build)

    def _target(self, frame: av.VideoFrame) -> str:
        return "yuvj420p" if self._form is Form.YUV and frame.format.name.startswith("yuvj") else self._form.value


def _convert(
    graph: av.filter.Graph, last: FilterContext, frame: av.VideoFrame, source: Colour, colour: Colour
) -> FilterContext:
    """Add what changes the pixel format and, where they differ, the colours."""
    if is_rgb(frame):
        space = "smpte170m" if colour.space == BT601 else "bt709"
        return chain(graph, last, ("scale", f"{scale_flags(colour.siting)}:out_color_matrix={space}:out_range=tv"))
    if source == colour:
        return chain(graph, last, ("scale", scale_flags(colour.siting)))
    return add_tone_map(graph, last, source.transfer, siting=colour.siting)


def copy_plain(frame: av.VideoFrame) -> av.VideoFrame:
    """Return a copy of an 8-bit 4:2:0 frame as ``yuv420p``: ``yuvj420p`` is the same by an old name."""
    copy = av.VideoFrame(frame.width, frame.height, "yuv420p")
    for index in range(3):
        np.copyto(plane_of(copy, index), plane_of(frame, index))
    return copy


def solid_frame(width: int, height: int, colour: Colour, background: str) -> av.VideoFrame:
    """Return a ``yuv420p`` frame of one colour, ``#RRGGBB``."""
    frame = av.VideoFrame(width, height, "yuv420p")
    rgb = np.array([int(background[at : at + 2], 16) for at in (1, 3, 5)], np.float32)
    space = colour.blending()
    weights, offset = space.luma()
    values = [rgb @ weights + offset, *(rgb @ part + 128 for part in space.chroma())]
    for index, value in enumerate(values):
        plane_of(frame, index)[...] = int(np.rint(value))
    colour.tag(frame)
    return frame
