"""``reelyard sounds scan``: a folder of this machine, or files in the storage, become sounds."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from cli.console import print_json, say
from cli.exits import Exit

EPILOG = """\
A folder's new files are uploaded and become sounds of the account; those that are sounds already are named; those that
cannot be are listed with their reasons. A place below imports/ in the storage is scanned by the API itself, for which
the token must be an administrator's.

examples:
  REELYARD_TOKEN=… reelyard sounds scan ~/horns --url https://media.example.com
  REELYARD_TOKEN=… reelyard sounds scan storage:imports/horns/ --json
"""


def add_parser(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("sounds", help="take sounds from a folder", description="Take sounds.")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    scan = actions.add_parser(
        "scan",
        help="make sounds of the files in a folder",
        description="Make sounds of the files in a folder.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    scan.add_argument("place", metavar="FOLDER", help="a folder, or storage:imports/… ")
    scan.add_argument("--url", default="http://127.0.0.1:8000", metavar="URL", help="of the API")
    scan.add_argument("--again", action="store_true", help="try bad files in the storage once more")
    scan.add_argument("--json", action="store_true", help="print JSON")
    scan.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Scan, and say what came of it; 1 when there are bad files."""
    from cli.client import ApiClient
    from cli.scanning import scan_folder
    from tasks.errors import ConfigurationError

    token = os.environ.get("REELYARD_TOKEN", "")
    if not token:
        raise ConfigurationError("api.no_token", "Set REELYARD_TOKEN to an API token of the account")
    with ApiClient(arguments.url) as client:
        client.use_token(token)
        if arguments.place.startswith("storage:"):
            wish = {"prefix": arguments.place.removeprefix("storage:"), "again": arguments.again}
            print_json(client.call("POST", "/admin/sounds/scans", json=wish))
            return Exit.OK
        found = scan_folder(client, Path(arguments.place))
    if arguments.json:
        print_json([vars(one) for one in found])
    else:
        for one in found:
            say(f"{one.outcome:<10}{one.name}{f'  ({one.told})' if one.told else ''}")
    return Exit.FAILED if any(one.outcome == "bad" for one in found) else Exit.OK
