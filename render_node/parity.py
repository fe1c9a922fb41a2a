"""The gate behind an encoder: does the finished file show what the stage's stills show?

A few frames of the file are decoded again and held against the footage with captions that are drawn anew, by a browser
of their own. Measured is the whole frame (SSIM), and for the captions how much of what they add to the footage is there
and where: even a hard encoder leaves them in their place.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from render_node.composite import ColourSpace, YuvPatch, blend, to_yuv
from render_node.firstlook import describe
from render_node.footage import FrameClock
from render_node.framed import LateFramer
from render_node.frames.plan import Rect, Tile
from render_node.frames.stage_page import Rgba
from render_node.geometry import choose_geometry
from render_node.overlay import Overlay
from render_node.shaper import Form, FrameShaper
from render_node.stills import read_frames, to_rgb
from tasks.config import WorkerSettings
from tasks.contracts import RenderOutput
from tasks.contracts.shorts import Reframing
from tasks.errors import PermanentError
from tasks.fonts import faces_of
from tasks.media.container import open_media, packets_of
from tasks.media.limits import limits_of
from tasks.media.probe import find_video
from tasks.scenario import Scenario, parse

MOST_SAMPLES = 4
BUDGET = 0.08
"""Frames decoded again for all samples, as a part of the whole: decoding is about a twelfth of a render."""
LEAST_BUDGET = 60
SETTLED_S = 0.35
"""Captions that begin or end within this time are still moving, and faint: others are looked at if there are any."""
ROUNDING_S = 0.0006
"""WebM rounds times to milliseconds."""
LEAST_SIGNAL = 6.0
"""Root mean square of what a caption adds, in levels; below it there is nothing to be found again."""
REACH = 6
"""Pixels in each direction in which a caption is looked for, in a picture of at most WORK_WIDTH."""
WORK_WIDTH = 640
EASE = 0.01
"""By how much another place must be better to count as a shift."""
LEAST_PRESENCE, LEAST_LIKENESS, LEAST_SSIM = 0.5, 0.75, 0.7
COMPARED = frozenset({"mp4", "webm", "mov"})

Grey = NDArray[np.float32]


@dataclass(frozen=True)
class Sample:
    """What was measured at one time.

    :param ssim: of the whole frame, :param box: region of the captions (x, y, width, height) in pixels of the output.
    :param likeness: correlation of what the captions add in still and file, 0..1, where they should be.
    :param presence: how much of it is there, 1 is all.
    :param shift: where it is found best, in pixels of the output.
    """

    t: float
    ssim: float
    box: tuple[int, int, int, int]
    likeness: float
    presence: float
    shift: tuple[int, int]

    @property
    def is_good(self) -> bool:
        """Tell whether the captions are there, in their place."""
        return self.likeness >= LEAST_LIKENESS and self.presence >= LEAST_PRESENCE and self.shift == (0, 0)


@dataclass(frozen=True)
class Frame:
    """A packet's frame: its time in seconds and how many frames must be decoded to see it."""

    t: float
    cost: int


def check_parity(
    source: Path,
    result: Path,
    scenario: dict[str, Any],
    *,
    output: RenderOutput,
    settings: WorkerSettings,
    reframing: Reframing | None = None,
) -> dict[str, Any]:
    """Return what was measured, for the receipt; raise ``render.parity_failed`` with it when captions are not right.

    :param output: complete. Outputs that are no footage with captions (alpha, GIF, kept HDR) are not compared.
    :param reframing: how the source was framed.
    """
    parsed = parse(scenario)
    if output.container not in COMPARED or output.layer != "video" or output.dynamic_range == "keep":
        return {"samples": [], "skipped": "this kind of output is not compared"}
    times = choose_times(parsed, index_of(result, settings), index_of(source, settings))
    if not times:
        return {"samples": [], "skipped": "no caption stands still long enough"}
    shape = LateFramer(reframing)
    measured = measure(source, result, parsed, times, output=output, settings=settings, shape=shape)
    report: dict[str, Any] = {
        "samples": [asdict(sample) for sample in measured],
        "bounds": {"likeness": LEAST_LIKENESS, "presence": LEAST_PRESENCE, "shift": [0, 0], "ssim": LEAST_SSIM},
    }
    is_bound = not output.bit_rate and (output.crf or 0) <= 30
    bad = [sample for sample in measured if not sample.is_good or (is_bound and sample.ssim < LEAST_SSIM)]
    if bad:
        worst = min(bad, key=lambda sample: sample.likeness)
        raise PermanentError(
            "render.parity_failed",
            f"At {worst.t:.3f} s the file differs from the still: likeness {worst.likeness:.2f}, shift {worst.shift}",
            {"parity": report},
        )
    return report


