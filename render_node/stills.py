"""Single pictures of a scenario, over its footage or alone, drawn by the very code that renders."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from render_node.alpha import RgbaPatch, blend_rgba, empty_canvas, pixels_of, to_rgba
from render_node.colour import Colour
from render_node.composite import YuvPatch, blend, to_yuv
from render_node.encode.convert import PixelConverter
from render_node.framed import LateFramer
from render_node.frames.stage_page import Rgba
from render_node.geometry import choose_geometry
from render_node.moments import draw_moments, is_plain
from render_node.overlay import Overlay
from render_node.shaper import Form, FrameShaper
from tasks.config import WorkerSettings
from tasks.contracts import RenderOutput, VideoInfo
from tasks.contracts.outputs import complete_output
from tasks.contracts.shorts import Reframing
from tasks.errors import PermanentError
from tasks.fonts import check_scenario, faces_of
from tasks.media.container import frames_from, frames_of, media_start, open_media
from tasks.media.limits import limits_of
from tasks.media.probe import find_video, probe_file
from tasks.media.siting import LEFT
from tasks.scenario import Scenario, parse

Picture = NDArray[np.uint8]
"""Shape (height, width, 3 or 4): RGB, or RGBA with straight alpha."""

TILE_WIDTH = 320
GAP = 8
SHEET_GREY = 32


@dataclass(frozen=True)
class Drawn:
    """Pictures in the order of their times; ``times`` are those of the frames really shown, in seconds."""

    pictures: list[Picture]
    times: list[float]
    browser: str


@dataclass(frozen=True)
class Known:
    """What is told of footage beforehand: what a probe told of its picture, and how that is framed."""

    video: VideoInfo | None = None
    reframing: Reframing | None = None


@dataclass(frozen=True)
class Shown:
    """How footage is seen: what its picture is like, in which output, framed or not."""

    video: VideoInfo
    output: RenderOutput
    reframing: Reframing | None = None

    def frames(self, container: InputContainer, times: list[float]) -> Iterator[tuple[float, av.VideoFrame, Colour]]:
        """Yield the frames of ascending times ready to be drawn on, each with its own time and its colours."""
        framer, shaper = LateFramer(self.reframing), None
        for t, decoded in read_frames(container, times):
            info, frame = framer.frame(self.video, decoded, t)
            shaper = shaper or FrameShaper(choose_geometry(info, self.output), Form.YUV)
            yield t, shaper.shape(frame), shaper.colour(frame)


def draw_pictures(
    scenario: dict[str, Any],
    times: Sequence[float],
    *,
    settings: WorkerSettings,
    output: RenderOutput,
    source: Path | None,
    background: str = "",
    known: Known | None = None,
) -> Drawn:
    """Draw a scenario at several times. Errors: ``scenario.* media.* render.no_video browser.*``.

    :param times: seconds from the media's start, in any order; past the end the last frame is shown.
    :param output: over footage its layer, alpha, depth and range count, too, as they do for a render.
    :param background: ``#RRGGBB`` where there is no footage; empty is transparent.
    :param known: what is told of the source beforehand.
    """
    parsed = parse(scenario)
    check_scenario(parsed)
    order = sorted(range(len(times)), key=lambda index: times[index])
    wanted = [times[index] for index in order]
    if source is None:
        drawn = _draw_alone(parsed, wanted, settings=settings, output=output, background=background)
    else:
        known = known or Known()
        shown = Shown(known.video or probe_video(source, settings), output, known.reframing)
        draw = _draw_over if is_plain(complete_output(output)) else _draw_like_render
        drawn = draw(parsed, wanted, settings=settings, shown=shown, source=source)
    back = sorted(range(len(order)), key=lambda place: order[place])
    return Drawn([drawn.pictures[place] for place in back], [drawn.times[place] for place in back], drawn.browser)


def probe_video(source: Path, settings: WorkerSettings) -> VideoInfo:
    """Return what a source's picture is like; raise ``render.no_video``."""
    video = probe_file(source, limits_of(settings)).video
    if video is None:
        raise PermanentError("render.no_video", "The source has no picture to draw captions over")
    return video


def _draw_over(
    scenario: Scenario, times: list[float], *, settings: WorkerSettings, shown: Shown, source: Path
) -> Drawn:
    with open_media(source, limits_of(settings)) as container:
        found = list(shown.frames(container, times))
    told = [t for t, _, _ in found]
    colour = found[0][2]

    def convert(tile: Any, picture: Rgba) -> YuvPatch:
        return to_yuv(tile, picture, colour.blending())

    size = (found[0][1].width, found[0][1].height)
    overlay: Overlay[YuvPatch] = Overlay(
        scenario, told, size=size, fonts=faces_of(scenario), chromium=settings.chromium, convert=convert
    )
    pictures = []
    try:
        overlay.start()
        for t, frame, _ in found:
            for patch in overlay.at(t):
                blend(frame, patch)
            pictures.append(to_rgb(frame, colour.siting))
    finally:
        overlay.close()
    return Drawn(pictures, told, overlay.browser)


