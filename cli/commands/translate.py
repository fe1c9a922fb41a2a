"""``reelyard translate``: a transcript in another language, by a translation server of one's own."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from cli.console import print_json, say
from cli.exits import Exit
from cli.files import require_file

EPILOG = """\
examples:
  reelyard translate words.json --to de --url http://localhost:5000 --out german.json

The server speaks LibreTranslate's protocol; LIBRETRANSLATE_API_KEY holds its key, where it wants one.
"""


def add_parser(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "translate",
        help="translate a transcript by a LibreTranslate server",
        description="Translate a transcript; cues keep their times, words get estimated ones.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, metavar="TRANSCRIPT.json", help="what `reelyard transcribe --json` printed")
    parser.add_argument("--to", required=True, metavar="CODE", help="language to translate into, such as de")
    parser.add_argument("--url", required=True, metavar="URL", help="address of the translation server")
    parser.add_argument("--out", type=Path, metavar="OUT.json", help="write to a file; printed when not given")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Translate the file."""
    source = require_file(arguments.file)

    from tasks.contracts import Transcript
    from tasks.errors import InvalidInputError
    from tasks.transcripts.translation import LibreTranslate, translate_transcript

    try:
        document = json.loads(source.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InvalidInputError("transcript.file_invalid", f"{source} is not JSON: {error}") from error
    translator = LibreTranslate(arguments.url, api_key=os.environ.get("LIBRETRANSLATE_API_KEY"))
    translated = translate_transcript(Transcript.from_json(document), translator, target=arguments.to).to_json()
    if not arguments.out:
        print_json(translated)
        return Exit.OK
    arguments.out.write_text(json.dumps(translated, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    say(f"Wrote {arguments.out}")
    return Exit.OK