def index_of(path: Path, settings: WorkerSettings) -> list[Frame]:
    """Return every frame of a file in order of time, read from packets alone."""
    with open_media(path, limits_of(settings)) as container:
        stream = find_video(container)
        assert stream is not None
        clock = FrameClock(container, stream)
        found: list[tuple[float, int]] = []
        since_key = 0
        for packet in packets_of(container, stream):
            if packet.size:
                since_key = 1 if packet.is_keyframe else since_key + 1
                found.append((float(clock.place(packet.pts)), since_key))
    return [Frame(t, cost) for t, cost in sorted(found)]


def choose_times(scenario: Scenario, result: list[Frame], source: list[Frame]) -> list[float]:
    """Choose a few times that show captions and are cheap to get at in both files, spread over the whole."""
    starts = np.array([frame.t for frame in source])
    shown = [frame for frame in result if _is_settled(scenario, frame.t)] or [
        frame for frame in result if any(cue.start <= frame.t < cue.end for cue in scenario.cues)
    ]
    if not shown or not source:
        return []

    def cost(frame: Frame) -> int:
        place = max(0, int(np.searchsorted(starts, frame.t + ROUNDING_S, side="right")) - 1)
        return frame.cost + source[place].cost

    size = math.ceil(len(shown) / MOST_SAMPLES)
    groups = [shown[start : start + size] for start in range(0, len(shown), size)]
    cheapest = sorted((min(group, key=cost) for group in groups), key=cost)
    left, chosen = max(LEAST_BUDGET, BUDGET * len(result)), cheapest[:1]
    for frame in cheapest:
        left -= cost(frame)
        if frame not in chosen and left >= 0:
            chosen.append(frame)
    return sorted(frame.t for frame in chosen)


def _is_settled(scenario: Scenario, t: float) -> bool:
    return any(cue.start + SETTLED_S <= t < cue.end - SETTLED_S for cue in scenario.cues)


def measure(
    source: Path,
    result: Path,
    scenario: Scenario,
    times: list[float],
    *,
    output: RenderOutput,
    settings: WorkerSettings,
    shape: LateFramer,
) -> list[Sample]:
    """Hold the file's frames at these times against stills drawn anew; captions that add nothing are left out."""
    wanted = [t + ROUNDING_S for t in times]
    with open_media(source, limits_of(settings)) as container:
        stream = find_video(container)
        assert stream is not None
        read: list[tuple[av.VideoFrame, ColourSpace]] = []
        shaper: FrameShaper | None = None
        for t, decoded in read_frames(container, wanted):
            info, frame = shape.frame(describe(stream, decoded), decoded, t)
            shaper = shaper or FrameShaper(choose_geometry(info, output), Form.YUV)
            read.append((shaper.shape(frame), shaper.colour(frame).blending()))
    with open_media(result, limits_of(settings)) as container:
        found = [grey(frame) for _, frame in read_frames(container, wanted)]
    frames = [frame for frame, _ in read]
    bare = [grey(frame) for frame in frames]
    boxes = draw(scenario, frames, times, space=read[0][1], settings=settings)
    samples = []
    for t, plain, frame, mine, box in zip(times, bare, frames, found, boxes, strict=True):
        sample = compare(t, plain, grey(frame), mine, box)
        if sample is not None:
            samples.append(sample)
    return samples


def draw(
    scenario: Scenario, frames: list[av.VideoFrame], times: list[float], *, space: ColourSpace, settings: WorkerSettings
) -> list[Rect]:
    """Blend the captions into the frames; return the region that they cover in each, empty where there are none."""

    def convert(tile: Tile, picture: Rgba) -> YuvPatch:
        return to_yuv(tile, picture, space)

    overlay: Overlay[YuvPatch] = Overlay(
        scenario,
        times,
        size=(frames[0].width, frames[0].height),
        fonts=faces_of(scenario),
        chromium=settings.chromium,
        convert=convert,
    )
    boxes = []
    try:
        overlay.start()
        for t, frame in zip(times, frames, strict=True):
            box = Rect(0, 0, 0, 0)
            for patch in overlay.at(t):
                blend(frame, patch)
                box = patch.rect if not box.width else box.cover(patch.rect)
            boxes.append(box)
    finally:
        overlay.close()
    return boxes


