"""``reelyard migrate-storage``: every object from one S3 provider to another."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.console import print_json, progress
from cli.exits import Exit

if TYPE_CHECKING:
    from tasks.config import StorageSettings

EPILOG = """\
The source is the storage of the environment or of the data folder, the target that of a file with lines NAME=value:
REELYARD_STORAGE_TYPE, S3_ENDPOINT_URL, REELYARD_S3_BUCKET, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION.

Every object is read back from the target and compared by SHA-256. What is done is written into a journal; a run that
was broken off goes on from there, and a second run copies only what is new.

examples:
  reelyard migrate-storage --to r2.env --dry-run
  reelyard migrate-storage --to r2.env               while the system works
  reelyard migrate-storage --to r2.env               once more when it is stopped; then start it with r2.env's values
"""


def add_parser(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "migrate-storage",
        help="copy every object to another S3 provider",
        description="Copy every object to another S3 provider.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--to", type=Path, required=True, metavar="FILE", help="variables of the target")
    parser.add_argument("--journal", type=Path, metavar="FILE", help="default: FILE.journal beside the target's file")
    parser.add_argument("--workers", type=int, default=4, metavar="N", help="objects at the same time (default: 4)")
    parser.add_argument("--dry-run", action="store_true", help="say what would be copied")
    parser.add_argument("--home", type=Path, metavar="DIR", help="data folder of the system")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Copy what the target lacks."""
    from cli.moving import Journal, move_objects
    from cli.targets import read_variables, system_environ
    from tasks.config import read_storage_settings
    from tasks.errors import ConfigurationError
    from tasks.storage.s3 import S3Storage

    if arguments.workers < 1:
        raise ConfigurationError("usage.invalid", "--workers must be at least 1")
    source = read_storage_settings(system_environ(arguments.home, ("s3",)))
    target = read_storage_settings(read_variables(arguments.to))
    refuse_same(source, target)
    journal = Journal(arguments.journal or arguments.to.with_suffix(".journal"))
    there = S3Storage(target)
    if not arguments.dry_run:
        there.ensure_bucket()
    done = 0
    with progress("copied") as tick:

        def tell(key: str, size_bytes: int) -> None:
            nonlocal done
            done += size_bytes
            tick(done / 1e6, 0, f"MB {key}")

        moved = move_objects(
            S3Storage(source), there, journal, workers=arguments.workers, dry_run=arguments.dry_run, progress=tell
        )
    show(moved, dry_run=arguments.dry_run, as_json=arguments.json)
    return Exit.OK


def refuse_same(source: StorageSettings, target: StorageSettings) -> None:
    """Refuse to copy a bucket into itself."""
    from tasks.errors import ConfigurationError

    if (source.s3_endpoint_url, source.s3_bucket) == (target.s3_endpoint_url, target.s3_bucket):
        raise ConfigurationError("usage.invalid", "Source and target are the same bucket")


def show(moved: Any, *, dry_run: bool, as_json: bool) -> None:
    """Print what was done."""
    if as_json:
        print_json({**vars(moved), "dry_run": dry_run})
        return
    print(f"{'to copy' if dry_run else 'copied':<10}{moved.copied} objects, {moved.copied_bytes / 1e6:.1f} MB")
    print(f"{'kept':<10}{moved.kept} objects were there already")
    print(f"{'extra':<10}{moved.extra} objects at the target that the source does not have")
    print(f"{'gone':<10}{len(moved.gone)} objects were deleted meanwhile")
