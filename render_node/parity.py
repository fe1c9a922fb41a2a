"""The gate behind an encoder: does the finished file show what the stage's stills show?

A few frames of the file are decoded again and held against the footage with captions that are drawn anew, by a browser
of their own. Measured is the whole frame (SSIM), and for the captions how much of what they add to the footage is
there, where, in which colours and whether on time: even a hard encoder leaves them in their place.
"""

from __future__ import annotations

import bisect
import math
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from render_node.footage import USUAL_RATE, FrameClock
from render_node.framed import LateFramer
from render_node.lanes import Pace
from render_node.parity_measure import Sample, compare
from render_node.parity_pictures import (
    ROUNDING_S,
    Canvas,
    Planes,
    count_frames,
    draw_moments,
    read_file,
    read_gif,
    read_zip,
)
from tasks.config import WorkerSettings
from tasks.contracts import RenderOutput
from tasks.contracts.shorts import Reframing
from tasks.errors import PermanentError
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
NUMBERED = frozenset({"gif", "png"})
"""Outputs whose pictures are found by their number: their own times are rounded, or stand beside them."""


@dataclass(frozen=True)
class Bounds:
    """What a file must reach: see :class:`render_node.parity_measure.Sample`."""

    kind: str
    likeness: float
    presence: float
    ssim: float
    colour: float
    punctual: float = 0.5

    def hold(self, sample: Sample) -> bool:
        """Tell whether the captions are there, in their place, in their colours, on time."""
        is_there = sample.likeness >= self.likeness and sample.presence >= self.presence and sample.shift == (0, 0)
        is_shown = sample.ssim >= self.ssim and sample.colour <= self.colour
        return is_there and is_shown and (sample.punctual is None or sample.punctual >= self.punctual)


EXACT = Bounds("exact", likeness=0.999, presence=0.99, ssim=0.999, colour=0.5, punctual=0.9)
"""PNG, with or without alpha: honest files measure 1.000 throughout, and 0.0 for the colour."""
NEAR = Bounds("near", likeness=0.99, presence=0.97, ssim=0.98, colour=1.5, punctual=0.8)
"""ProRes: at worst 0.999, 0.992, 0.989, 0.4 and 0.98, over noise of 12 levels."""
LOSSY = Bounds("lossy", likeness=0.9, presence=0.9, ssim=0.9, colour=6.0, punctual=0.5)
"""H.264, HEVC, VP9 and AV1 up to crf 30 in 8 and 10 bits, and VP9 with alpha: at worst 0.98, 0.97, 0.97, 3.0 and 0.86.

All over noise of 12 levels and at the fastest presets. Pixel by pixel the same frames have an SSIM of 0.56 only: grain
that an encoder smooths is no fault.
"""
KEPT = Bounds("hdr", likeness=0.9, presence=0.9, ssim=0.9, colour=3.2, punctual=0.5)
"""HDR kept, in its own transfer, in which colours of captions lie closer: at worst 0.97, 0.98, 0.97, 2.0 and 0.87."""
HARD = Bounds("hard", likeness=0.75, presence=0.5, ssim=0.7, colour=15.0, punctual=0.4)
"""A bit rate was ordered, or a crf above 30: 60 kbit/s leave 0.85, 0.66, 0.92, 9.7 and 0.67 of 360x640 pixels."""
GIF = Bounds("gif", likeness=0.95, presence=0.93, ssim=0.95, colour=6.0, punctual=0.7)
"""256 colours a frame, alpha all or nothing: at worst 0.989, 0.989, 0.996, 2.2 and 0.987."""


