"""One piece of a long video: its frames drawn and encoded on their own, beginning with a key frame, without sound.

Several outputs get a piece each: the footage is decoded once for all, and what looks alike is drawn once.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import av

from render_node.decode import Decoder, choose_decoder, decode_safely
from render_node.encode.pictures import PictureWriter
from render_node.encode.settings import EncoderChoice
from render_node.encode.writer import FileWriter
from render_node.footage import Footage, frame_times, time_of
from render_node.frames.browser import browser_ahead
from render_node.lanes import Lane, Outlet, Pace, Target
from render_node.passes import Progress
from render_node.receipt import Job, build_receipt
from render_node.render import Extras, hold_for, plan_lanes, prepare, read_scenario
from tasks.config import WorkerSettings
from tasks.contracts import RenderOutput, RenderReceipt, SoundOutput
from tasks.media.container import open_media, packets_of
from tasks.media.limits import MediaLimits, limits_of
from tasks.media.probe import find_video
from tasks.workflows.chunks import PICTURES, Span, piece_form

KEEP_TIMES = frozenset({"mp4", "mov"})
"""Forms of pieces whose files keep times in any clock; WebM rounds to milliseconds, pictures have none."""


@dataclass(frozen=True)
class Chunk:
    """A piece that was rendered; one without frames has no file and no receipt.

    :param first: time of its first frame in ``time_base``; in the file that frame is at 0.
    :param shown: times of all frames after the first one's, where the file does not keep them exactly.
    """

    frames: int
    first: int = 0
    time_base: Fraction = Fraction(1)
    receipt: RenderReceipt | None = None
    shown: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        receipt = self.receipt.to_json() if self.receipt else None
        times = {"first": self.first, "time_base": str(self.time_base), "shown": list(self.shown)}
        return {"frames": self.frames, **times, "receipt": receipt}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Chunk:
        """Read what :meth:`to_json` wrote."""
        receipt = RenderReceipt.from_json(data["receipt"]) if data["receipt"] else None
        shown = tuple(data.get("shown", ()))
        return cls(data["frames"], data["first"], Fraction(data["time_base"]), receipt, shown)


class ChunkTimes:
    """Remembers when the frames of a piece are really shown."""

    def __init__(self) -> None:
        self.time_base = Fraction(1)
        self.pts: list[int] = []

    def note(self, frame: av.VideoFrame) -> int:
        """Add a frame; return how long after the first one it is shown, in ``time_base``."""
        assert frame.pts is not None and frame.time_base is not None
        self.time_base = frame.time_base
        self.pts.append(frame.pts)
        return frame.pts - self.pts[0]


class ChunkWriter(FileWriter):
    """Writes frames from 0 on, and remembers where the first one really was."""

    def __init__(self, path: Path, form: str, choice: EncoderChoice) -> None:
        super().__init__(path, form, choice)
        self.times = ChunkTimes()

    def write_frame(self, frame: av.VideoFrame) -> None:
        """Encode one frame; it leaves with the time that it came with."""
        pts = frame.pts
        frame.pts = self.times.note(frame)
        super().write_frame(frame)
        frame.pts = pts


class ChunkPictures(PictureWriter):
    """Writes the frames of a piece as pictures of the very pixels that its encoder would have got."""

    def __init__(self, path: Path, choice: EncoderChoice) -> None:
        super().__init__(path, choice)
        self.times = ChunkTimes()

    def write_frame(self, frame: av.VideoFrame) -> None:
        """Encode one frame."""
        self.times.note(frame)
        super().write_frame(frame)


PieceWriter = ChunkWriter | ChunkPictures


def open_piece(target: Target) -> PieceWriter:
    """Open the file of an output's piece."""
    assert target.path is not None
    form = piece_form(target.output)
    return (
        ChunkPictures(target.path, target.choice) if form == PICTURES else ChunkWriter(target.path, form, target.choice)
    )


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
    """Draw and encode the frames of a span into ``out`` for one output; as :func:`render_chunks`."""
    [chunk] = render_chunks(source, scenario, [(out, output)], span=span, settings=settings, extras=extras)
    assert chunk is not None
    return chunk