def compare(t: float, plain: Grey, still: Grey, mine: Grey, box: Rect) -> Sample | None:
    """Measure one frame; None when its captions hardly change the footage.

    :param plain: the footage, :param still: with its captions, :param mine: the file's frame; all of one size.
    """
    if mine.shape != still.shape:
        raise PermanentError(
            "render.parity_failed", f"The file's picture is {mine.shape[::-1]}, not {still.shape[::-1]}"
        )
    step = max(1, math.ceil(still.shape[1] / WORK_WIDTH))
    wanted, found = shrink(still - plain, step), shrink(mine - plain, step)
    left, top = box.x // step, box.y // step
    right, bottom = math.ceil((box.x + box.width) / step), math.ceil((box.y + box.height) / step)
    wanted = wanted[top:bottom, left:right]
    if wanted.size == 0 or float(np.sqrt(np.mean(wanted**2))) < LEAST_SIGNAL:
        return None
    here, presence = match(wanted, found, left, top)
    shift = max(
        ((across, down) for across in range(-REACH, REACH + 1) for down in range(-REACH, REACH + 1)),
        key=lambda by: match(wanted, found, left + by[0], top + by[1])[0] + (EASE if by == (0, 0) else 0.0),
    )
    return Sample(
        round(t, 6),
        round(ssim(still, mine), 4),
        (box.x, box.y, box.width, box.height),
        round(here, 4),
        round(presence, 4),
        (shift[0] * step, shift[1] * step),
    )


def match(wanted: Grey, found: Grey, left: int, top: int) -> tuple[float, float]:
    """Return correlation with, and part present of, what captions add, at a place in the whole picture."""
    height, width = wanted.shape
    if left < 0 or top < 0:
        return -1.0, 0.0
    there = found[top : top + height, left : left + width]
    if there.shape != wanted.shape:
        return -1.0, 0.0
    both, own = float(np.vdot(wanted, there)), float(np.vdot(wanted, wanted))
    norm = math.sqrt(own * float(np.vdot(there, there)))
    return (both / norm if norm else 0.0), both / own


def shrink(picture: Grey, step: int) -> Grey:
    """Return a picture made smaller by averaging squares of ``step`` pixels; what is left over is cut."""
    if step == 1:
        return picture
    height, width = (side // step * step for side in picture.shape)
    squares = picture[:height, :width].reshape(height // step, step, width // step, step)
    small: Grey = squares.mean(axis=(1, 3), dtype=np.float32)
    return small


def grey(frame: av.VideoFrame) -> Grey:
    """Return a frame's lightness in levels of 8 bits: its own where it is YUV, which stills and files have alike."""
    if not frame.format.name.startswith("yuv"):
        picture: Grey = to_rgb(frame).astype(np.float32) @ np.array([0.2126, 0.7152, 0.0722], np.float32)
        return picture
    bits = frame.format.components[0].bits
    plane: Any = frame.planes[0]  # a plane is a buffer, which its stub does not say
    rows = np.frombuffer(plane, np.uint8 if bits == 8 else np.uint16).reshape(frame.height, -1)[:, : frame.width]
    own: Grey = rows.astype(np.float32) / np.float32(1 << (bits - 8))
    return own


def ssim(one: Grey, other: Grey) -> float:
    """Return the structural similarity of two pictures, over blocks of 8 by 8 pixels."""
    a, b = (_blocks(picture) for picture in (one, other))
    mean_a, mean_b = a.mean(axis=(1, 3)), b.mean(axis=(1, 3))
    var_a, var_b = (a**2).mean(axis=(1, 3)) - mean_a**2, (b**2).mean(axis=(1, 3)) - mean_b**2
    both = (a * b).mean(axis=(1, 3)) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    values = (2 * mean_a * mean_b + c1) * (2 * both + c2) / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))
    return float(values.mean())


def _blocks(picture: Grey) -> Grey:
    height, width = (side // 8 * 8 for side in picture.shape)
    blocks: Grey = picture[:height, :width].reshape(height // 8, 8, width // 8, 8)
    return blocks
