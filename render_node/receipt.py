"""What really happened in a render, and the name of everything that decided its pictures."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from dataclasses import dataclass, field
from typing import Any

import av

from render_node.decode import Decoder
from render_node.drawing import Script
from render_node.encode.mastering import WRITERS, Mastering
from render_node.encode.writer import FileWriter
from render_node.frames.browser import OFF
from render_node.frames.graphics import own_graphics
from render_node.lanes import Lane, Outlet, Target
from render_node.sound import SoundPlan
from tasks.contracts import MediaInfo, RenderReceipt, SoundOutput, VideoInfo
from tasks.contracts.shorts import Reframing
from tasks.fonts import describe_fonts
from tasks.scenario.versions import data_versions

RENDERER = "reelyard-stage/1"
PLAIN_FORMATS = frozenset({"yuv420p", "yuvj420p"})


@dataclass
class Job:
    """Everything one render works with."""

    script: Script
    media: MediaInfo
    video: VideoInfo
    targets: list[Target]
    expected_frames: int = 0
    dropped_frames: int = 0
    decoder: Decoder = field(default_factory=Decoder)
    card: str = ""
    mastering: Mastering = field(default_factory=Mastering)
    mixes: dict[SoundOutput, SoundPlan] = field(default_factory=dict)
    timings_s: dict[str, float] = field(default_factory=dict)
    reframing: Reframing | None = None


def build_receipt(job: Job, target: Target, lane: Lane, outlet: Outlet | None) -> RenderReceipt:
    """Write down what really happened for one output."""
    rate, overlay = lane.pace.rate, lane.drawing.overlay
    duration_s = lane.last_s - lane.first_s + float(1 / rate)
    audio = outlet.writer.audio_mode if outlet else "none"
    audio_end_s = outlet.writer.audio_end_s if outlet else 0.0
    checks = build_checks(job, target, lane)
    if audio != "none":
        checks["audio_minus_video_s"] = round(audio_end_s - lane.last_s - float(1 / rate), 4)
    return RenderReceipt(
        recipe=recipe_of(job, target),
        encoder=target.choice.name if outlet else "none",
        encoder_options=target.choice.options if outlet else {},
        browser=overlay.browser,
        renderer=RENDERER,
        fonts=tuple(describe_fonts(job.script.scenario, job.script.fonts)),
        versions=versions(),
        frame_count=lane.frames,
        captured_states=overlay.drawn,
        width=target.geometry.width,
        height=target.geometry.height,
        fps_num=rate.numerator,
        fps_den=rate.denominator,
        duration_s=round(duration_s, 6),
        audio=audio,
        audio_duration_s=round(audio_end_s, 6),
        container=target.output.container,
        pixel_format=target.choice.pixel_format,
        colour=lane.colour.to_json(),
        checks=checks,
        timings_s=job.timings_s,
        output=target.output.to_json(),
        source_sha256=job.media.sha256,
        pictures_sha256=outlet.writer.pictures.hexdigest() if outlet and isinstance(outlet.writer, FileWriter) else "",
    )


def build_checks(job: Job, target: Target, lane: Lane) -> dict[str, Any]:
    """Note what was expected, and whatever was changed on the way."""
    checks: dict[str, Any] = {"expected_frames": len(lane.pace.times), "poster_at_s": lane.poster_at_s}
    if target.choice.fallback_reason:
        checks["encoder_fallback"] = target.choice.fallback_reason
    checks.update(note_card(job, target))
    kept = PLAIN_FORMATS | {target.choice.pixel_format}
    if target.output.layer == "video" and job.video.pixel_format not in kept:
        checks["converted_from"] = job.video.pixel_format
    if lane.is_tone_mapped:
        checks["tone_mapped_from"] = job.video.color_transfer or job.video.color_space
    if target.output.dynamic_range == "keep" and (told := job.mastering.to_json()):
        checks["mastering" if target.choice.name in WRITERS else "mastering_lost"] = told
    if mix := job.mixes.get(target.output.sound):
        checks.update(mix.to_json())
    if job.dropped_frames:
        checks["dropped_frames"] = job.dropped_frames
    return checks


def note_card(job: Job, target: Target) -> dict[str, str]:
    """Say what a GPU did, and why it did not what it might."""
    told = {"decoder_fallback": job.decoder.reason} if job.decoder.reason else {}
    if job.decoder.device:
        told["decoder"] = "nvdec"
    graphics = own_graphics(job.script.chromium)
    if graphics.mode != OFF:
        told["graphics"] = graphics.mode
    if graphics.reason:
        told["graphics_fallback"] = graphics.reason
    if job.decoder.device or target.choice.is_hardware:
        told["gpu"] = job.card
    return told


def recipe_of(job: Job, target: Target) -> str:
    """Hash everything that decides the pictures: scenario, source, output, fonts, versions."""
    parts = {
        "scenario": job.script.scenario.document,
        "images": {name: hashlib.sha256(data).hexdigest() for name, data in job.script.images.items()},
        "source": job.media.sha256,
        "output": target.output.to_json(),
        "encoder": [target.choice.name, target.choice.options],
        "fonts": describe_fonts(job.script.scenario, job.script.fonts),
        "versions": versions(),
        "renderer": RENDERER,
    }
    if job.reframing is not None:
        parts["framing"] = job.reframing.to_json()
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def versions() -> dict[str, str]:
    """Return the versions that can change a picture."""
    packages = {name: importlib.metadata.version(name) for name in ("av", "playwright", "numpy")}
    return {**packages, "ffmpeg": av.ffmpeg_version_info, **data_versions()}
