"""Drawn frames in the encoder's own pixel format, their colours exact."""

from __future__ import annotations

import av
import av.filter
from av.filter.context import FilterContext

from render_node.colour import SDR_709, Colour, colour_of
from render_node.filters import FrameFilter, chain, scale_flags
from tasks.media.siting import LEFT

FROM_RGB = "out_color_matrix=bt709:out_range=tv"
ALPHA_THRESHOLD = 128


class PixelConverter:
    """Converts frames to one pixel format; those that have it already pass.

    :param siting: where chroma lies in those of 4:2:0, before and after.
    """

    def __init__(self, pixel_format: str, siting: str = LEFT) -> None:
        self._format, self._siting = pixel_format, siting
        self._filter = FrameFilter(self._build)
        self._from_rgb = False

    def __call__(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Return the frame in the wanted format, with its time and with tags that are true."""
        if frame.format.name == self._format:
            return frame
        pts, time_base = frame.pts, frame.time_base
        self._from_rgb = bool(frame.format.is_rgb)
        converted = self._filter(frame)
        self.colour_after(frame).tag(converted)
        converted.pts, converted.time_base = pts, time_base
        return converted

    def colour_after(self, frame: av.VideoFrame) -> Colour:
        """Return the colours that a converted frame has."""
        return SDR_709 if frame.format.is_rgb else colour_of(frame)

    def _build(self, graph: av.filter.Graph, last: FilterContext) -> FilterContext:
        flags = scale_flags(self._siting)
        if self._format == "pal8":
            return _palette(graph, last, flags)
        flags = f"{flags}:{FROM_RGB}" if self._from_rgb else flags
        return chain(graph, last, ("scale", flags), ("format", f"pix_fmts={self._format}"))


def _palette(graph: av.filter.Graph, last: FilterContext, flags: str) -> FilterContext:
    """Give each frame its own 256 colours, so that nothing must be known of those that follow."""
    split = chain(graph, last, ("scale", flags), ("format", "pix_fmts=bgra"), ("split", "2"))
    picture, palette = graph.add("null"), graph.add("palettegen", "stats_mode=single:reserve_transparent=1")
    split.link_to(picture, 0)
    split.link_to(palette, 1)
    use = graph.add("paletteuse", f"dither=sierra2_4a:new=1:alpha_threshold={ALPHA_THRESHOLD}")
    picture.link_to(use, 0, 0)
    palette.link_to(use, 0, 1)
    return use
