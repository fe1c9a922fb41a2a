"""Reading footage: packets, times, frames one after the other whatever the file's header says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from render_node.decode import planar
from tasks.errors import PermanentError
from tasks.media.container import media_start, packets_of
from tasks.media.probe import find_video

USUAL_RATE = Fraction(30)


def frame_times(container: InputContainer, stream: VideoStream) -> list[float]:
    """Return the time of every frame in seconds from the media's start, read from packets without decoding."""
    clock = FrameClock(container, stream)
    times = (float(clock.place(packet.pts)) for packet in packets_of(container, stream) if packet.size)
    found: list[float] = np.unique(np.fromiter(times, np.float64)).tolist()  # takes a tenth of a set's memory
    return found


class FrameClock:
    """Gives each frame its time from the media's start; a frame without one follows the last by a frame's length."""

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self.time_base = stream.time_base or Fraction(1, av.time_base)
        self._zero = round(media_start(container) / self.time_base)
        self._step = max(1, round(1 / ((stream.average_rate or USUAL_RATE) * self.time_base)))
        self._next = 0

    def tick(self, pts: int | None) -> int:
        """Return a time in units of ``time_base``, counted from the media's start."""
        ticks = self._next if pts is None else pts - self._zero
        self._next = ticks + self._step
        return ticks

    def place(self, pts: int | None) -> Fraction:
        """Return a time in seconds."""
        return self.tick(pts) * self.time_base


class Footage:
    """The frames of a file in order, each with its time, and the packets of its sound on the way.

    :param stop_s: frames from this time on are left out, :param start_s: and those before this one.
    :param shape: changes each frame, given with its time, before anybody sees it.
    """

    def __init__(
        self,
        container: InputContainer,
        *,
        start_s: Fraction | None = None,
        stop_s: Fraction | None = None,
        shape: Callable[[av.VideoFrame, Fraction], av.VideoFrame] | None = None,
    ) -> None:
        stream = find_video(container)
        assert stream is not None
        stream.thread_type = "AUTO"
        self.container, self.stream = container, stream
        self.dropped = 0
        self._clock = FrameClock(container, stream)
        self._start_s, self._stop_s, self._shape = start_s, stop_s, shape
        self._last: int | None = None

    @property
    def zero(self) -> Fraction:
        """What the file's clock shows at the media's start, in seconds."""
        return media_start(self.container)

    def __iter__(self) -> Iterator[av.VideoFrame | av.Packet[Any]]:
        """Yield decoded frames, their times counted from the media's start, and packets of sound, in the file's order.

        Raises ``media.damaged`` when not one frame can be decoded.
        """
        wanted = [self.stream, *self.container.streams.audio[:1]]
        for packet in packets_of(self.container, *wanted):
            if packet.stream is not self.stream:
                yield packet
                continue
            yield from self._decode(packet)
        if self._last is None:
            raise PermanentError("media.damaged", "Not one frame of the video can be decoded")

    def _decode(self, packet: av.Packet[Any]) -> Iterator[av.VideoFrame]:
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            self.dropped += 1
            return
        for frame in map(planar, frames):
            ticks = self._clock.tick(frame.pts)
            if self._last is not None and ticks <= self._last:
                self.dropped += 1  # no encoder takes two frames at one time
                continue
            self._last = ticks
            frame.pts, frame.time_base = ticks, self._clock.time_base
            t = ticks * self._clock.time_base
            if self._wants(t):
                yield self._shape(frame, t) if self._shape else frame

    def _wants(self, t: Fraction) -> bool:
        return (self._start_s is None or t >= self._start_s) and (self._stop_s is None or t < self._stop_s)


def time_of(frame: av.VideoFrame) -> Fraction:
    """Return the time in seconds of a frame from :class:`Footage`."""
    assert frame.pts is not None and frame.time_base is not None
    return frame.pts * frame.time_base
