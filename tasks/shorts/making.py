"""From a stretch of a video to a clip: how it is framed, and the cut."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.contracts import VideoInfo
from tasks.contracts.shorts import FrameOverride, Framing, Stretch, Turn
from tasks.edits.framing import Shape, plan_framing
from tasks.media.limits import MediaLimits
from tasks.shorts.apart import make_apart
from tasks.shorts.cutter import CutClip, CutPlan, Tick, cut_clip
from tasks.shorts.faces import FaceDetector
from tasks.shorts.watching import Watcher
from tasks.transcripts.cuts import Span

if TYPE_CHECKING:
    from tasks.media.walled import Teller


@dataclass(frozen=True)
class ClipWish:
    """What a clip is to be.

    :param aspect: ``9:16 1:1 4:5 16:9``; empty keeps the picture as it is. :param layout: ``fill fit split``.
    :param widest: width in pixels at most, :param overrides: manual crops, :param turns: who speaks when.
    :param later: leave the picture as it is where it can be copied, to be framed by who draws on it.
    """

    start_s: float
    end_s: float
    cuts: tuple[Span, ...] = ()
    aspect: str = "9:16"
    layout: str = "fill"
    widest: int = 1080
    overrides: tuple[FrameOverride, ...] = ()
    scene_cuts: tuple[float, ...] = ()
    turns: tuple[Turn, ...] = ()
    later: bool = False


@dataclass(frozen=True)
class MadeClip:
    """A clip that was written, and how it was framed."""

    clip: CutClip
    framing: Framing | None

    @property
    def is_unframed(self) -> bool:
        """Tell whether the clip's picture was copied and is yet to be framed."""
        return self.framing is not None and self.clip.copied_frames > 0


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
    length_s = wish.end_s - wish.start_s
    if limits is not None and limits.walls:
        order = {"wish": asdict(wish), "video": video.to_json()}
        told = make_apart(source, out, order, length_s, limits=limits, tick=tick)
        return MadeClip(
            CutClip(**{**told["clip"], "kept": tuple(Stretch(**one) for one in told["clip"]["kept"])}),
            Framing.from_json(told["framing"]) if told["framing"] else None,
        )
    framing = None
    if wish.aspect:
        framing = frame_stretch(source, wish, video, limits=limits, tick=tick)
    plan = CutPlan(wish.start_s, wish.end_s, wish.cuts, framing, wish.widest, video.rotation, later=wish.later)
    report: Tick | None = None
    if tick:

        def report(seconds: float, tell: Tick = tick) -> None:
            tell(length_s + seconds)

    return MadeClip(cut_clip(source, out, plan, limits=limits, tick=report), framing)


def make_there(
    path: Path, target: Path, limits: MediaLimits, arguments: dict[str, Any], teller: Teller
) -> dict[str, Any]:
    """Make a clip in the process apart; return what was made as JSON."""
    asked = arguments["wish"]
    wish = ClipWish(
        **{
            **asked,
            "cuts": tuple(Span(**one) for one in asked["cuts"]),
            "overrides": tuple(FrameOverride(**one) for one in asked["overrides"]),
            "scene_cuts": tuple(asked["scene_cuts"]),
            "turns": tuple(Turn(**one) for one in asked["turns"]),
        }
    )
    video = VideoInfo.from_json(arguments["video"])
    made = make_clip(path, target, wish, video, limits=limits, tick=lambda t: teller.progress(t, 0.0))
    return {"clip": asdict(made.clip), "framing": made.framing.to_json() if made.framing else None}


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
        sightings,
        shape,
        span=(wish.start_s, wish.end_s),
        scene_cuts=wish.scene_cuts,
        overrides=wish.overrides,
        turns=wish.turns,
    )
