"""Cuts a clip out of a video without encoding it: packets are copied, frames at the edges alone are encoded.

What is written is then read again around each seam: a copied frame that decodes to anything else than in the source
makes the whole attempt void, so that nobody gets a picture that broke at a cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
from av.codec.context import Flags
from av.container import OutputContainer

from tasks.errors import PermanentError
from tasks.media.avc import StrayReferenceError
from tasks.media.container import open_media, packets_of
from tasks.media.limits import MediaLimits
from tasks.media.nals import BoxError
from tasks.media.priority import ordinary_priority
from tasks.media.probe import find_video
from tasks.shorts.forms import Form
from tasks.shorts.packets import Track
from tasks.shorts.runs import Run, plan_runs
from tasks.shorts.seams import CannotCopyError, Placed, check_seams
from tasks.shorts.soundtrack import SoundWriter, cut_sound
from tasks.workflows.chunks import decode_times

__all__ = ["CannotCopyError", "Copied", "copy_pictures"]

Tick = Callable[[float], None]
_ENCODABLE = {
    "libx264": {"yuv420p", "yuvj420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p10le"},
    "libx265": {"yuv420p", "yuvj420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p10le"},
    "libvpx-vp9": {"yuv420p", "yuv422p", "yuv444p", "yuv420p10le"},
    "libsvtav1": {"yuv420p", "yuv420p10le"},
}


@dataclass(frozen=True)
class Copied:
    """What was written."""

    width: int
    height: int
    frame_count: int
    copied_frames: int


def copy_pictures(
    source: Path,
    out: Path,
    pieces: Sequence[tuple[Fraction, Fraction]],
    *,
    track: Track,
    rotation: int = 0,
    limits: MediaLimits | None = None,
    tick: Tick | None = None,
) -> Copied:
    """Write the pieces, pairs of exact times of frames in seconds, with their sound; nothing is left where it fails.

    :param rotation: degrees clockwise by which the source is shown, :param tick: told seconds of the source.
    Raises CannotCopyError, after which all of it can still be encoded.
    """
    form = track.form
    if form is None:
        raise CannotCopyError(track.problem)
    placed = _place(track, pieces)
    if not any(each.run.is_copied for each in placed):
        raise CannotCopyError("open_gop" if track.odd_keys else "no_key_frame")
    try:
        job = _Job(source, track, form, placed, limits)
        made = job.write(out, cut_sound(source, pieces, limits), rotation=rotation, tick=tick)
        check_seams(source, out, track, placed, limits)
        return made
    except StrayReferenceError as error:
        raise CannotCopyError("open_gop") from error
    except (av.error.FFmpegError, BoxError, PermanentError) as error:
        raise CannotCopyError("packets") from error


def _place(track: Track, pieces: Sequence[tuple[Fraction, Fraction]]) -> list[Placed]:
    """Return the runs of all pieces, each with how far it moves on its way into the clip."""
    placed, length = [], Fraction(0)
    for start, end in pieces:
        first, stop = (round((time + track.zero) / track.base) for time in (start, end))
        shift = round(length / track.base) - first
        placed += [Placed(run, shift) for run in plan_runs(track.samples, first, stop)]
        length += end - start
    return placed


class _Job:
    """One clip while it is written."""

    def __init__(
        self, source: Path, track: Track, form: Form, placed: list[Placed], limits: MediaLimits | None
    ) -> None:
        self._source, self._track, self._form, self._placed, self._limits = source, track, form, placed, limits
        order = [pts for each in placed for pts in self._order(each)]
        self._pts, self._dts = order, list(decode_times(order))
        self._is_mixed = len(placed) > 1
        self._is_open = any(each.run.is_copied and track.samples[each.run.packets[0]].is_open for each in placed)
        self._header: bytes | None = None

    def write(self, out: Path, samples: Any, *, rotation: int, tick: Tick | None) -> Copied:
        options = {"movflags": "faststart"} if out.suffix == ".mp4" else {}
        with (
            open_media(self._source, self._limits) as container,
            av.open(str(out), "w", options=options) as output,
        ):
            packets = self._packets(container)
            first = next(packets)
            stream = self._declare(container, output, rotation)
            sound = None if samples is None else SoundWriter(output, samples)
            for number, packet in enumerate(_chain(first, packets)):
                packet.stream, packet.time_base = stream, self._track.base
                packet.pts, packet.dts = self._pts[number], self._dts[number]
                packet.duration = round(self._track.step / self._track.base)
                at_s = float(self._dts[number] * self._track.base)
                if tick:
                    tick(max(0.0, at_s))
                output.mux(packet)
                if sound:
                    sound.write_until(at_s)
            if sound:
                sound.finish()
            copied = sum(len(each.run.pts) for each in self._placed if each.run.is_copied)
            return Copied(stream.codec_context.width, stream.codec_context.height, len(self._pts), copied)

    def _order(self, each: Placed) -> list[int]:
        """Return the clip's times of a run in the order of decoding."""
        if not each.run.is_copied:
            return [pts + each.shift for pts in each.run.pts]
        return [self._track.samples[place].pts + each.shift for place in each.run.packets]

    def _declare(self, container: Any, output: OutputContainer, rotation: int) -> Any:
        template: Any = find_video(container)
        try:
            stream: Any = output.add_stream_from_template(template, opaque=True)
        except ValueError as error:
            raise CannotCopyError("container") from error
        stream.time_base = self._track.base
        if self._header is None and self._is_open:
            self._header = self._form.header(b"", is_open=True)
        if self._header is not None:
            stream.codec_context.extradata = self._header
        if self._is_mixed and self._form.tag and output.format.name == "mp4":
            stream.codec_context.codec_tag = self._form.tag
        if rotation:
            stream.set_display_rotation(-rotation)
        return stream

    def _packets(self, container: Any) -> Iterator[av.Packet[Any]]:
        """Yield all packets, in order; the encoder's are made before the first is given, since it tells the header."""
        edges = {n: self._encode(container, each.run) for n, each in enumerate(self._placed) if not each.run.is_copied}
        for number, each in enumerate(self._placed):
            yield from edges[number] if number in edges else self._copy(container, each.run, is_first=number == 0)

    def _copy(self, container: Any, run: Run, *, is_first: bool) -> Iterator[av.Packet[Any]]:
        stream: Any = find_video(container)
        samples = self._track.samples
        first = samples[run.packets[0]]
        container.seek(first.pts, stream=stream)
        wanted = iter(run.packets)
        due: int | None = next(wanted)
        change: Callable[[bytes], bytes] | None = None
        for packet in packets_of(container, stream):
            if due is None:
                return
            if packet.pts != samples[due].pts or not packet.size:
                continue
            if packet.pts == first.pts:
                change = self._form.follow(bytes(packet)) if first.is_open else None
                if change or not is_first:
                    packet = _packet(self._form.begin(bytes(packet)), is_key=True)
            elif change:
                packet = _packet(change(bytes(packet)), is_key=packet.is_keyframe)
            yield packet
            due = next(wanted, None)
        if due is not None:
            raise CannotCopyError("packets")

    def _encode(self, container: Any, run: Run) -> list[av.Packet[Any]]:
        encoder: Any = None
        packets: list[av.Packet[Any]] = []
        for frame in self._decode(container, run):
            if encoder is None:
                encoder = self._open(frame, find_video(container))
            frame.time_base, frame.pict_type = self._track.base, 0
            packets += encoder.encode(frame)
        packets += encoder.encode(None) if encoder else []
        if [packet.pts for packet in packets] != list(run.pts):
            raise CannotCopyError("encoder")
        return [_packet(self._form.adopt(bytes(packet)), is_key=packet.is_keyframe) for packet in packets]

    def _decode(self, container: Any, run: Run) -> Iterator[av.VideoFrame]:
        stream: Any = find_video(container)
        # An entry may lie behind the frames wanted: whose leading frames they are needs what is before it.
        before = [each.pts for each in self._track.samples if each.is_entry and each.pts <= run.pts[0]]
        container.seek(before[-2] if len(before) > 1 else self._track.samples[0].pts, stream=stream)
        wanted = set(run.pts)
        for packet in packets_of(container, stream):
            for frame in packet.decode():
                if frame.pts in wanted:
                    wanted.discard(frame.pts)
                    yield frame
            if not wanted:
                return

    def _open(self, frame: av.VideoFrame, stream: Any) -> Any:
        if frame.interlaced_frame:
            raise CannotCopyError("interlaced")
        if frame.format.name not in _ENCODABLE[self._form.encoder]:
            raise CannotCopyError("encoder")
        encoder: Any = av.CodecContext.create(self._form.encoder, "w")
        encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, frame.format.name
        encoder.time_base, encoder.framerate = self._track.base, Fraction(stream.average_rate or 30)
        encoder.sample_aspect_ratio = stream.sample_aspect_ratio or Fraction(1)
        encoder.colorspace, encoder.color_range = int(frame.colorspace), int(frame.color_range)
        encoder.color_primaries, encoder.color_trc = int(frame.color_primaries), int(frame.color_trc)
        encoder.options = self._form.options
        if self._form.encoder == "libx264":
            encoder.flags |= Flags.global_header
        with ordinary_priority():
            encoder.open()
        header = self._form.header(encoder.extradata or b"", is_open=self._is_open)
        if self._header not in (None, header):
            raise CannotCopyError("header")
        self._header = header
        return encoder


def _packet(data: bytes, *, is_key: bool) -> av.Packet[Any]:
    packet: av.Packet[Any] = av.Packet(data)
    packet.is_keyframe = is_key
    return packet


def _chain(first: av.Packet[Any], rest: Iterator[av.Packet[Any]]) -> Iterator[av.Packet[Any]]:
    yield first
    yield from rest