def bounds_of(output: RenderOutput) -> Bounds:
    """Return what a completed output must reach."""
    if output.container in NUMBERED:
        return GIF if output.container == "gif" else EXACT
    if output.codec == "prores":
        return NEAR
    is_hard = bool(output.bit_rate) or (output.crf or 0) > 30
    if is_hard:
        return HARD
    return KEPT if output.dynamic_range == "keep" and output.bit_depth == 10 else LOSSY


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

    :param output: complete, :param reframing: how the source was framed.
    """
    parsed, bounds = parse(scenario), bounds_of(output)
    origin = index_of(source, settings)
    shown = shown_frames(result, output, origin, settings)
    true = sorted(shown)
    frames = [Frame(t, shown[t].cost) for t in true]
    times = choose_times(parsed, frames, origin)
    if not times:
        return {"samples": [], "skipped": "no caption stands still long enough", "kind": bounds.kind}
    times = sorted({*times, *choose_changes(parsed, frames, origin)})
    canvas = Canvas(output, LateFramer(reframing))
    drawn_on = canvas.read(source, [t + ROUNDING_S for t in times], settings)
    drawn = list(zip(times, drawn_on, strict=True))
    moments = draw_moments(parsed, canvas, drawn, all_times=true, settings=settings)
    found = read_result(result, output, [shown[t] for t in times], siting=canvas.siting, settings=settings)
    measured = [sample for pair in zip(moments, found, strict=True) if (sample := compare(*pair)) is not None]
    report: dict[str, Any] = {
        "samples": [asdict(sample) for sample in measured],
        "kind": bounds.kind,
        "bounds": {**asdict(bounds), "shift": [0, 0]},
    }
    bad = [sample for sample in measured if not bounds.hold(sample)]
    if bad:
        worst = min(bad, key=lambda sample: sample.likeness)
        raise PermanentError(
            "render.parity_failed",
            f"At {worst.t:.3f} s the file differs from the still: likeness {worst.likeness:.2f}, shift {worst.shift},"
            f" colour off by {worst.colour:.1f}, punctual {worst.punctual}",
            {"parity": report},
        )
    return report


@dataclass(frozen=True)
class Place:
    """Where a file has a frame: its number, its time there in seconds, and what it costs to see it."""

    number: int
    t: float
    cost: int


def shown_frames(
    result: Path, output: RenderOutput, source: list[Frame], settings: WorkerSettings
) -> dict[float, Place]:
    """Return the frames of a file by the times that they were drawn for."""
    times = [frame.t for frame in source]
    rate = settled_rate(times)
    pace = Pace(times, output.fps, rate).times
    if output.container in NUMBERED:
        count = count_frames(result, output.container)
        return {t: Place(number, t, 1) for number, t in enumerate(pace[:count])}
    found = {}
    for number, frame in enumerate(index_of(result, settings)):
        found[nearest(pace, frame.t)] = Place(number, frame.t, frame.cost)
    return found


def settled_rate(times: list[float]) -> Fraction:
    """Return the usual rate of times in seconds."""
    if len(times) < 2 or times[-1] <= times[0]:
        return USUAL_RATE
    return Fraction((len(times) - 1) / (times[-1] - times[0])).limit_denominator(1001)


def nearest(times: list[float], t: float) -> float:
    """Return the time that a file rounded to ``t``; ``t`` itself where there is none."""
    place = bisect.bisect_left(times, t)
    found = min(times[max(0, place - 1) : place + 1], key=lambda each: abs(each - t), default=t)
    return found if abs(found - t) <= ROUNDING_S else t


def read_result(
    result: Path, output: RenderOutput, places: list[Place], *, siting: str, settings: WorkerSettings
) -> list[Planes]:
    """Return what a file shows at some of its frames."""
    if output.container in NUMBERED:
        read = read_gif if output.container == "gif" else read_zip
        return list(read(result, [place.number for place in places]))
    return list(read_file(result, [place.t + ROUNDING_S for place in places], siting=siting, settings=settings))


def choose_changes(scenario: Scenario, result: list[Frame], source: list[Frame]) -> list[float]:
    """Choose a frame, cheap to get at, with which a word begins to be spoken: there it shows whether it is on time."""
    times, starts = [frame.t for frame in result], [frame.t for frame in source]
    found = []
    for cue in scenario.cues:
        for word in cue.words:
            place = bisect.bisect_left(times, word.start - 1e-6)
            if 0 < place < len(result) and word.start > cue.start and times[place] < cue.end:
                found.append(result[place])

    def cost(frame: Frame) -> int:
        return frame.cost + source[max(0, bisect.bisect_right(starts, frame.t + ROUNDING_S) - 1)].cost

    return [min(found, key=cost).t] if found else []


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
