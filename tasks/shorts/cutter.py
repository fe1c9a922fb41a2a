"""Cuts stretches out of a video to the frame, and joins them: pictures and sound change at the same moments."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.container import OutputContainer
from numpy.typing import NDArray

from tasks.contracts.shorts import Framing, Stretch
from tasks.errors import InvalidInputError, PermanentError
from tasks.media.container import media_start, open_media
from tasks.media.limits import MediaLimits
from tasks.media.probe import find_video
from tasks.shorts.reframe import Reframer, output_size
from tasks.shorts.watching import iter_frames
from tasks.transcripts.cuts import Span, TimeMap

RATE, CHANNELS = 48_000, 2
BLOCK = 1024
EDGE_S = 0.005
"""Sound rises and falls within this time at a cut, so that none clicks."""
CODING = {"preset": "veryfast", "crf": "14"}
"""Near to the eye's limit: the clip is encoded once more, with captions."""
SHORT_GOP_S = 1.0
DRIFT_S = 0.04
"""Timestamps that differ by less are rounded ones; the sound goes on without a seam."""
Tick = Callable[[float], None]
Stereo = NDArray[np.float32]


@dataclass(frozen=True)
class CutPlan:
    """What is cut: from ``start_s`` to ``end_s`` without ``cuts``, all in seconds of the source, framed anew or not."""

    start_s: float
    end_s: float
    cuts: tuple[Span, ...] = ()
    framing: Framing | None = None
    widest: int = 1080
    rotation: int = 0


@dataclass(frozen=True)
class CutClip:
    """What was written; ``kept`` begin and end at the exact times of frames."""

    width: int
    height: int
    frame_count: int
    duration_s: float
    kept: tuple[Stretch, ...]


def cut_clip(
    source: Path, out: Path, plan: CutPlan, *, limits: MediaLimits | None = None, tick: Tick | None = None
) -> CutClip:
    """Write the clip as mp4 (H.264, AAC); raise ``shorts.nothing_left`` when no frame remains.

    :param tick: told how many seconds of the source were read.
    """
    times, step = frame_times(source, limits)
    pieces = snap_to_frames(plan, times, step)
    if not pieces:
        raise InvalidInputError("shorts.nothing_left", "No frame remains between the cuts")
    try:
        with av.open(str(out), "w", options={"movflags": "faststart"}) as output:
            return _Writer(source, output, plan, pieces, limits).write(tick)
    except BaseException:
        out.unlink(missing_ok=True)
        raise


def frame_times(path: Path, limits: MediaLimits | None = None) -> tuple[list[Fraction], Fraction]:
    """Return the exact time of every frame and the usual time between two; raise ``shorts.no_video``."""
    with open_media(path, limits) as container:
        stream = find_video(container)
        if stream is None:
            raise PermanentError("shorts.no_video", "The file has no pictures")
        zero, base = media_start(container), stream.time_base or Fraction(1, av.time_base)
        times = sorted({p.pts * base - zero for p in container.demux(stream) if p.size and p.pts is not None})
        return times, 1 / Fraction(stream.average_rate or 30)


def snap_to_frames(plan: CutPlan, times: Sequence[Fraction], step: Fraction) -> list[tuple[Fraction, Fraction]]:
    """Return what is kept as pairs of exact times: of its first frame, and of the first that is not shown any more."""
    outside = [*plan.cuts]
    if plan.start_s > 0:
        outside.append(Span(-1.0, plan.start_s))
    edges = [*times, times[-1] + step] if times else []
    pieces = []
    for span in TimeMap.of(outside, plan.end_s).kept:
        first = bisect.bisect_left(edges, Fraction(span.start) - step / 2)
        last = bisect.bisect_left(edges, Fraction(span.end) - step / 2)
        if first < len(edges) - 1 and last > first:
            pieces.append((edges[first], edges[min(last, len(edges) - 1)]))
    return pieces