def _draw_like_render(
    scenario: Scenario, times: list[float], *, settings: WorkerSettings, shown: Shown, source: Path
) -> Drawn:
    framer, info = LateFramer(shown.reframing), shown.video
    found: list[tuple[float, av.VideoFrame]] = []
    with open_media(source, limits_of(settings)) as container:
        for t, decoded in read_frames(container, times):
            info, frame = framer.frame(shown.video, decoded, t)
            found.append((t, frame))
    output = complete_output(shown.output)
    pictures, browser = draw_moments(scenario, found, video=info, output=output, settings=settings)
    return Drawn(pictures, [t for t, _ in found], browser)


def _draw_alone(
    scenario: Scenario, times: list[float], *, settings: WorkerSettings, output: RenderOutput, background: str
) -> Drawn:
    width, height = alone_size(scenario, output)
    overlay: Overlay[RgbaPatch] = Overlay(
        scenario, times, size=(width, height), fonts=faces_of(scenario), chromium=settings.chromium, convert=to_rgba
    )
    pictures = []
    try:
        overlay.start()
        for t in times:
            frame = empty_canvas(width, height)
            for patch in overlay.at(t):
                blend_rgba(frame, patch)
            pictures.append(lay_on(pixels_of(frame).copy(), background))
    finally:
        overlay.close()
    return Drawn(pictures, times, overlay.browser)


def alone_size(scenario: Scenario, output: RenderOutput) -> tuple[int, int]:
    """Return the size of captions without footage: what was ordered, else the canvas; even."""
    width, height = output.width, output.height
    if not width and not height:
        width, height = scenario.width, scenario.height
    elif not height:
        height = round(width * scenario.height / scenario.width)
    elif not width:
        width = round(height * scenario.width / scenario.height)
    return max(2, width // 2 * 2), max(2, height // 2 * 2)


def read_frames(container: InputContainer, times: Sequence[float]) -> Iterator[tuple[float, av.VideoFrame]]:
    """Yield the frame that is shown at each of the ascending times, with its own time in seconds."""
    video = find_video(container)
    if video is None:
        raise PermanentError("render.no_video", "The source has no picture to draw captions over")
    video.thread_type = "AUTO"
    zero = media_start(container)
    for t in times:
        wanted = zero + Fraction(t).limit_denominator(1_000_000)
        yield _frame_at(frames_from(container, video, wanted, lambda: frames_of(container, video)), t, zero)


def _frame_at(frames: Iterator[av.VideoFrame], t: float, zero: Fraction) -> tuple[float, av.VideoFrame]:
    found: tuple[float, av.VideoFrame] | None = None
    for frame in frames:
        if frame.pts is None or frame.time_base is None:
            continue
        shown = float(frame.pts * frame.time_base - zero)
        if found is not None and shown > t + 1e-6:
            return found
        found = (shown, frame)
    if found is None:
        raise PermanentError("media.damaged", "The video holds no picture that can be decoded")
    return found


def to_rgb(frame: av.VideoFrame, siting: str = LEFT) -> Picture:
    """Return a shaped frame as RGB, converted as posters of renders are."""
    picture: Picture = PixelConverter("rgb24", siting)(frame).to_ndarray().astype(np.uint8, copy=False)
    return picture


def lay_on(picture: Picture, background: str) -> Picture:
    """Return a straight-alpha picture over a colour, or as it is without one."""
    if not background:
        return picture
    behind = np.array([int(background[at : at + 2], 16) for at in (1, 3, 5)], np.float32)
    alpha = picture[..., 3:].astype(np.float32) / 255
    mixed: Picture = np.rint(picture[..., :3] * alpha + behind * (1 - alpha)).astype(np.uint8)
    return mixed


def build_sheet(pictures: Sequence[Picture], *, columns: int = 0, tile_width: int = 0) -> Picture:
    """Lay pictures out in rows on dark grey, each scaled to ``tile_width`` (never enlarged)."""
    wide = min(tile_width or TILE_WIDTH, pictures[0].shape[1])
    tiles = [scale(over_grey(picture), wide) for picture in pictures]
    columns = columns or math.ceil(math.sqrt(len(tiles)))
    columns = min(columns, len(tiles))
    rows = math.ceil(len(tiles) / columns)
    high = tiles[0].shape[0]
    sheet: Picture = np.full((rows * (high + GAP) + GAP, columns * (wide + GAP) + GAP, 3), SHEET_GREY, np.uint8)
    for number, tile in enumerate(tiles):
        top, left = GAP + number // columns * (high + GAP), GAP + number % columns * (wide + GAP)
        sheet[top : top + high, left : left + wide] = tile
    return sheet


def over_grey(picture: Picture) -> Picture:
    """Return a picture without alpha."""
    return picture if picture.shape[2] == 3 else lay_on(picture, f"#{SHEET_GREY * 2:02X}" + f"{SHEET_GREY * 2:02X}" * 2)


def scale(picture: Picture, width: int) -> Picture:
    """Return a picture scaled down to a width."""
    if width == picture.shape[1]:
        return picture
    height = max(1, round(picture.shape[0] * width / picture.shape[1]))
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
    scaled: Picture = frame.reformat(width, height, interpolation="AREA").to_ndarray().astype(np.uint8, copy=False)
    return scaled


def encode_png(picture: Picture) -> bytes:
    """Return a picture as PNG."""
    form = "rgba" if picture.shape[2] == 4 else "rgb24"
    encoder = av.CodecContext.create("png", "w")
    encoder.width, encoder.height, encoder.pix_fmt = picture.shape[1], picture.shape[0], form
    encoder.time_base = Fraction(1, 1)
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format=form)
    frame.pts = 0
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])
