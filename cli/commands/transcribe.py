"""``reelyard transcribe``: words and times of a file, without any server."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from cli.console import print_json, progress, say
from cli.exits import Exit
from cli.files import require_file

EPILOG = """\
examples:
  reelyard transcribe talk.mp4                       print the text with times
  reelyard transcribe talk.mp4 --json > words.json   the whole transcript, for `reelyard scenario`
  reelyard transcribe talk.mp4 --speakers 2          say who speaks (after `make models`)
  reelyard transcribe talk.mp4 --language de --model /models/large-v3
"""


def add_parser(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "transcribe",
        help="transcribe a video or sound file on this machine",
        description="Transcribe a video or sound file on this machine; no server is needed.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="video or sound file")
    parser.add_argument("--language", metavar="CODE", help="spoken language, such as en; detected when not given")
    parser.add_argument("--model", metavar="NAME", help="Whisper model: a name or a folder; the best installed one")
    parser.add_argument(
        "--hotword", action="append", default=[], metavar="NAME", help="a name that may occur; repeatable"
    )
    parser.add_argument(
        "--speakers",
        nargs="?",
        type=int,
        const=0,
        metavar="N",
        help="tell who speaks; N people, guessed when not given",
    )
    parser.add_argument("--json", action="store_true", help="print the transcript as JSON, with every word's time")
    parser.add_argument("--out", type=Path, metavar="OUT.json", help="write the JSON to a file")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Transcribe the file."""
    source = require_file(arguments.file)

    from cli.settings import direct_environ
    from tasks.speech import SpeechOptions, SpeechRequest, transcribe_file

    options = SpeechOptions.from_environment(direct_environ(whisper_model=arguments.model))
    request = SpeechRequest(
        language=arguments.language,
        hotwords=tuple(arguments.hotword),
        diarize=arguments.speakers is not None,
        speakers=arguments.speakers or None,
        is_strict=arguments.speakers is not None,
    )
    with progress("transcribe") as tick:
        transcript = transcribe_file(source, options=options, request=request, progress=tick)
    document = transcript.to_json()
    if arguments.out:
        arguments.out.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        say(f"Wrote {arguments.out}")
    if arguments.json:
        print_json(document)
    elif not arguments.out:
        _print_text(document)
    return Exit.OK


def _print_text(document: dict[str, Any]) -> None:
    if not document["segments"]:
        say("No speech was found.")
    for segment in document["segments"]:
        who = f"{segment['speaker']}: " if segment["speaker"] else ""
        print(f"[{_clock(segment['start'])} - {_clock(segment['end'])}] {who}{segment['text'].strip()}")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes):02d}:{rest:05.2f}"
