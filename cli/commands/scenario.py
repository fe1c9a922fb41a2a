"""``reelyard scenario``: captions from a transcript, without any server."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from cli.console import print_json, say
from cli.exits import Exit
from cli.files import read_json

EPILOG = """\
examples:
  reelyard scenario transcript.json > scenario.json
  reelyard scenario transcript.json --preset karaoke --size 1920x1080 --out scenario.json
  reelyard scenario --check scenario.json           check a scenario: schema, times, fonts, glyphs
  reelyard scenario motiontext.json --out s.json    turn a MotionText document (1.3, 2.0) into a scenario
"""


def add_parser(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "scenario",
        help="build a caption scenario from a transcript, or check one",
        description="Build a caption scenario from a transcript, or check a scenario.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "file", type=Path, metavar="FILE.json", help="a transcript or a MotionText document (- is standard input)"
    )
    parser.add_argument("--preset", default="pop", metavar="NAME", help="caption style (default: pop)")
    parser.add_argument("--size", type=_size, default=(1080, 1920), metavar="WxH", help="default: 1080x1920")
    parser.add_argument("--max-words", type=int, default=4, metavar="N", help="words per caption (default: 4)")
    parser.add_argument("--out", type=Path, metavar="OUT.json", help="write to a file instead of standard output")
    parser.add_argument("--check", action="store_true", help="FILE.json is a scenario: only check it")
    parser.add_argument("--strict", action="store_true", help="refuse a MotionText document of which anything is lost")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Build or check."""
    from tasks.fonts import check_scenario
    from tasks.scenario import parse
    from tasks.scenario.motiontext import is_motiontext

    document = read_json(arguments.file)
    is_foreign = is_motiontext(document)
    scenario = understand(document, strict=arguments.strict) if is_foreign or arguments.check else None
    if arguments.check:
        check_scenario(parse(scenario))
        say(f"{arguments.file} is a valid scenario.")
        return Exit.OK
    if scenario is None:
        scenario = _build(document, arguments)
    if arguments.out:
        arguments.out.write_text(json.dumps(scenario, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        say(f"Wrote {arguments.out}")
    else:
        print_json(scenario)
    return Exit.OK


def understand(document: Any, *, strict: bool = False, aspect: tuple[int, int] | None = None) -> Any:
    """Return a scenario; of a MotionText document, what is lost is said on standard error.

    :param aspect: width and height of the footage, where it is known.
    """
    from tasks.fonts.accept import accept

    accepted = accept(document, strict=strict, aspect=aspect)
    for each in accepted.unmapped:
        hint = f" ({each['suggestion']})" if each["suggestion"] else ""
        say(f"{each['pointer']}: {each['message']}{hint}")
    return accepted.scenario


def _build(document: Any, arguments: argparse.Namespace) -> dict[str, Any]:
    from tasks.contracts import Transcript
    from tasks.scenario.build import scenario_from_transcript

    width, height = arguments.size
    return scenario_from_transcript(
        Transcript.from_json(document),
        width=width,
        height=height,
        preset=arguments.preset,
        max_words=arguments.max_words,
    )


def _size(value: str) -> tuple[int, int]:
    width, _, height = value.partition("x")
    if not (width.isdigit() and height.isdigit()):
        raise argparse.ArgumentTypeError(f"{value!r} is not a size such as 1080x1920")
    return int(width), int(height)
