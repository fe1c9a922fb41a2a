"""Where a long video is cut, and what its pieces are kept in. Pure; the API plans with it, nodes work by it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from tasks.contracts import RenderOutput
from tasks.contracts.chunk import MP4

PICTURES = "png"
"""The form of pieces that are numbered pictures and not packets."""


@dataclass(frozen=True)
class Span:
    """A piece of a video: the frames whose time lies in [start, end).

    :param start_ms: milliseconds from the media's start; 0 also takes what lies before it.
    :param end_ms: likewise; None is the video's end, wherever that really is.
    """

    start_ms: int
    end_ms: int | None

    def holds(self, t: float | Fraction) -> bool:
        """Tell whether a frame at ``t`` seconds belongs to this piece."""
        return (self.start_ms == 0 or t * 1000 >= self.start_ms) and not self.is_past(t)

    def is_past(self, t: float | Fraction) -> bool:
        """Tell whether ``t`` seconds lies behind this piece."""
        return self.end_ms is not None and t * 1000 >= self.end_ms

    def numbers(self, rate: Fraction) -> tuple[int | None, int | None]:
        """Return the first number of a frame of this piece at an even rate, and the one after the last; None: open."""
        first = math.ceil(self.start_ms * rate / 1000) if self.start_ms else None
        return first, None if self.end_ms is None else math.ceil(self.end_ms * rate / 1000)


def plan_spans(duration_s: float, *, target_s: float, from_s: float) -> list[Span]:
    """Cut a video into pieces of ``target_s`` seconds; what is left over lengthens the last one by half at most.

    The cuts lie on a grid that does not depend on anything but ``target_s``, so that the pieces of two renders are the
    same ones. A video shorter than ``from_s`` is one piece.
    """
    count = max(1, round(duration_s / target_s))
    if duration_s < from_s or count == 1:
        return [Span(0, None)]
    cuts = [round(number * target_s * 1000) for number in range(count)]
    return [Span(start, end) for start, end in zip(cuts, [*cuts[1:], None], strict=True)]


def piece_form(output: RenderOutput) -> str:
    """Return what a completed output's pieces are kept in: ``mp4 mov webm png``.

    MP4 keeps times exactly, but holds no ProRes and no alpha of VP9, which WebM does. GIF goes in pictures with its
    palettes: a frame of it says only what differs from the one before, which may be another piece's.
    """
    if output.codec in ("gif", "png"):
        return PICTURES
    if output.codec == "prores":
        return "mov"
    return "webm" if output.alpha else MP4


def decode_times(pts: list[int]) -> Iterator[int]:
    """Yield a decoding time for each packet, given the packets' times of display in decoding order.

    Ascending strictly, and never after the packet's own time: the times of display sorted, put off by as many frames as
    any packet is ahead of its place.
    """
    ordered = sorted(pts)
    places = {time: place for place, time in enumerate(ordered)}
    delay = max((number - places[time] for number, time in enumerate(pts)), default=0)
    step = ordered[1] - ordered[0] if len(ordered) > 1 else 1
    yield from (ordered[0] - (delay - number) * step for number in range(min(delay, len(pts))))
    yield from ordered[: len(ordered) - delay]
