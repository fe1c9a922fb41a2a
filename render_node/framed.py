"""Framing a clip while captions are drawn on it: its picture is then decoded once and encoded once."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import av

from tasks.contracts import VideoInfo
from tasks.contracts.shorts import Reframing
from tasks.edits.framing import framed_info
from tasks.media.reframe import Reframer
from tasks.transcripts.cuts import Span, TimeMap

Shape = Callable[[av.VideoFrame, Fraction | float], av.VideoFrame]

AFTER_S = 0.001
"""A clip's first frame after a cut belongs to what comes after it, however its time is rounded."""


def framer(video: VideoInfo, order: Reframing) -> Shape:
    """Return what frames the clip's pictures, given in order with their times in the clip."""
    made = framed_info(video, order)
    size = (made.width, made.height)
    reframer = Reframer(order.framing, size, rotation=video.rotation, siting=video.chroma_location)
    times = TimeMap(tuple(Span(each.start, each.end) for each in order.kept))

    def shape(frame: av.VideoFrame, t: Fraction | float) -> av.VideoFrame:
        pts, base = frame.pts, frame.time_base
        shown = reframer.frame(frame, times.to_source(float(t) + AFTER_S))
        shown.pts, shown.time_base = pts, base
        return shown

    return shape


class LateFramer:
    """Frames single pictures of a clip, given in order of time; without an order they stay as they are."""

    def __init__(self, order: Reframing | None) -> None:
        self._order = order
        self._shape: Shape | None = None

    def frame(self, video: VideoInfo, frame: av.VideoFrame, t: float) -> tuple[VideoInfo, av.VideoFrame]:
        """Return a frame as it is to be shown, and what its picture is like.

        :param video: the picture as it was decoded, :param t: the frame's seconds in the clip.
        """
        if self._order is None:
            return video, frame
        self._shape = self._shape or framer(video, self._order)
        return framed_info(video, self._order), self._shape(frame, t)


def read_reframing(order: dict[str, Any]) -> Reframing | None:
    """Return the framing that an errand's order has, if any."""
    told = order.get("reframing")
    return Reframing.from_json(told) if told else None
