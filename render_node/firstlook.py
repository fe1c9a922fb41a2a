"""Something to see within seconds: a poster and a small, silent animatic of a render that has only begun."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from render_node.colour import Colour
from render_node.composite import YuvPatch, blend, to_yuv
from render_node.encode.settings import SITING
from render_node.framed import LateFramer
from render_node.frames.plan import Tile
from render_node.frames.stage_page import Rgba
from render_node.geometry import choose_geometry
from render_node.overlay import Overlay
from render_node.shaper import Form, FrameShaper, solid_frame
from render_node.stills import encode_png, to_rgb
from render_node.workroom import Workroom
from tasks.config import WorkerSettings
from tasks.contracts import RenderOutput, VideoInfo
from tasks.contracts.shorts import Reframing
from tasks.errors import FencedError, ReelyardError
from tasks.fonts import faces_of
from tasks.media.container import frames_of, media_start, open_media, packets_of
from tasks.media.limits import limits_of
from tasks.media.probe import find_video, rotation_of
from tasks.media.siting import siting_of
from tasks.scenario import Scenario

if TYPE_CHECKING:  # a room imports this module, and must not load the whole worker with it
    from tasks.attempt import StepContext

FIRST_LOOK = "first_look"
SHORT_SIDE = 360
MOST_PICTURES = 48
MOST_DECODED = 900
"""Of a longer video only key frames are looked at, which costs next to nothing."""
POSTER, ANIMATIC = "first-look.png", "first-look.mp4"
OPTIONS = {"preset": "veryfast", "crf": "30", "movflags": "+faststart"}

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Look:
    """One frame to be shown: its time in seconds, the frame made small, its colours."""

    t: float
    frame: av.VideoFrame
    colour: Colour


def announce(
    context: StepContext,
    room: Workroom,
    scenario: dict[str, Any],
    output: RenderOutput,
    *,
    reframing: Reframing | None = None,
) -> None:
    """Draw, upload and announce a first look. What goes wrong here is left to the render itself to report."""
    framing = reframing.to_json() if reframing else None
    try:
        room.call("first_look", scenario=scenario, output=output.to_json(), reframing=framing)
        files = room.take(POSTER), room.take(ANIMATIC)
        keys = {
            "poster_key": context.put_output(POSTER, files[0], content_type="image/png", stage=FIRST_LOOK),
            "animatic_key": context.put_output(ANIMATIC, files[1], content_type="video/mp4", stage=FIRST_LOOK),
        }
    except FencedError:
        raise
    except ReelyardError as error:
        logger.info("no first look", extra={"code": error.code})
        return
    context.announce(FIRST_LOOK, keys)


def draw_first_look(
    source: Path,
    scenario: Scenario,
    *,
    output: RenderOutput,
    settings: WorkerSettings,
    folder: Path,
    reframing: Reframing | None = None,
) -> tuple[Path, Path]:
    """Write poster and animatic into a folder and return their paths."""
    with open_media(source, limits_of(settings)) as container:
        looks, end_s = collect(container, output, reframing)
    poster, animatic = folder / POSTER, folder / ANIMATIC
    draw_captions(scenario, looks, chromium=settings.chromium)
    chosen = choose_poster(scenario, looks)
    poster.write_bytes(encode_png(to_rgb(chosen.frame, chosen.colour.siting)))
    write_animatic(animatic, looks, end_s)
    return poster, animatic


def collect(
    container: InputContainer, output: RenderOutput, reframing: Reframing | None = None
) -> tuple[list[Look], float]:
    """Return up to MOST_PICTURES frames of the whole video, small, and the time at which the last one ends."""
    video = find_video(container)
    assert video is not None
    zero, time_base = media_start(container), video.time_base or Fraction(1, av.time_base)
    packets = [(packet.pts, packet.is_keyframe) for packet in packets_of(container, video) if packet.pts is not None]
    stamps = sorted(pts for pts, _ in packets)
    seconds = [float(stamp * time_base - zero) for stamp in stamps]
    frame_s = (seconds[-1] - seconds[0]) / max(1, len(seconds) - 1)
    if len(packets) > MOST_DECODED:
        video.codec_context.skip_frame = "NONKEY"
        seconds = sorted(float(pts * time_base - zero) for pts, is_key in packets if is_key)
    else:
        video.codec_context.skip_frame = "NONREF"
    step = math.ceil(len(seconds) / MOST_PICTURES)
    container.seek(0)
    looks: list[Look] = []
    shaper: FrameShaper | None = None
    framer = LateFramer(reframing)
    for t, decoded in pick(container, video, seconds[::step], zero):
        info, frame = framer.frame(describe(video, decoded), decoded, t)
        shaper = shaper or FrameShaper(choose_geometry(info, shrink(output, info)), Form.YUV)
        looks.append(Look(t, lay_under(shaper.shape(frame), shaper.colour(frame), output), shaper.colour(frame)))
    return looks, float(stamps[-1] * time_base - zero) + frame_s


def lay_under(footage: av.VideoFrame, colour: Colour, output: RenderOutput) -> av.VideoFrame:
    """Return what captions are laid on: footage, or where they stand alone, the background."""
    if output.layer == "video":
        return footage
    plain = solid_frame(footage.width, footage.height, colour, output.background)
    plain.pts, plain.time_base = footage.pts, footage.time_base
    return plain


def pick(
    container: InputContainer, video: VideoStream, wanted: list[float], zero: Fraction
) -> Iterator[tuple[float, av.VideoFrame]]:
    """Yield the first frame at or after each wanted time, with its time."""
    waiting = list(wanted)
    for frame in frames_of(container, video):
        if not waiting:
            return
        if frame.pts is None or frame.time_base is None:
            continue
        t = float(frame.pts * frame.time_base - zero)
        if t >= waiting[0] - 1e-6:
            while waiting and t >= waiting[0] - 1e-6:
                waiting.pop(0)
            yield t, frame


def describe(video: VideoStream, frame: av.VideoFrame) -> VideoInfo:
    """Return as much as the geometry needs of what a probe would tell."""
    rate = video.average_rate or Fraction(30)
    ratio = video.sample_aspect_ratio or Fraction(1)
    return VideoInfo(
        codec=video.codec_context.name,
        width=frame.width,
        height=frame.height,
        fps_num=rate.numerator,
        fps_den=rate.denominator,
        rotation=rotation_of(frame),
        sample_aspect_num=ratio.numerator,
        sample_aspect_den=ratio.denominator,
        chroma_location=siting_of(video),
    )


def shrink(output: RenderOutput, video: VideoInfo) -> RenderOutput:
    """Return an output of the same shape whose shorter side is SHORT_SIDE or less."""
    geometry = choose_geometry(video, output)
    factor = min(1.0, SHORT_SIDE / min(geometry.width, geometry.height))
    width, height = (max(2, round(side * factor / 2) * 2) for side in (geometry.width, geometry.height))
    return RenderOutput(width=width, height=height, aspect=output.aspect, fit=output.fit, background=output.background)


def draw_captions(scenario: Scenario, looks: list[Look], *, chromium: str) -> None:
    """Blend the captions of their times into the frames."""
    first = looks[0]

    def convert(tile: Tile, picture: Rgba) -> YuvPatch:
        return to_yuv(tile, picture, first.colour.blending())

    size = (first.frame.width, first.frame.height)
    overlay: Overlay[YuvPatch] = Overlay(
        scenario, [look.t for look in looks], size=size, fonts=faces_of(scenario), chromium=chromium, convert=convert
    )
    try:
        overlay.start()
        for look in looks:
            for patch in overlay.at(look.t):
                blend(look.frame, patch)
    finally:
        overlay.close()


def choose_poster(scenario: Scenario, looks: list[Look]) -> Look:
    """Return the look nearest to the first third that has a caption on it, else the one nearest to it."""
    third = looks[-1].t / 3

    def rank(look: Look) -> tuple[bool, float]:
        return not any(cue.start <= look.t < cue.end for cue in scenario.cues), abs(look.t - third)

    return min(looks, key=rank)


def write_animatic(path: Path, looks: list[Look], end_s: float) -> None:
    """Write the frames at their own times; the last one stays until the video's end."""
    frames = [(look.t, look.frame) for look in looks]
    with av.open(str(path), "w", options={"movflags": OPTIONS["movflags"]}) as out:
        told = {SITING: looks[0].colour.siting}
        stream = out.add_stream("libx264", rate=25, options={key: OPTIONS[key] for key in ("preset", "crf")} | told)
        stream.width, stream.height, stream.pix_fmt = looks[0].frame.width, looks[0].frame.height, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        start_s = looks[0].t
        last = max(end_s - start_s, looks[-1].t - start_s + 0.04)
        for t, frame in [*((t - start_s, frame) for t, frame in frames), (last, frames[-1][1])]:
            frame.pts, frame.time_base = round(t * 1000), Fraction(1, 1000)
            frame.pict_type = 0  # the encoder decides, not the source
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
