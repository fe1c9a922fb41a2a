"""``reelyard shorts``: the best stretches of a long video as upright, captioned clips, without any server."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.console import print_json, progress, say
from cli.exits import Exit
from cli.files import read_json, require_file

if TYPE_CHECKING:
    from tasks.contracts import Transcript
    from tasks.contracts.shorts import Highlight, MediaFeatures
    from tasks.shorts.making import MadeClip

EPILOG = """\
examples:
  reelyard shorts talk.mp4 --count 5 --out shorts/
  reelyard shorts talk.mp4 --out shorts/ --aspect 1:1 --look karaoke --pace fast
  reelyard shorts talk.mp4 --out shorts/ --transcript words.json --keyword volcano
  reelyard shorts talk.mp4 --plan                 only say which stretches, and why
"""


def add_parser(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "shorts",
        help="cut the best stretches of a video into upright, captioned clips",
        description="Find the best stretches of a talk, frame them after faces, caption and render them.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("video", type=Path, metavar="VIDEO", help="the long video")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for the clips, their stills and shorts.json")
    parser.add_argument("--plan", action="store_true", help="write nothing, print which stretches were chosen")
    parser.add_argument("--count", type=int, default=5, help="how many (default: 5)")
    parser.add_argument("--shortest", type=float, default=15.0, metavar="S", help="seconds at least (default: 15)")
    parser.add_argument("--longest", type=float, default=90.0, metavar="S", help="seconds at most (default: 90)")
    parser.add_argument("--keyword", action="append", default=[], help="what it should be about; may be repeated")
    parser.add_argument("--aspect", default="9:16", choices=("9:16", "1:1", "4:5", "16:9"), help="default: 9:16")
    parser.add_argument(
        "--layout", default="fill", choices=("fill", "fit", "split"), help="default: fill, follow faces"
    )
    parser.add_argument("--width", type=int, default=1080, help="of the clips, at most (default: 1080)")
    parser.add_argument("--look", default="pop", metavar="PRESET", help="look of the captions (default: pop)")
    parser.add_argument(
        "--pace", default="natural", choices=("off", "relaxed", "natural", "fast", "extra"), help="of removing silences"
    )
    parser.add_argument("--keep-fillers", action="store_true", help="leave “um” and words said twice where they are")
    parser.add_argument("--language", metavar="CODE", help="spoken language; detected when not given")
    parser.add_argument("--model", metavar="NAME", help="Whisper model: a name or a folder")
    parser.add_argument("--transcript", type=Path, metavar="WORDS.json", help="words of `reelyard transcribe`")
    parser.add_argument("--preset", default="veryfast", help="speed of the encoder (default: veryfast)")
    parser.add_argument("--json", action="store_true", help="print what was made as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Make the shorts."""
    source = require_file(arguments.video)
    if not arguments.plan and arguments.out is None:
        from tasks.errors import InvalidInputError

        raise InvalidInputError("shorts.no_folder", "Give --out DIR, or --plan to see the stretches alone")
    clock = _Clock()
    transcript = _words(source, arguments)
    clock.lap("transcribe")
    features, found = _highlights(source, transcript, arguments)
    clock.lap("analyze")
    if not found:
        say("No stretch is long enough to stand alone.")
    made = [] if arguments.plan else _Maker(source, transcript, features, arguments, clock).make_all(found)
    document = {
        "version": 1,
        "source": str(source),
        "highlights": [one.to_json() for one in found],
        "shorts": made,
        "timings_s": clock.laps,
    }
    if not arguments.plan:
        (arguments.out / "shorts.json").write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", "utf-8")
    if arguments.json:
        print_json(document)
    else:
        _print_found(found)
    return Exit.OK


