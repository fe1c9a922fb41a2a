"""``reelyard version``."""

from __future__ import annotations

import argparse
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from cli.console import print_json
from cli.exits import Exit
from tasks.version import version as our_version

SHOWN = ("celery", "redis", "Flask", "SQLAlchemy", "av", "playwright", "faster-whisper", "numpy")


def add_parser(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("version", help="print the versions of Reelyard and of what it stands on")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the versions."""
    versions = {"reelyard": our_version(), "python": platform.python_version()}
    versions |= {name: installed_version(name) for name in SHOWN}
    if arguments.json:
        print_json(versions)
    else:
        for name, number in versions.items():
            print(f"{name:<16}{number or 'not installed'}")
    return Exit.OK


def installed_version(package: str) -> str:
    """Return a package's version, empty when it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
