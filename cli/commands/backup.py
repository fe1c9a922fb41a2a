"""``reelyard backup``: the database of a system, while it works."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from cli.exits import Exit

EPILOG = """\
DATABASE_URL wins over the data folder; a system that is not up has its database started meanwhile. Objects are not in a
backup: keep versions at the provider, or a second bucket with reelyard migrate-storage. Keep the secrets of the
environment, too, in a place of their own: without REELYARD_WEBHOOK_KEY every webhook needs a new secret.

examples:
  reelyard backup /var/backups/reelyard --keep 14
  reelyard restore /var/backups/reelyard/reelyard-20261121T020000Z
"""


def add_parser(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "backup",
        help="back the database up",
        description="Back the database up, as it is at one moment, while the system works.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder of backups; each gets a folder in it")
    parser.add_argument("--keep", type=int, metavar="N", help="remove all but the latest N")
    parser.add_argument("--home", type=Path, metavar="DIR", help="data folder of the system")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Make a backup and print where it is."""
    from cli.accounts import database_of
    from cli.backups import forget_old, make_backup
    from cli.console import say
    from cli.system import default_home
    from tasks.errors import ConfigurationError

    if arguments.keep is not None and arguments.keep < 1:
        raise ConfigurationError("usage.invalid", "--keep must be at least 1")
    with database_of((arguments.home or default_home()).resolve()) as url:
        made = make_backup(url, arguments.folder)
    print(made)
    for old in forget_old(arguments.folder, arguments.keep) if arguments.keep else ():
        say(f"Removed {old}")
    return Exit.OK
