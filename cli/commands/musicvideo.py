"""``reelyard musicvideo``: a song becomes a video cut on its beats, without any server."""

from __future__ import annotations

import argparse
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.console import Tick, print_json, progress, say
from cli.exits import Exit
from cli.files import read_json, require_file, require_folder_for
from tasks.errors import InvalidInputError

if TYPE_CHECKING:
    from tasks.contracts.clips import ClipPlan, ComposedVideo
    from tasks.contracts.music import SongAnalysis

EPILOG = """\
examples:
  reelyard musicvideo song.mp3 --out video.mp4                       listen, plan, draw, join
  reelyard musicvideo song.mp3 --plan                                only tell where it would be cut
  reelyard musicvideo song.mp3 --out video.mp4 --type narrative --size 1080x1920 --transition flash
  reelyard musicvideo song.mp3 --out video.mp4 --sections parts.json
      parts.json: [{"start": 0, "end": 21.3, "label": "verse", "note": "rain on a window"}, ...]
"""
LARGEST = 3840


def add_parser(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "musicvideo",
        help="make a video to a song, cut on its beats",
        description="Listen to a song and draw a video to it on this machine; no server is needed.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("song", type=Path, metavar="SONG", help="sound or video file")
    parser.add_argument("--out", type=Path, metavar="OUT.mp4", help="where the video goes")
    parser.add_argument("--plan", action="store_true", help="print the plan of clips and stop")
    parser.add_argument("--type", metavar="NAME", help="lyric, performance, narrative, abstract or dance; as suggested")
    parser.add_argument("--size", type=_size, default=(960, 540), metavar="WxH", help="size in pixels (960x540)")
    parser.add_argument("--fps", type=_rate, default=Fraction(30), metavar="N", help="frames a second (30)")
    parser.add_argument("--transition", default="cut", metavar="NAME", help="cut, flash or dissolve (cut)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="another number, other pictures (0)")
    parser.add_argument("--sections", type=Path, metavar="FILE.json", help="your own sections of the song")
    parser.add_argument("--analysis", type=Path, metavar="FILE.json", help="what `reelyard analyze --json` printed")
    parser.add_argument("--json", action="store_true", help="print what was made as JSON")
    parser.set_defaults(run=run)


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    sides = [int(side) if side.isascii() and side.isdigit() else 0 for side in (width, height)]
    if any(side % 2 or not 64 <= side <= LARGEST for side in sides):
        raise argparse.ArgumentTypeError(f"width and height are even numbers from 64 to {LARGEST}, such as 1280x720")
    return sides[0], sides[1]


def _rate(text: str) -> Fraction:
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise argparse.ArgumentTypeError("a number such as 30, 29.97 or 30000/1001") from None


def run(arguments: argparse.Namespace) -> int:
    """Make the video."""
    source = require_file(arguments.song)
    if not arguments.plan and arguments.out is None:
        raise InvalidInputError("clips.no_output", "Say where the video goes with --out, or ask for the --plan only")

    from tasks.clips.draw import require_scene
    from tasks.clips.transitions import frames_of

    # What is spelled wrong is told now, not after minutes of work.
    frames_of(arguments.transition, arguments.fps)
    if arguments.type:
        require_scene(arguments.type)
    song = _analysis_of(source, arguments.analysis)
    plan = _plan_of(song, arguments)
    if arguments.plan:
        _print_plan(plan, as_json=arguments.json)
        return Exit.OK
    # Beside the video, so that it is moved there and not copied.
    with tempfile.TemporaryDirectory(prefix=".reelyard-", dir=require_folder_for(arguments.out)) as scratch:
        film = _make(source, song, plan, arguments=arguments, scratch=Path(scratch))
    if arguments.json:
        print_json({"plan": plan.to_json(), "video": film.to_json()})
    say(f"Wrote {arguments.out}: {len(plan.clips)} clips, {plan.duration_s:.1f} s, sound: {film.audio}")
    return Exit.OK


def _analysis_of(source: Path, known: Path | None) -> SongAnalysis:
    from tasks.contracts.music import SongAnalysis

    if known is not None:
        return SongAnalysis.from_json(read_json(known))

    from cli.settings import direct_environ
    from tasks.music.analysis import analyze_song
    from tasks.music.options import MusicOptions

    with progress("listen") as tick:
        return analyze_song(source, options=MusicOptions.from_environment(direct_environ()), progress=tick).analysis


def _plan_of(song: SongAnalysis, arguments: argparse.Namespace) -> ClipPlan:
    from tasks.contracts.clips import ClipSection
    from tasks.workflows.clip_plan import plan_clips
    from tasks.workflows.clip_sections import heard_sections, with_energy

    sections = heard_sections(song)
    if arguments.sections:
        document = read_json(arguments.sections)
        if not isinstance(document, list) or not all(isinstance(one, dict) for one in document):
            raise InvalidInputError("clips.invalid_sections", f"{arguments.sections} is not a list of sections")
        wanted = [{{"start": "start_s", "end": "end_s"}.get(key, key): one[key] for key in one} for one in document]
        sections = with_energy(song, [ClipSection.from_json(one) for one in wanted])
    return plan_clips(song, sections, fps=arguments.fps, seed=arguments.seed)


def _make(
    source: Path, song: SongAnalysis, plan: ClipPlan, *, arguments: argparse.Namespace, scratch: Path
) -> ComposedVideo:
    from cli.settings import direct_settings
    from tasks.clips.apart import compose_apart
    from tasks.media.limits import limits_of

    clips = _draw(source, song, plan, arguments=arguments, scratch=scratch)
    options = {"size": list(arguments.size), "transition": arguments.transition}
    made = scratch / "film.mp4"
    with progress("join") as tick:
        film = compose_apart(
            plan, clips, source, made, options=options, limits=limits_of(direct_settings()), progress=tick
        )
        tick(plan.frame_count, plan.frame_count)
    made.replace(arguments.out.resolve())
    return film


def _draw(
    source: Path, song: SongAnalysis, plan: ClipPlan, *, arguments: argparse.Namespace, scratch: Path
) -> dict[int, Path]:
    from cli.settings import direct_settings
    from tasks.clips.offline import Drawing, draw_clip
    from tasks.clips.score import Score
    from tasks.clips.sound import hear_frames
    from tasks.media.limits import limits_of

    limits = limits_of(direct_settings())
    sound = hear_frames(source, fps=plan.fps, frame_count=plan.frame_count, limits=limits)
    kind = arguments.type or song.video_type.name
    drawing = Drawing(song, plan, Score(song, plan.fps, sound), kind, arguments.size)
    with progress("draw") as tick:
        return {
            clip.number: draw_clip(
                drawing, clip, scratch / f"{clip.number}.mp4", tick=_from(tick, clip.start_frame, plan.frame_count)
            )
            for clip in plan.clips
        }


def _from(tick: Tick, start: int, total: int) -> Any:
    return lambda done: tick(start + done, total)


def _print_plan(plan: ClipPlan, *, as_json: bool) -> None:
    if as_json:
        print_json(plan.to_json())
        return
    for clip in plan.clips:
        start_s, end_s = (float(frame / plan.fps) for frame in (clip.start_frame, clip.end_frame))
        away = "no beats" if clip.from_beat_ms is None else f"{clip.from_beat_ms:+.1f} ms from its beat"
        label = plan.sections[clip.section].label
        print(
            f"{clip.number:3}  {start_s:8.3f} - {end_s:8.3f}  {label:8}  {away}{', a bar' if clip.is_downbeat else ''}"
        )
