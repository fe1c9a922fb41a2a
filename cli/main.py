"""Entry point of the ``reelyard`` command."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import sys
from collections.abc import Sequence

from cli.console import say, show_error
from cli.exits import Exit, exit_of
from tasks.errors import ReelyardError
from tasks.version import version

COMMANDS = (
    "up",
    "demo",
    "doctor",
    "render",
    "reproduce",
    "transcribe",
    "translate",
    "analyze",
    "sample",
    "play",
    "sounds",
    "musicvideo",
    "shorts",
    "scenario",
    "user",
    "farm",
    "nodes",
    "queues",
    "migrate-storage",
    "backup",
    "restore",
    "version",
)

EPILOG = """\
examples:
  reelyard doctor                                        what this machine has, lacks, and how to get it
  reelyard up                                            the whole system on this machine, until Ctrl-C
  reelyard demo                                          caption a real spoken video, end to end
  reelyard transcribe talk.mp4 --json > transcript.json  no server needed, nor for the next two
  reelyard scenario transcript.json > scenario.json
  reelyard render talk.mp4 --scenario scenario.json --out captioned.mp4

exit codes:
  0 done   1 failed   2 wrong usage   3 a part of this machine is missing   4 bad input

REELYARD_LOG_LEVEL=DEBUG shows the traceback of an error.
"""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; nothing heavy is imported for it."""
    parser = argparse.ArgumentParser(
        prog="reelyard",
        description="Self-hosted media backend: captioned video, transcription and rendering.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {version()}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        importlib.import_module(f"cli.commands.{name.replace('-', '_')}").add_parser(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = build_parser().parse_args(argv)
    debug = os.environ.get("REELYARD_LOG_LEVEL") == "DEBUG"
    logging.basicConfig(level=logging.DEBUG if debug else logging.WARNING, format="%(levelname)s %(message)s")
    try:
        return int(arguments.run(arguments))
    except ReelyardError as error:
        if debug:
            logging.getLogger(__name__).debug("The command failed", exc_info=error)
        show_error(error)
        return exit_of(error)
    except BrokenPipeError:  # the reader of our output has gone, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.FAILED
    except KeyboardInterrupt:
        say("Stopped.")
        return 130


if __name__ == "__main__":
    sys.exit(main())
