"""One render: source, scenario -> video, poster, receipt. The task and ``reelyard render`` both come through here."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer

from render_node.composite import ColourSpace, YuvPatch, blend, to_yuv
from render_node.encode.settings import EncoderChoice, choose_encoder
from render_node.encode.writer import Writer
from render_node.footage import (
    FrameGeometry,
    FrameShaper,
    choose_geometry,
    colour_space_of,
    frame_times,
    read_packets,
    time_of,
)
from render_node.frames.plan import Tile
from render_node.frames.stage_page import Rgba
from render_node.overlay import Overlay
from render_node.poster import write_png
from tasks.config import WorkerSettings
from tasks.contracts import MediaInfo, RenderOutput, RenderReceipt, VideoInfo
from tasks.errors import PermanentError
from tasks.fonts import FontFace, check_scenario, describe_fonts, faces_of
from tasks.media.container import media_start, open_media
from tasks.media.limits import limits_of
from tasks.media.probe import find_video, probe_file
from tasks.scenario import Scenario, parse

Progress = Callable[[int, int, str], None]
RENDERER = "reelyard-stage/1"


@dataclass
class Job:
    """Everything one render works with."""

    scenario: Scenario
    media: MediaInfo
    video: VideoInfo
    geometry: FrameGeometry
    output: RenderOutput
    choice: EncoderChoice
    fonts: list[FontFace]
    timings_s: dict[str, float] = field(default_factory=dict)


def render_file(  # noqa: PLR0913 -- the one entry of task, command and measurements: each is theirs to choose
    source: Path,
    scenario: dict[str, Any],
    out: Path,
    *,
    output: RenderOutput,
    settings: WorkerSettings,
    poster: Path | None = None,
    encode: bool = True,
    progress: Progress | None = None,
    source_sha256: str = "",
) -> RenderReceipt:
    """Draw a scenario over a source and write ``out`` (mp4); return what was really used.

    :param poster: where to write a PNG of a captioned frame, :param encode: False draws and blends but writes nothing.
    :param progress: called with (frames done, frames in all, stage); what it raises ends the render.
    :param source_sha256: what the source's bytes must hash to, when given; others are ``render.source_changed``.
    Errors: ``scenario.* media.* render.* browser.*``.
    """
    started = time.monotonic()
    job = prepare(source, scenario, output=output, settings=settings)
    if source_sha256 and job.media.sha256 != source_sha256:
        raise PermanentError("render.source_changed", "The source is not the file that this render was ordered for")
    job.timings_s["prepare"] = round(time.monotonic() - started, 3)
    with open_media(source, limits_of(settings)) as container:
        stream = find_video(container)
        assert stream is not None
        times = frame_times(container, stream)
    compositor = Compositor(job, times, chromium=settings.chromium)
    try:
        with open_media(source, limits_of(settings)) as container:
            result = _run(container, compositor, out if encode else None, poster=poster, progress=progress)
    finally:
        compositor.close()
    job.timings_s["total"] = round(time.monotonic() - started, 3)
    return build_receipt(job, compositor, result, out if encode else None)


def prepare(source: Path, scenario: dict[str, Any], *, output: RenderOutput, settings: WorkerSettings) -> Job:
    """Check everything that can be checked before a browser or an encoder starts."""
    parsed = parse(scenario)
    check_scenario(parsed)
    media = probe_file(source, limits_of(settings))
    if media.video is None:
        raise PermanentError("render.no_video", "The source has no picture to draw captions over")
    threads = settings.encoder_threads
    choice = choose_encoder(output, configured=settings.encoder, gpu=settings.gpu, threads=threads)
    return Job(parsed, media, media.video, choose_geometry(media.video, output), output, choice, faces_of(parsed))


class Compositor:
    """Blends what the scenario shows into frames of the footage."""

    def __init__(self, job: Job, times: list[float], *, chromium: str) -> None:
        self.job = job
        self.times = times
        self._space: ColourSpace | None = None
        size = (job.geometry.width, job.geometry.height)
        self.overlay: Overlay[YuvPatch] = Overlay(
            job.scenario, times, size=size, fonts=job.fonts, chromium=chromium, convert=self._convert
        )

    def start(self, space: ColourSpace) -> None:
        """Begin drawing, once the footage's colours are known."""
        self._space = space
        self.overlay.start()

    def draw(self, frame: av.VideoFrame, t: float) -> None:
        """Blend the captions of time ``t`` into a writable frame."""
        for patch in self.overlay.at(t):
            blend(frame, patch)

    def close(self) -> None:
        """End the browser."""
        self.overlay.close()

    def _convert(self, tile: Tile, picture: Rgba) -> YuvPatch:
        assert self._space is not None
        return to_yuv(tile, picture, self._space)


@dataclass
class Result:
    """What a pass over the footage gave."""

    frames: int = 0
    first_s: float = 0.0
    last_s: float = 0.0
    audio: str = "none"
    audio_end_s: float = 0.0
    poster_at_s: float | None = None