class _Clock:
    """Says where the time goes."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._since = time.monotonic()

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self.laps[name] = round(self.laps.get(name, 0.0) + now - self._since, 2)
        self._since = now


def _words(source: Path, arguments: argparse.Namespace) -> Transcript:
    from cli.settings import direct_environ
    from tasks.contracts import Transcript
    from tasks.speech import SpeechOptions, transcribe_file

    if arguments.transcript:
        return Transcript.from_json(read_json(arguments.transcript))
    options = SpeechOptions.from_environment(direct_environ(whisper_model=arguments.model))
    with progress("transcribe") as tick:
        return transcribe_file(source, options=options, language=arguments.language, progress=tick)


def _highlights(
    source: Path, transcript: Transcript, arguments: argparse.Namespace
) -> tuple[MediaFeatures, list[Highlight]]:
    from cli.settings import direct_settings
    from tasks.media.limits import limits_of
    from tasks.media.probe import probe_file
    from tasks.shorts.highlights import Wish, find_highlights
    from tasks.shorts.watching import listen_and_look

    wish = Wish(arguments.count, arguments.shortest, arguments.longest, tuple(arguments.keyword))
    limits = limits_of(direct_settings())
    length_s = probe_file(source, limits).duration_s
    with progress("look") as tick:
        features = listen_and_look(source, duration_s=length_s, limits=limits, tick=lambda t: tick(t, length_s, "look"))
    return features, find_highlights(transcript, features, wish)


class _Maker:
    """Makes the clips of one video."""

    def __init__(
        self,
        source: Path,
        transcript: Transcript,
        features: MediaFeatures,
        arguments: argparse.Namespace,
        clock: _Clock,
    ) -> None:
        from cli.settings import direct_settings
        from tasks.media.limits import limits_of
        from tasks.media.probe import probe_file

        self._source, self._transcript, self._features = source, transcript, features
        self._arguments, self._clock = arguments, clock
        self._settings = direct_settings()
        self._limits = limits_of(self._settings)
        self._video = probe_file(source, self._limits).video
        arguments.out.mkdir(parents=True, exist_ok=True)

    def make_all(self, found: list[Highlight]) -> list[dict[str, Any]]:
        """Make one clip after the other."""
        made = []
        for number, one in enumerate(found, 1):
            with progress(f"short {number}") as tick:
                made.append(self._make(one, f"short-{number}", tick))
        return made

    def _make(self, one: Highlight, name: str, tick: Any) -> dict[str, Any]:
        from tasks.edits.removal import RemovalOptions, enabled_cuts
        from tasks.edits.speaking import turns_of
        from tasks.edits.stretch import edits_within, words_within
        from tasks.shorts.making import ClipWish, make_clip
        from tasks.transcripts.cuts import Span

        wanted, keep = self._arguments, self._arguments.keep_fillers
        pace = "" if wanted.pace == "off" else wanted.pace
        options = RemovalOptions(pace, fillers=not keep, stutters=not keep)
        edits = edits_within(self._transcript, one.start, one.end, options)
        wish = ClipWish(
            one.start, one.end, tuple(enabled_cuts(edits)), wanted.aspect, wanted.layout, wanted.width,
            scene_cuts=self._features.scene_cuts, turns=turns_of(self._transcript, one.start, one.end), later=True,
        )  # fmt: skip
        cut, whole_s = wanted.out / f"{name}.cut.mp4", 2 * (one.end - one.start)
        assert self._video is not None
        try:
            done = make_clip(
                self._source, cut, wish, self._video, limits=self._limits, tick=lambda t: tick(t, whole_s, "cut")
            )
            self._clock.lap("frame and cut")
            words = words_within(self._transcript, [Span(kept.start, kept.end) for kept in done.clip.kept])
            receipt = self._render(cut, words, name, done, tick)
            self._clock.lap("captions and encode")
        finally:
            cut.unlink(missing_ok=True)
        return {
            "file": f"{name}.mp4",
            "still": f"{name}.png",
            "edits": edits.to_json(),
            "kept": [kept.to_json() for kept in done.clip.kept],
            "framing": done.framing.to_json() if done.framing else None,
            "copied_frames": done.clip.copied_frames,
            "encoded_because": done.clip.encoded_because,
            "transcript": words.to_json(),
            "receipt": receipt,
        }

    def _render(self, cut: Path, words: Transcript, name: str, done: MadeClip, tick: Any) -> dict[str, Any]:
        """Caption a clip, and frame it where that is left to do: its picture is encoded once then."""
        from render_node.direct import render_apart
        from tasks.contracts import RenderOutput
        from tasks.contracts.shorts import Reframing
        from tasks.edits.framing import framed_info
        from tasks.scenario.build import scenario_from_transcript

        assert self._video is not None
        size, reframing = (done.clip.width, done.clip.height), None
        if done.framing is not None and done.is_unframed:
            reframing = Reframing(done.framing, done.clip.kept, self._arguments.width)
            framed = framed_info(self._video, reframing)
            size = framed.width, framed.height
        scenario = scenario_from_transcript(words, width=size[0], height=size[1], preset=self._arguments.look)
        folder = self._arguments.out
        receipt = render_apart(
            cut,
            scenario,
            folder / f"{name}.mp4",
            output=RenderOutput(preset=self._arguments.preset),
            settings=self._settings,
            poster=folder / f"{name}.png",
            progress=tick,
            reframing=reframing,
        )
        return receipt.to_json()


def _print_found(found: list[Highlight]) -> None:
    for number, one in enumerate(found, 1):
        print(f"{number}  {one.start:8.2f} - {one.end:8.2f}  {one.score:.2f}  {one.title} …")
        print(f"   {'; '.join(one.evidence.reasons) or 'nothing in particular'}")
