"""Cuts stretches out of a video to the frame, and joins them: pictures and sound change at the same moments."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import OutputContainer

from tasks.contracts.shorts import Framing, Stretch
from tasks.edits.framing import output_size
from tasks.errors import InvalidInputError, PermanentError
from tasks.media.container import open_media
from tasks.media.limits import MediaLimits
from tasks.media.probe import find_video
from tasks.media.reframe import Reframer
from tasks.shorts.copier import CannotCopyError, copy_pictures
from tasks.shorts.packets import Track, read_track
from tasks.shorts.soundtrack import SoundWriter, cut_sound
from tasks.shorts.watching import iter_frames
from tasks.transcripts.cuts import Span, TimeMap

CODING = {"preset": "superfast", "crf": "15"}
"""Near to the eye's limit: the clip is encoded once more, with captions. A fifth less work than ``veryfast``."""
SHORT_GOP_S = 1.0
Tick = Callable[[float], None]
Piece = tuple[Fraction, Fraction]
MP4 = {"movflags": "faststart"}


@dataclass(frozen=True)
class CutPlan:
    """What is cut: from ``start_s`` to ``end_s`` without ``cuts``, all in seconds of the source, framed anew or not.

    :param copies: where the picture stays as it is, take what can be taken without encoding it once more.
    :param later: frame only what has to be encoded anyhow; what can be copied stays as it is, for its next reader.
    """

    start_s: float
    end_s: float
    cuts: tuple[Span, ...] = ()
    framing: Framing | None = None
    widest: int = 1080
    rotation: int = 0
    copies: bool = True
    later: bool = False


@dataclass(frozen=True)
class CutClip:
    """What was written; ``kept`` begin and end at the exact times of frames.

    :param copied_frames: how many are the source's own packets, :param encoded_because: why that is none of them:
        ``framed`` anew, ``asked``, or what :class:`~tasks.shorts.copier.CannotCopyError` says.
    """

    width: int
    height: int
    frame_count: int
    duration_s: float
    kept: tuple[Stretch, ...]
    copied_frames: int = 0
    encoded_because: str = ""


def cut_clip(
    source: Path, out: Path, plan: CutPlan, *, limits: MediaLimits | None = None, tick: Tick | None = None
) -> CutClip:
    """Write the clip; raise ``shorts.nothing_left`` when no frame remains.

    A picture that stays as it is keeps its codec and its very packets, but for the edges; another becomes H.264. Sound
    is AAC, in WebM Opus. The container follows the name.
    :param tick: told how many seconds of the source were read.
    """
    track = read_track(source, limits)
    pieces = snap_to_frames(plan, track.times, track.step)
    if not pieces:
        raise InvalidInputError("shorts.nothing_left", "No frame remains between the cuts")
    try:
        why = "framed" if plan.framing and not plan.later else "" if plan.copies else "asked"
        if not why:
            try:
                return _copy(source, out, plan, pieces, track=track, limits=limits, tick=tick)
            except CannotCopyError as error:
                why = error.reason
        with av.open(str(out), "w", options=MP4 if out.suffix == ".mp4" else {}) as output:
            return _Writer(source, output, plan, pieces, limits).write(tick, why)
    except BaseException:
        out.unlink(missing_ok=True)
        raise


def _copy(
    source: Path,
    out: Path,
    plan: CutPlan,
    pieces: list[Piece],
    *,
    track: Track,
    limits: MediaLimits | None,
    tick: Tick | None,
) -> CutClip:
    copied = copy_pictures(source, out, pieces, track=track, rotation=plan.rotation, limits=limits, tick=tick)
    kept = tuple(Stretch(float(start), float(end)) for start, end in pieces)
    length_s = float(sum((end - start for start, end in pieces), Fraction(0)))
    return CutClip(copied.width, copied.height, copied.frame_count, length_s, kept, copied.copied_frames)


def snap_to_frames(plan: CutPlan, times: Sequence[Fraction], step: Fraction) -> list[Piece]:
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
        pieces: list[Piece],
        limits: MediaLimits | None,
    ) -> None:
        self._source, self._output, self._plan, self._pieces, self._limits = source, output, plan, pieces, limits
        self._starts = [start for start, _ in pieces]
        lengths = [end - start for start, end in pieces]
        self._offsets = [sum(lengths[:number], Fraction(0)) for number in range(len(pieces) + 1)]
        self._video: Any = None
        self._frames = 0

    def write(self, tick: Tick | None, why: str) -> CutClip:
        """Write pictures, and sound as far as they are."""
        samples = cut_sound(self._source, self._pieces, self._limits)
        sound = None if samples is None else SoundWriter(self._output, samples)
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
        length_s = float(self._offsets[-1])
        return CutClip(self._video.width, self._video.height, self._frames, length_s, kept, encoded_because=why)

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
            yield at, reframer.frame(frame, t)

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
        if self._plan.framing is None and self._plan.rotation:
            video.set_display_rotation(-self._plan.rotation)
        context = video.codec_context
        context.time_base = Fraction(1, 90_000)
        context.colorspace, context.color_range, context.color_primaries, context.color_trc = _tags(frame)
        return video


def _tags(frame: av.VideoFrame) -> tuple[int, int, int, int]:
    return int(frame.colorspace), int(frame.color_range), int(frame.color_primaries), int(frame.color_trc)