class Pass:
    """One pass over the footage: every frame captioned and, when there is a writer, written with the sound."""

    def __init__(self, container: InputContainer, compositor: Compositor, writer: Writer | None) -> None:
        self.result = Result()
        self.poster: Path | None = None
        self.progress: Progress | None = None
        self._container, self._compositor, self._writer = container, compositor, writer
        self._shaper = FrameShaper(compositor.job.geometry)
        self._zero = media_start(container)
        self._poster_at_s = choose_poster_time(compositor)
        self._waiting: list[av.Packet[Any]] = []

    def run(self) -> Result:
        """Go through the whole source; raise ``media.damaged`` when it holds no frame."""
        stream = find_video(self._container)
        assert stream is not None
        stream.thread_type = "AUTO"
        for kind, packet in read_packets(self._container, stream):
            if kind == "audio":
                self._take_audio(packet)
            else:
                for frame in packet.decode():
                    self._take_frame(self._shaper.shape(frame))
        if self.result.frames == 0:
            raise PermanentError("media.damaged", "Not one frame of the video can be decoded")
        if self._writer is not None:
            _finish(self._writer, self._waiting, self.result, zero=self._zero)
        return self.result

    def _take_audio(self, packet: av.Packet[Any]) -> None:
        if self._writer is not None:
            _write_audio(self._writer, packet, self._waiting, is_open=self.result.frames > 0)

    def _take_frame(self, frame: av.VideoFrame) -> None:
        result, t = self.result, time_of(frame, self._zero)
        if result.frames == 0:
            _begin(self._container, self._compositor, self._writer, frame)
            result.first_s = t
        self._compositor.draw(frame, t)
        if self.poster and result.poster_at_s is None and t >= self._poster_at_s:
            write_png(frame, self.poster)
            result.poster_at_s = t
        if self._writer is not None:
            self._writer.write_frame(frame)
        result.frames, result.last_s = result.frames + 1, t
        if self.progress:
            total = len(self._compositor.times)
            self.progress(min(result.frames, total), total, "frames")


def _run(
    container: InputContainer,
    compositor: Compositor,
    out: Path | None,
    *,
    poster: Path | None,
    progress: Progress | None,
) -> Result:
    with ExitStack() as stack:
        writer = stack.enter_context(Writer(out)) if out else None
        footage = Pass(container, compositor, writer)
        footage.poster, footage.progress = poster, progress
        return footage.run()


def _begin(container: InputContainer, compositor: Compositor, writer: Writer | None, frame: av.VideoFrame) -> None:
    compositor.start(colour_space_of(frame))
    if writer is not None:
        video = compositor.job.video
        rate = Fraction(video.fps_num, video.fps_den)
        writer.add_video(compositor.job.choice, frame, rate=rate, time_base=frame.time_base or Fraction(1, 90000))
        if container.streams.audio:
            writer.add_audio(container.streams.audio[0])


def _write_audio(writer: Writer, packet: av.Packet[Any], waiting: list[av.Packet[Any]], *, is_open: bool) -> None:
    """Write audio once the file has begun, which its first video frame does; what came before waits."""
    waiting.append(packet)
    if is_open:
        for held in waiting:
            writer.write_audio(held)
        waiting.clear()


def _finish(writer: Writer, waiting: list[av.Packet[Any]], result: Result, *, zero: Fraction) -> None:
    for held in waiting:
        writer.write_audio(held)
    writer.finish()
    result.audio = writer.audio_mode
    result.audio_end_s = writer.audio_end_s - float(zero) if writer.audio_mode != "none" else 0.0


def choose_poster_time(compositor: Compositor) -> float:
    """Return a time that shows a spoken word, in the first third, or the middle when nothing is said."""
    times = compositor.times or [0.0]
    for cue in compositor.job.scenario.cues:
        if cue.start >= times[-1] / 4:
            word = cue.words[len(cue.words) // 2]
            return min((word.start + word.end) / 2, times[-1])
    return times[len(times) // 2]


def build_receipt(job: Job, compositor: Compositor, result: Result, out: Path | None) -> RenderReceipt:
    """Write down what really happened."""
    frame_s = job.video.fps_den / job.video.fps_num
    duration_s = result.last_s - result.first_s + frame_s
    checks: dict[str, Any] = {"expected_frames": len(compositor.times), "poster_at_s": result.poster_at_s}
    if job.choice.fallback_reason:
        checks["encoder_fallback"] = job.choice.fallback_reason
    if not job.video.pixel_format.startswith(("yuv420p", "yuvj420p")) or "10" in job.video.pixel_format:
        checks["converted_from"] = job.video.pixel_format
    if result.audio != "none":
        checks["audio_minus_video_s"] = round(result.audio_end_s - result.last_s - frame_s, 4)
    return RenderReceipt(
        recipe=recipe_of(job),
        encoder=job.choice.name if out else "none",
        encoder_options=job.choice.options if out else {},
        browser=compositor.overlay.browser,
        renderer=RENDERER,
        fonts=tuple(describe_fonts(job.scenario, job.fonts)),
        versions=versions(),
        frame_count=result.frames,
        captured_states=compositor.overlay.drawn,
        width=job.geometry.width,
        height=job.geometry.height,
        fps_num=job.video.fps_num,
        fps_den=job.video.fps_den,
        duration_s=round(duration_s, 6),
        audio=result.audio,
        audio_duration_s=round(result.audio_end_s, 6),
        checks=checks,
        timings_s=job.timings_s,
    )


def recipe_of(job: Job) -> str:
    """Hash everything that decides the pictures: scenario, source, output, fonts, versions."""
    parts = {
        "scenario": job.scenario.document,
        "source": job.media.sha256,
        "output": job.output.to_json(),
        "encoder": [job.choice.name, job.choice.options],
        "fonts": describe_fonts(job.scenario, job.fonts),
        "versions": versions(),
        "renderer": RENDERER,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def versions() -> dict[str, str]:
    """Return the versions that can change a picture."""
    packages = {name: importlib.metadata.version(name) for name in ("av", "playwright", "numpy")}
    return {**packages, "ffmpeg": av.ffmpeg_version_info}
