"""From a highlight to a clip: what goes, how it is framed, the cut, and its words in the clip's own time."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from tasks.contracts import Transcript, VideoInfo
from tasks.contracts.shorts import EditList, FrameOverride, Framing
from tasks.edits.framing import Shape, plan_framing
from tasks.edits.removal import RemovalOptions, enabled_cuts, find_removals
from tasks.media.limits import MediaLimits
from tasks.shorts.cutter import CutClip, CutPlan, Tick, cut_clip
from tasks.shorts.faces import FaceDetector
from tasks.shorts.watching import Watcher
from tasks.transcripts.cuts import Span, TimeMap, retime


@dataclass(frozen=True)
class ClipWish:
    """What a clip is to be.

    :param aspect: ``9:16 1:1 4:5 16:9``; empty keeps the picture as it is. :param layout: ``fill fit split``.
    :param widest: width in pixels at most, :param overrides: manual crops.
    """

    start_s: float
    end_s: float
    cuts: tuple[Span, ...] = ()
    aspect: str = "9:16"
    layout: str = "fill"
    widest: int = 1080
    overrides: tuple[FrameOverride, ...] = ()
    scene_cuts: tuple[float, ...] = ()


@dataclass(frozen=True)
class MadeClip:
    """A clip that was written, and how it was framed."""

    clip: CutClip
    framing: Framing | None


def make_clip(
    source: Path,
    out: Path,
    wish: ClipWish,
    video: VideoInfo,
    *,
    limits: MediaLimits | None = None,
    tick: Tick | None = None,
) -> MadeClip:
    """Look at the stretch, frame it and cut it; ``tick`` is told seconds of the source, first seen and then cut."""
    framing = None
    length_s = wish.end_s - wish.start_s
    if wish.aspect:
        framing = frame_stretch(source, wish, video, limits=limits, tick=tick)
    plan = CutPlan(wish.start_s, wish.end_s, wish.cuts, framing, wish.widest, video.rotation)
    report: Tick | None = None
    if tick:

        def report(seconds: float, tell: Tick = tick) -> None:
            tell(length_s + seconds)

    return MadeClip(cut_clip(source, out, plan, limits=limits, tick=report), framing)


def frame_stretch(
    source: Path, wish: ClipWish, video: VideoInfo, *, limits: MediaLimits | None = None, tick: Tick | None = None
) -> Framing:
    """Look for faces and movement where they matter, and plan the crop."""
    ratio = Fraction(max(video.display_width, 1), max(video.display_height, 1))
    shape = Shape(ratio, wish.aspect, wish.layout)
    sightings = []
    if wish.layout != "fit":
        watcher = Watcher(FaceDetector(), limits, video.rotation)
        sightings = watcher.watch(source, wish.start_s, wish.end_s, tick=tick)
    return plan_framing(
        sightings, shape, span=(wish.start_s, wish.end_s), scene_cuts=wish.scene_cuts, overrides=wish.overrides
    )


def edits_within(transcript: Transcript, start_s: float, end_s: float, options: RemovalOptions) -> EditList:
    """Return what can go of a stretch; silences at its very edges are the pauses that it was cut in, and stay."""
    edits = find_removals(transcript, options)
    inside = tuple(r for r in edits.removals if r.start > start_s + 0.01 and r.end < end_s - 0.01)
    return dataclasses.replace(edits, removals=inside)


def words_within(transcript: Transcript, kept: Sequence[Span]) -> Transcript:
    """Return what is said in what is kept, in the time of the clip."""
    everything = max(transcript.duration_s, kept[-1].end)
    gone = TimeMap.of(kept, everything).kept
    return retime(dataclasses.replace(transcript, duration_s=everything), gone)


def cuts_of(edits: EditList) -> tuple[Span, ...]:
    """Return the stretches that go."""
    return tuple(enabled_cuts(edits))