class _Writer:
    """One clip while it is written."""

    def __init__(
        self,
        source: Path,
        output: OutputContainer,
        plan: CutPlan,
        pieces: list[tuple[Fraction, Fraction]],
        limits: MediaLimits | None,
    ) -> None:
        self._source, self._output, self._plan, self._pieces, self._limits = source, output, plan, pieces, limits
        self._starts = [start for start, _ in pieces]
        lengths = [end - start for start, end in pieces]
        self._offsets = [sum(lengths[:number], Fraction(0)) for number in range(len(pieces) + 1)]
        self._video: Any = None
        self._frames = 0

    def write(self, tick: Tick | None) -> CutClip:
        """Write pictures, and sound as far as they are."""
        sound = self._sound()
        for at, frame in self._pictures(tick):
            self._encode(frame, at)
            if sound:
                sound.write_until(float(at))
        if not self._frames:
            raise PermanentError("media.damaged", "Not one frame of the stretch can be decoded")
        self._output.mux(self._video.encode(None))
        if sound:
            sound.finish()
        kept = tuple(Stretch(float(start), float(end)) for start, end in self._pieces)
        return CutClip(self._video.width, self._video.height, self._frames, float(self._offsets[-1]), kept)

    def _pictures(self, tick: Tick | None) -> Iterator[tuple[Fraction, av.VideoFrame]]:
        """Yield what is kept, framed, with its time in the clip."""
        reframer: Reframer | None = None
        start_s, end_s = float(self._pieces[0][0]), float(self._pieces[-1][1])
        for t, frame in iter_frames(self._source, self._limits, start_s=start_s, end_s=end_s - 1e-6):
            at = self._place(t)
            if tick:
                tick(t - start_s)
            if at is None:
                continue
            if self._plan.framing is None:
                yield at, frame
                continue
            if reframer is None:
                reframer = Reframer(self._plan.framing, self._size(frame), rotation=self._plan.rotation)
            tags = _tags(frame)
            yield at, _tag(reframer.frame(frame, t), tags)

    def _place(self, t: float) -> Fraction | None:
        """Return where a frame is in the clip, or None when it is cut away."""
        exact = Fraction(t).limit_denominator(1_000_000)
        number = bisect.bisect_right([float(start) - 1e-5 for start in self._starts], t) - 1
        if number < 0 or t >= float(self._pieces[number][1]) - 1e-5:
            return None
        return self._offsets[number] + max(Fraction(0), exact - self._pieces[number][0])

    def _size(self, frame: av.VideoFrame) -> tuple[int, int]:
        assert self._plan.framing is not None
        turned = self._plan.rotation in (90, 270)
        shown = (frame.height, frame.width) if turned else (frame.width, frame.height)
        return output_size(self._plan.framing, *shown, widest=self._plan.widest)

    def _encode(self, frame: av.VideoFrame, at: Fraction) -> None:
        if self._video is None:
            self._video = self._open(frame)
        frame.pts, frame.time_base = round(at * 90_000), Fraction(1, 90_000)
        frame.pict_type = 0
        self._output.mux(self._video.encode(frame))
        self._frames += 1

    def _open(self, frame: av.VideoFrame) -> Any:
        with open_media(self._source, self._limits) as container:
            stream = find_video(container)
            rate = Fraction((stream and stream.average_rate) or 30).limit_denominator(1001)
        gop = {"g": str(max(1, round(rate * Fraction(SHORT_GOP_S))))}
        video: Any = self._output.add_stream("libx264", rate=rate, options={**CODING, **gop})
        deep = "10" in frame.format.name
        video.width, video.height = frame.width // 2 * 2, frame.height // 2 * 2
        video.pix_fmt = "yuv420p10le" if deep else "yuv420p"
        context = video.codec_context
        context.time_base = Fraction(1, 90_000)
        context.colorspace, context.color_range, context.color_primaries, context.color_trc = _tags(frame)
        return video

    def _sound(self) -> _Sound | None:
        span = self._pieces[0][0], self._pieces[-1][1]
        samples = read_stereo(self._source, *span, self._limits)
        if samples is None:
            return None
        edges = [round(offset * RATE) for offset in self._offsets]
        parts = []
        for (start, _), first, last in zip(self._pieces, edges, edges[1:], strict=False):
            at = round((start - span[0]) * RATE)
            parts.append(_soften(samples[at : at + last - first]))
        return _Sound(self._output, np.concatenate(parts))


class _Sound:
    """The sound of a clip, written as far as the pictures are."""

    def __init__(self, output: OutputContainer, samples: Stereo) -> None:
        self._output, self._samples, self._at = output, samples, 0
        self._stream: Any = output.add_stream("aac", rate=RATE, layout="stereo")
        self._stream.bit_rate = 192_000

    def write_until(self, time_s: float) -> None:
        while self._at < len(self._samples) and self._at / RATE <= time_s + 0.5:
            block = self._samples[self._at : self._at + BLOCK]
            frame = AudioFrame.from_ndarray(np.ascontiguousarray(block.T), format="fltp", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = RATE, self._at, Fraction(1, RATE)
            self._output.mux(self._stream.encode(frame))
            self._at += len(block)

    def finish(self) -> None:
        self.write_until(float("inf"))
        self._output.mux(self._stream.encode(None))


def read_stereo(path: Path, start: Fraction, end: Fraction, limits: MediaLimits | None = None) -> Stereo | None:
    """Return (samples, 2) at 48 kHz of a stretch, silence where there is none; None without a sound track."""
    with open_media(path, limits) as container:
        if not container.streams.audio:
            return None
        stream = container.streams.audio[0]
        zero = media_start(container)
        made = np.zeros((round((end - start) * RATE), CHANNELS), np.float32)
        if start > 1:
            container.seek(int((start - 1 + zero) / (stream.time_base or Fraction(1, av.time_base))), stream=stream)
        resampler = AudioResampler(format="flt", layout="stereo", rate=RATE)
        at: int | None = None
        for frame in _sound_frames(container, stream):
            if frame.pts is None or frame.time_base is None:
                continue
            due = round((frame.pts * frame.time_base - zero - start) * RATE)
            if due >= len(made):
                break
            at = due if at is None or abs(due - at) > DRIFT_S * RATE else at
            frame.pts = None  # the resampler must not fill gaps by its own lights
            for piece in resampler.resample(frame):
                samples = np.asarray(piece.to_ndarray(), np.float32).reshape(-1, CHANNELS)
                _lay(made, samples, at)
                at += len(samples)
        return made


def _sound_frames(container: Any, stream: Any) -> Iterator[AudioFrame]:
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            continue  # what is missing is silence


def _lay(made: Stereo, piece: Stereo, at: int) -> None:
    first, last = max(at, 0), min(at + len(piece), len(made))
    if first < last:
        made[first:last] = piece[first - at : last - at]


def _soften(samples: Stereo) -> Stereo:
    count = min(round(EDGE_S * RATE), len(samples) // 2)
    ramp = np.linspace(0, 1, count, dtype=np.float32)[:, None]
    made = samples.copy()
    made[:count] *= ramp
    made[len(made) - count :] *= ramp[::-1]
    return made


def _tags(frame: av.VideoFrame) -> tuple[int, int, int, int]:
    return int(frame.colorspace), int(frame.color_range), int(frame.color_primaries), int(frame.color_trc)


def _tag(frame: av.VideoFrame, tags: tuple[int, int, int, int]) -> av.VideoFrame:
    frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc = tags
    return frame
