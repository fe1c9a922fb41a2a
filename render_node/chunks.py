"""One piece of a long video: its frames drawn and encoded on their own, beginning with a key frame, without sound."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from render_node.decode import Decoder, choose_decoder, decode_safely
from render_node.drawing import Drawing
from render_node.encode.writer import FileWriter
from render_node.footage import Footage, frame_times, time_of
from render_node.frames.browser import browser_ahead
from render_node.lanes import Lane, Outlet, Pace
from render_node.receipt import Job, build_receipt
from render_node.render import Extras, hold_for, prepare, rate_of, read_scenario
from tasks.config import WorkerSettings
from tasks.contracts import RenderOutput, RenderReceipt, SoundOutput
from tasks.media.container import open_media, packets_of
from tasks.media.limits import MediaLimits, limits_of
from tasks.media.probe import find_video
from tasks.workflows.chunks import Span

CHUNK_CONTAINER = "mp4"
"""Pieces lie in MP4 whatever they are for: it keeps times exactly and holds every codec that can be joined."""


@dataclass(frozen=True)
class Chunk:
    """A piece that was rendered; one without frames has no file and no receipt.

    :param first: time of its first frame in ``time_base``; in the file that frame is at 0.
    """

    frames: int
    first: int = 0
    time_base: Fraction = Fraction(1)
    receipt: RenderReceipt | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        receipt = self.receipt.to_json() if self.receipt else None
        return {"frames": self.frames, "first": self.first, "time_base": str(self.time_base), "receipt": receipt}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Chunk:
        """Read what :meth:`to_json` wrote."""
        receipt = RenderReceipt.from_json(data["receipt"]) if data["receipt"] else None
        return cls(data["frames"], data["first"], Fraction(data["time_base"]), receipt)


class ChunkWriter(FileWriter):
    """Writes frames from 0 on, and remembers where the first one really was."""

    first: int | None = None
    time_base = Fraction(1)

    def write_frame(self, frame: av.VideoFrame) -> None:
        """Encode one frame; it leaves with the time that it came with."""
        assert frame.pts is not None and frame.time_base is not None
        if self.first is None:
            self.first, self.time_base = frame.pts, frame.time_base
        pts = frame.pts
        frame.pts = pts - self.first
        super().write_frame(frame)
        frame.pts = pts


class SpanPace(Pace):
    """The pace of the whole video, as far as it falls into a span."""

    def __init__(self, times: list[float], fps: str, source_rate: Fraction, span: Span) -> None:
        super().__init__(times, fps, source_rate)
        if not self.is_even:
            self.times = [t for t in times if span.holds(t)]
            return
        first, stop = span.numbers(self.rate)
        self._next = self._next if first is None else max(self._next, first)
        self._stop = self._stop if stop is None else min(self._stop, stop)
        self.times = [float(number / self.rate) for number in range(self._next, self._stop)]


class SpanFootage(Footage):
    """The frames of an open file up to a span's end."""

    def read(self, span: Span, *, seek: bool) -> Iterator[av.VideoFrame]:
        """Yield decoded frames from the file's beginning, or from the key frame before the span where that is known."""
        if seek:
            at = self.zero + Fraction(span.start_ms, 1000)
            self.container.seek(int(at / self._clock.time_base), stream=self.stream, backward=True)
        for packet in packets_of(self.container, self.stream):
            if seek and packet.pts is None and self._last is None:
                return  # without a time of its own nobody knows where this is
            for frame in self._decode(packet):
                if span.is_past(time_of(frame)):
                    return
                yield frame


class SpanFrames:
    """The frames of a span, some before it perhaps; ``dropped`` counts those that could not be used.

    :param first_s: the latest time in seconds that the first frame may have. Where seeking leads behind it, as it does
        in streams without an index, the file is read from its beginning.
    """

    def __init__(self, source: Path, limits: MediaLimits, span: Span, first_s: float, decoder: Decoder) -> None:
        self._source, self._limits, self._span, self._first_s = source, limits, span, first_s
        self._decoder = decoder
        self.dropped = 0

    def __iter__(self) -> Iterator[av.VideoFrame]:
        for seek in (True, False) if self._span.start_ms else (False,):
            with open_media(self._source, self._limits, acceleration=self._decoder.acceleration()) as container:
                footage = SpanFootage(container)
                frames = footage.read(self._span, seek=seek)
                first = next(frames, None)
                if seek and (first is None or time_of(first) > self._first_s):
                    continue
                if first is not None:
                    yield first
                for frame in frames:
                    yield frame
                    self.dropped = footage.dropped
                return


def render_chunk(
    source: Path,
    scenario: dict[str, Any],
    out: Path,
    *,
    span: Span,
    output: RenderOutput,
    settings: WorkerSettings,
    extras: Extras | None = None,
) -> Chunk:
    """Draw and encode the frames of a span into ``out``, an MP4 without sound.

    The encoder starts afresh, so the first frame is a key frame that nothing before it is needed for.

    :param scenario: the whole one, or what of it is seen in this span.
    Errors: ``scenario.* media.* render.* browser.*``.
    """
    extras, started = extras or Extras(), time.monotonic()
    parsed = read_scenario(scenario)
    silent = replace(output, sound=SoundOutput(mute=True))
    with browser_ahead(settings.chromium):
        job = prepare(source, parsed, [(out, silent)], settings=settings, extras=extras)
        chunk = _render(source, job, out, span=span, settings=settings, extras=extras)
    job.timings_s["total"] = round(time.monotonic() - started, 3)
    return chunk


def _render(source: Path, job: Job, out: Path, *, span: Span, settings: WorkerSettings, extras: Extras) -> Chunk:
    with open_media(source, limits_of(settings)) as container:
        stream = find_video(container)
        assert stream is not None
        times = frame_times(container, stream)
    target = job.targets[0]
    pace = SpanPace(times, target.look.fps, rate_of(job, times), span)
    if not pace.times:
        return Chunk(0)
    job.expected_frames = len(pace.times)

    def work(decoder: Decoder) -> Chunk:
        job.decoder = decoder
        return _encode(source, job, out, span=span, pace=pace, settings=settings, extras=extras)

    try:
        return decode_safely(choose_decoder(job.video, settings), work)
    except BaseException:
        out.unlink(missing_ok=True)
        raise


def _encode(
    source: Path, job: Job, out: Path, *, span: Span, pace: Pace, settings: WorkerSettings, extras: Extras
) -> Chunk:
    target = job.targets[0]
    with ExitStack() as stack:
        drawing = Drawing(job.script, pace.times, target.look.size)
        stack.callback(drawing.close)
        lane = Lane(target.look, drawing, pace, shares=False)
        stack.enter_context(hold_for(job, settings, extras.progress))
        writer = ChunkWriter(out, CHUNK_CONTAINER, target.choice)
        stack.enter_context(writer)
        outlet = Outlet(target, writer)
        lane.outlets.append(outlet)
        footage = SpanFrames(source, limits_of(settings), span, pace.times[0], job.decoder)
        for number, frame in enumerate(footage):
            if number == 0:
                lane.prepare(frame)
                drawing.start()
            if pace.is_even or span.holds(time_of(frame)):
                lane.take(frame)
            if extras.progress:
                extras.progress(min(lane.frames, len(pace.times)), len(pace.times), "frames")
        lane.finish()
        writer.finish()
        job.dropped_frames = footage.dropped
        receipt = build_receipt(job, target, lane, outlet)
    return Chunk(lane.frames, writer.first or 0, writer.time_base, receipt)
