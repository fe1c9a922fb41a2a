"""``reelyard restore``: a database from a backup, and what it needs before work goes on."""

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
    parser.add_argument("backup", type=Path, metavar="BACKUP", help="folder that reelyard backup printed")
    parser.add_argument("--replace", action="store_true", help="overwrite what the database holds")
    parser.add_argument("--home", type=Path, metavar="DIR", help="data folder of the system")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Restore, check every asset, say what was found."""
    from cli.backups import restore_database
    from cli.system import default_home
    from cli.targets import services_of

    with services_of((arguments.home or default_home()).resolve()) as environ:
        manifest = restore_database(arguments.backup, environ["DATABASE_URL"], replace=arguments.replace)
        restored = examine(environ)
    print(f"Restored what was there at {manifest.made_at}")
    print(f"{restored.assets} assets are in the database, the files of {restored.missing} of them are missing")
    return Exit.OK


def examine(environ: dict[str, str]) -> Restored:
    """Make a database that was just restored safe to work on; return what was found in it."""
    from contextlib import closing

    from sqlalchemy import create_engine
    from sqlalchemy.orm import Session

    from api.database import driver_url
    from api.restoring import make_safe
    from cli.targets import storage_of
    from tasks.storage.s3 import S3Storage

    engine = create_engine(driver_url(environ["DATABASE_URL"]))
    try:
        with Session(engine) as session, closing(S3Storage(storage_of(environ))) as storage:
            return make_safe(session, storage)
    finally:
        engine.dispose()
