"""Framing a clip while captions are drawn on it: its picture is then decoded once and encoded once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import av

from tasks.contracts import VideoInfo
from tasks.contracts.shorts import Reframing
from tasks.media.reframe import Reframer, output_size
from tasks.transcripts.cuts import Span, TimeMap

Shape = Callable[[av.VideoFrame, Fraction], av.VideoFrame]


def framed_info(video: VideoInfo, order: Reframing) -> VideoInfo:
    """Return what the picture is once it is framed."""
    width, height = output_size(order.framing, video.display_width, video.display_height, widest=order.width)
    return replace(video, width=width, height=height, rotation=0, sample_aspect_num=1, sample_aspect_den=1)


def framer(video: VideoInfo, order: Reframing) -> Shape:
    """Return what frames the clip's pictures, given in order with their times in the clip."""
    made = framed_info(video, order)
    reframer = Reframer(order.framing, (made.width, made.height), rotation=video.rotation)
    times = TimeMap(tuple(Span(each.start, each.end) for each in order.kept))

    def shape(frame: av.VideoFrame, t: Fraction) -> av.VideoFrame:
        pts, base = frame.pts, frame.time_base
        shown = reframer.frame(frame, times.to_source(float(t)))
        shown.pts, shown.time_base = pts, base
        return shown

    return shape