def render_chunks(
    source: Path,
    scenario: dict[str, Any],
    outputs: Sequence[tuple[Path | None, RenderOutput]],
    *,
    span: Span,
    settings: WorkerSettings,
    extras: Extras | None = None,
) -> list[Chunk | None]:
    """Draw and encode the frames of a span for each output, without sound, into a file of its ``piece_form``.

    Encoders start afresh, so the first frame is a key frame that nothing before it is needed for.

    :param scenario: the whole one, or what of it is seen in this span.
    :param outputs: all of the order, since they share a card's encoders; what has no path is not made, and is None.
    Errors: ``scenario.* media.* render.* browser.*``; nothing is left at any path then.
    """
    extras, started = extras or Extras(), time.monotonic()
    parsed = read_scenario(scenario)
    silent = [(path, replace(output, sound=SoundOutput(mute=True))) for path, output in outputs]
    with browser_ahead(settings.chromium):
        job = prepare(source, parsed, silent, settings=settings, extras=extras)
        job.targets = [target for target in job.targets if target.path is not None]
        made = iter(_render(source, job, span=span, settings=settings, extras=extras))
    job.timings_s["total"] = round(time.monotonic() - started, 3)
    return [None if path is None else next(made) for path, _ in outputs]


def _render(source: Path, job: Job, *, span: Span, settings: WorkerSettings, extras: Extras) -> list[Chunk]:
    with open_media(source, limits_of(settings)) as container:
        stream = find_video(container)
        assert stream is not None
        times = frame_times(container, stream)

    def work(decoder: Decoder) -> list[Chunk]:
        job.decoder = decoder
        return _encode(source, job, times, span=span, settings=settings, extras=extras)

    try:
        return decode_safely(choose_decoder(job.video, settings), work)
    except BaseException:
        for target in job.targets:
            if target.path is not None:
                target.path.unlink(missing_ok=True)
        raise


def _encode(
    source: Path, job: Job, times: list[float], *, span: Span, settings: WorkerSettings, extras: Extras
) -> list[Chunk]:
    planned = plan_lanes(job, times, pace=partial(SpanPace, span=span))
    lanes = [lane for lane in dict.fromkeys(planned.values()) if lane.pace.times]
    if not lanes:
        return [Chunk(0) for _ in job.targets]
    job.expected_frames = sum(len(lane.pace.times) for lane in lanes)
    with ExitStack() as stack:
        for lane in lanes:
            stack.callback(lane.drawing.close)
        stack.enter_context(hold_for(job, settings, extras.progress))
        writers: dict[int, PieceWriter] = {}
        for number, target in enumerate(job.targets):
            if planned[number].pace.times:
                writers[number] = open_piece(target)
                stack.enter_context(writers[number])
                planned[number].outlets.append(Outlet(target, writers[number]))
        first_s = min(lane.pace.times[0] for lane in lanes)
        footage = SpanFrames(source, limits_of(settings), span, first_s, job.decoder)
        draw(footage, lanes, span, progress=extras.progress)
        for writer in writers.values():
            writer.finish()
        job.dropped_frames = footage.dropped
        return [
            describe(job, target, planned[number], writers.get(number)) for number, target in enumerate(job.targets)
        ]


def draw(footage: SpanFrames, lanes: list[Lane], span: Span, *, progress: Progress | None) -> None:
    """Let the lanes draw and write what falls into a span."""
    total = sum(len(lane.pace.times) for lane in lanes)
    for number, frame in enumerate(footage):
        if number == 0:
            start(lanes, frame)
        is_inside = span.holds(time_of(frame))
        for lane in lanes:
            if is_inside or lane.pace.is_even:
                lane.take(frame)
        if progress:
            progress(min(sum(lane.frames for lane in lanes), total), total, "frames")
    for lane in lanes:
        lane.finish()


def start(lanes: list[Lane], first: av.VideoFrame) -> None:
    """Begin drawing, once all lanes have learned what they need of the first frame."""
    for lane in lanes:
        lane.prepare(first)
    for lane in lanes:
        lane.drawing.start()


def describe(job: Job, target: Target, lane: Lane, writer: PieceWriter | None) -> Chunk:
    """Return what became of one output's piece."""
    if writer is None:
        return Chunk(0)
    receipt, times = build_receipt(job, target, lane, Outlet(target, writer)), writer.times
    first = times.pts[0] if times.pts else 0
    is_exact = piece_form(target.output) in KEEP_TIMES
    shown = () if is_exact else tuple(pts - first for pts in times.pts)
    return Chunk(lane.frames, first, times.time_base, receipt, shown)
