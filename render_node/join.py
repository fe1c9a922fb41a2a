"""Putting the pieces of a long video together: packets as they are, times of the whole, sound from the source."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.video.stream import VideoStream

from render_node.encode.joined_pictures import PictureJoiner, pictures_in, read_picture
from render_node.encode.writer import TAGS, FileWriter
from render_node.footage import Footage, frame_times
from render_node.lanes import Outlet, Pace
from render_node.parts import Part, Timeline, build_timeline, check_alike, check_complete, packets_of_parts
from render_node.receipt import RENDERER, Job, recipe_of
from render_node.render import Extras, choose_poster_time, length_of, plan_mixes, prepare, rate_of, read_scenario
from render_node.sound import SoundFiles
from render_node.source_sound import AHEAD_S, MadeSound, SourceSound
from render_node.stills import Known, draw_pictures, encode_png
from tasks.config import WorkerSettings
from tasks.contracts import RenderOutput, RenderReceipt
from tasks.fonts import describe_fonts
from tasks.media.container import open_media, packets_of
from tasks.media.limits import limits_of
from tasks.media.probe import find_video
from tasks.workflows.chunks import PICTURES

PRORES = "prores_ks"
KEPT_CHECKS = ("encoder_fallback", "converted_from", "tone_mapped_from", "mastering", "mastering_lost")


class JoinWriter(FileWriter):
    """Writes packets of pictures that are encoded already."""

    def open_packets(self, template: VideoStream, time_base: Fraction) -> None:
        """Declare the picture as it is in a piece."""
        stream = self._container.add_stream_from_template(template, opaque=True)
        assert isinstance(stream, VideoStream)
        if self._choice.name in TAGS:
            stream.codec_context.codec_tag = TAGS[self._choice.name]
        elif self._choice.name == PRORES:
            stream.codec_context.codec_tag = template.codec_context.codec_tag  # it says which ProRes this is
        stream.time_base = time_base
        if self._choice.pixel_format == "yuva420p":
            stream.metadata["alpha_mode"] = "1"  # WebM has it beside the stream, which does not know
        self._video = stream

    def write_packet(self, packet: av.Packet[Any], *, pts: int, dts: int, time_base: Fraction) -> None:
        """Write a packet of the picture."""
        assert self._video is not None
        self.pictures.update(packet)
        duration_s = (packet.duration or 0) * (packet.time_base or Fraction(0))
        packet.stream = self._video
        packet.pts, packet.dts, packet.time_base = pts, dts, time_base
        packet.duration = round(duration_s / time_base)
        self._container.mux(packet)
        self.frames += 1

    def finish(self) -> None:
        """Flush the sound and write the index."""
        self._video = None
        super().finish()


Joined = FileWriter | PictureJoiner


def join_chunks(
    source: Path,
    scenario: dict[str, Any],
    parts: list[Part],
    out: Path,
    *,
    output: RenderOutput,
    settings: WorkerSettings,
    extras: Extras | None = None,
) -> RenderReceipt:
    """Join the pieces of a whole render, in order, and return the receipt of the whole.

    Raises ``render.chunks_differ`` when they were not made alike, ``render.chunks_incomplete`` when frames are missing
    or twice; nothing is left at ``out`` then.
    """
    extras, started = extras or Extras(), time.monotonic()
    job = prepare(source, read_scenario(scenario), [(out, output)], settings=settings, extras=extras)
    check_alike(parts)
    with open_media(source, limits_of(settings)) as container:
        stream = find_video(container)
        assert stream is not None
        times = frame_times(container, stream)
    pace = Pace(times, job.targets[0].look.fps, rate_of(job, times))
    job.expected_frames = len(pace.times)
    timeline = build_timeline(parts)
    check_complete(timeline, pace.times, dropped=sum(part.receipt.checks.get("dropped_frames", 0) for part in parts))
    files = SoundFiles(source if job.media.audio else None, extras.music, length_of(job, times), limits_of(settings))
    job.mixes = plan_mixes(job, files, extras.progress)
    try:
        if parts[0].form == PICTURES:
            writer: Joined = write_pictures(job, parts, timeline, pace.rate, extras=extras)
        else:
            writer = _write(source, job, parts, timeline, settings=settings, extras=extras)
    except BaseException:
        out.unlink(missing_ok=True)
        raise
    receipt = merge_receipts(job, parts, timeline, writer)
    if extras.poster is not None:
        wished_s = choose_poster_time(job.script.scenario, pace.times)
        shown_at = next((t for t in pace.times if t >= wished_s), pace.times[-1])
        receipt.checks["poster_at_s"] = draw_poster(source, job, extras.poster, shown_at, settings=settings)
    job.timings_s["total"] = round(time.monotonic() - started, 3)
    return receipt


def draw_poster(source: Path, job: Job, path: Path, t: float, *, settings: WorkerSettings) -> float:
    """Write a PNG of the frame that is shown at ``t`` seconds, as it went to the encoder; return its own time."""
    drawn = draw_pictures(
        job.script.scenario.document,
        [t],
        settings=settings,
        output=job.targets[0].output,
        source=source,
        known=Known(job.video),
    )
    path.write_bytes(encode_png(drawn.pictures[0]))
    return drawn.times[0]


def _write(
    source: Path, job: Job, parts: list[Part], timeline: Timeline, *, settings: WorkerSettings, extras: Extras
) -> JoinWriter:
    target = job.targets[0]
    assert target.path is not None
    writer = JoinWriter(target.path, target.output.container, replace(target.choice, name=parts[0].receipt.encoder))
    with ExitStack() as stack:
        stack.enter_context(writer)
        with av.open(str(parts[0].path)) as first:
            writer.open_packets(first.streams.video[0], timeline.time_base)
        footage = Footage(stack.enter_context(open_media(source, limits_of(settings))))
        track = SoundTrack(footage, job, Outlet(target, writer))
        times = zip(timeline.pts, timeline.dts, strict=True)
        for number, (packet, (pts, dts)) in enumerate(zip(packets_of_parts(parts), times, strict=True)):
            track.write(float(dts * timeline.time_base))
            writer.write_packet(packet, pts=pts, dts=dts, time_base=timeline.time_base)
            if extras.progress:
                extras.progress(number + 1, len(timeline.pts), "join")
        track.write(float("inf"))
        writer.finish()
    return writer


def write_pictures(job: Job, parts: list[Part], timeline: Timeline, rate: Fraction, *, extras: Extras) -> Joined:
    """Write the pictures of all pieces as one sequence, or as the GIF that they are the frames of."""
    target = job.targets[0]
    assert target.path is not None
    is_gif = target.output.container == "gif"
    writer: Joined = (
        FileWriter(target.path, "gif", target.choice) if is_gif else PictureJoiner(target.path, target.choice, rate)
    )
    pictures = (picture for part in parts for picture in pictures_in(part.path))
    with writer:
        for number, (picture, pts) in enumerate(zip(pictures, timeline.pts, strict=True)):
            if isinstance(writer, FileWriter):
                frame = read_picture(picture)
                frame.pts, frame.time_base = pts, timeline.time_base
                if number == 0:
                    writer.open_video(frame, rate=rate)
                writer.write_frame(frame)
            else:
                writer.write_picture(picture, pts * timeline.time_base)
            if extras.progress:
                extras.progress(number + 1, len(timeline.pts), "join")
        writer.finish()
    return writer


class SoundTrack:
    """The sound of the whole, written in step with the picture."""

    def __init__(self, footage: Footage, job: Job, outlet: Outlet) -> None:
        sound = outlet.target.output.sound
        self._packets: Iterator[av.Packet[Any]] = iter(())
        self._source = SourceSound(footage)
        self._mix: MadeSound | None = None
        self._reached_s = 0.0
        self._zero = footage.zero
        streams = footage.container.streams.audio
        if sound in job.mixes:
            self._mix = MadeSound(job.mixes[sound])
            self._mix.declare(outlet)
        elif not sound.mute and not sound.is_mixed and streams:
            self._source.declare(outlet)
            self._packets = packets_of(footage.container, streams[0])

    def write(self, until_s: float) -> None:
        """Write the sound up to a little after a time of the picture in seconds."""
        if self._mix is not None:
            self._mix.write(until_s)
        while self._reached_s < until_s + AHEAD_S:
            packet = next(self._packets, None)
            if packet is None:
                self._reached_s = float("inf")
                return
            self._source.take(packet, is_open=True)
            if packet.dts is not None and packet.time_base is not None:
                self._reached_s = float(packet.dts * packet.time_base - self._zero)


def merge_receipts(job: Job, parts: list[Part], timeline: Timeline, writer: Joined) -> RenderReceipt:
    """Write down what really happened to the whole."""
    first, target = parts[0].receipt, job.targets[0]
    shown = sorted(timeline.pts)
    frame_s = first.fps_den / first.fps_num
    end_s = float(shown[-1] * timeline.time_base) + frame_s
    begin_s = float(shown[0] * timeline.time_base)
    checks: dict[str, Any] = {
        **{name: first.checks[name] for name in KEPT_CHECKS if name in first.checks},
        "expected_frames": job.expected_frames,
        "chunks": len(parts),
    }
    if mix := job.mixes.get(target.output.sound):
        checks.update(mix.to_json())
    if dropped := sum(part.receipt.checks.get("dropped_frames", 0) for part in parts):
        checks["dropped_frames"] = dropped
    if writer.audio_mode != "none":
        checks["audio_minus_video_s"] = round(writer.audio_end_s - end_s, 4)
    return replace(
        first,
        recipe=recipe_of(job, replace(target, choice=replace(target.choice, name=first.encoder))),
        renderer=RENDERER,
        fonts=tuple(describe_fonts(job.script.scenario, job.script.fonts)),
        frame_count=writer.frames,
        captured_states=sum(part.receipt.captured_states for part in parts),
        duration_s=round(end_s - begin_s, 6),
        audio=writer.audio_mode,
        audio_duration_s=round(writer.audio_end_s, 6),
        container=target.output.container,
        output=target.output.to_json(),
        pictures_sha256=writer.pictures.hexdigest() if isinstance(writer, FileWriter) else "",
        checks=checks,
        timings_s={
            **job.timings_s,
            "chunks": round(sum(part.receipt.timings_s.get("total", 0.0) for part in parts), 3),
        },
    )
