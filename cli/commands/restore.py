"""``reelyard restore``: a database from a backup, or one that was recovered, and what it needs before work goes on."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.exits import Exit

if TYPE_CHECKING:
    from api.restoring import Restored

EPILOG = """\
Stop the API, the engine and the workers first; services stay up. Redis may be emptied or kept, it makes no difference.
Afterwards every job that had not ended goes on, attempts of before are fenced off, and an asset whose file is not in
the storage any more says so (storage.missing).

PostgreSQL's own recovery (from a base backup and archived WAL, or a snapshot of the disk) needs the last part, too:
once the database takes writes again, run it with --in-place, which leaves the data as they are.

examples:
  reelyard restore /var/backups/reelyard/reelyard-20261121T020000Z --replace
  reelyard restore --in-place
"""


def add_parser(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "restore",
        help="make the database what a backup says",
        description="Make the database what a backup says.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("backup", type=Path, nargs="?", metavar="BACKUP", help="folder that reelyard backup printed")
    parser.add_argument("--replace", action="store_true", help="overwrite what the database holds")
    parser.add_argument(
        "--in-place", action="store_true", help="no BACKUP: make safe what PostgreSQL's own recovery brought back"
    )
    parser.add_argument("--home", type=Path, metavar="DIR", help="data folder of the system")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Restore, check every asset, say what was found."""
    from cli.backups import adopt_database, restore_database
    from cli.system import default_home
    from cli.targets import services_of
    from tasks.errors import ConfigurationError

    if arguments.in_place == (arguments.backup is not None) or (arguments.in_place and arguments.replace):
        raise ConfigurationError("usage.invalid", "Name a BACKUP (--replace overwrites), or say --in-place alone")
    with services_of((arguments.home or default_home()).resolve()) as environ:
        if arguments.in_place:
            adopt_database(environ["DATABASE_URL"])
            told = "Made safe what is there"
        else:
            manifest = restore_database(arguments.backup, environ["DATABASE_URL"], replace=arguments.replace)
            told = f"Restored what was there at {manifest.made_at}"
        restored = examine(environ)
    print(told)
    print(f"{restored.assets} assets are in the database, the files of {restored.missing} of them are missing")
    return Exit.OK


def examine(environ: dict[str, str]) -> Restored:
    """Make a database that was just restored safe to work on; return what was found in it."""
    from contextlib import closing

    from sqlalchemy import create_engine
    from sqlalchemy.orm import Session

    from api.database import driver_url
    from api.restoring import make_safe
    from tasks.config import read_storage_settings
    from tasks.storage.s3 import S3Storage

    engine = create_engine(driver_url(environ["DATABASE_URL"]))
    try:
        with Session(engine) as session, closing(S3Storage(read_storage_settings(environ))) as storage:
            return make_safe(session, storage)
    finally:
        engine.dispose()
