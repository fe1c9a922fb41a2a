"""``reelyard doctor``: what this machine has, what it lacks and how to get it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from cli.console import print_json
from cli.exits import Exit

MARKS = {"ok": "ok  ", "missing": "MISS", "note": "note"}


def add_parser(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "doctor",
        help="say what this machine has, what it lacks and how to get it",
        description="Try every part for real: start the browser, encode a frame, load the fonts, look at disk and "
        "ports. Exit code 3 when something that is needed is missing.",
    )
    parser.add_argument("--home", type=Path, metavar="DIR", help="data folder to look at")
    parser.add_argument("--worker", action="store_true", help="look only at what a host needs that renders for a farm")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Examine the machine."""
    from cli.examine import examine
    from cli.system import default_home

    findings = examine((arguments.home or default_home()).resolve(), worker=arguments.worker)
    lacking = [finding for finding in findings if finding.state == "missing"]
    if arguments.json:
        print_json([finding.to_json() for finding in findings])
    else:
        for finding in findings:
            print(f"{MARKS[finding.state]}  {finding.part:<12}{finding.found}")
            if finding.remedy:
                print(f"{'':18}-> {finding.remedy}")
        print(f"\n{len(lacking)} missing" if lacking else "\nEverything that is needed is here.")
    return Exit.MISSING_PART if lacking else Exit.OK
