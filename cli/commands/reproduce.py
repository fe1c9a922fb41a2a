"""``reelyard reproduce``: render again what a receipt tells of, and explain any difference."""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.console import print_json, progress, say
from cli.exits import Exit
from cli.files import read_json, require_file, require_folder_for
from cli.pictures import read_pictures

if TYPE_CHECKING:
    from render_node.reproduce import Verdict

EPILOG = """\
exit codes: 0 the same pictures to the byte   1 others; the reasons are printed   4 bad input

examples:
  reelyard reproduce receipt.json --source talk.mp4 --scenario scenario.json
  reelyard reproduce receipt.json --source talk.mp4 --scenario scenario.json --out again.mp4 --json
"""


def add_parser(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "reproduce",
        help="render again what a receipt tells of, and explain any difference",
        description="Render an order again on this machine and hold the new receipt against the old one.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("receipt", type=Path, metavar="RECEIPT.json", help="receipt of a render (- is standard input)")
    parser.add_argument("--source", type=Path, required=True, metavar="VIDEO", help="the footage")
    parser.add_argument("--scenario", type=Path, required=True, metavar="S.json", help="the captions")
    parser.add_argument("--music", type=Path, metavar="MUSIC", help="what the output's sound.music mixes in")
    parser.add_argument("--out", type=Path, metavar="OUT", help="keep the new file here")
    parser.add_argument("--json", action="store_true", help="print the verdict as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Render again and compare."""
    from cli.settings import direct_settings
    from render_node.direct import render_apart
    from render_node.reproduce import compare_receipts
    from tasks.contracts import RenderOutput, RenderReceipt
    from tasks.contracts.outputs import SUFFIXES
    from tasks.errors import InvalidInputError

    source, scenario = require_file(arguments.source), read_json(arguments.scenario)
    if arguments.out:
        require_folder_for(arguments.out)
    then = RenderReceipt.from_json(read_json(arguments.receipt))
    if not then.output:
        raise InvalidInputError("contract.invalid", "The receipt is too old: it does not tell what was ordered")
    output = RenderOutput.from_json(then.output)
    with tempfile.TemporaryDirectory(prefix="reelyard-reproduce-") as folder, progress("render") as tick:
        now = render_apart(
            source,
            scenario,
            arguments.out or Path(folder) / f"again{SUFFIXES[output.container]}",
            output=output,
            settings=direct_settings(),
            progress=tick,
            music=require_file(arguments.music) if arguments.music else None,
            images=read_pictures(scenario, arguments.scenario),
        )
    verdict = compare_receipts(then, now)
    if arguments.json:
        print_json({**verdict.to_json(), "receipt": asdict(now)})
    else:
        print_verdict(verdict)
    return Exit.OK if verdict.is_same else Exit.FAILED


def print_verdict(verdict: Verdict) -> None:
    """Say in words what came of it."""
    if verdict.is_same:
        say("The same pictures, to the byte.")
    elif verdict.is_explained:
        say("Other pictures than then. Different are:")
    else:
        say("Other pictures than then, and nothing that was recorded is different: the machine's threads, or a fault.")
    for each in verdict.differences:
        say(f"  {each.part}: {each.then if each.then is not None else 'none'} then, now {each.now}")
