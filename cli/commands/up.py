"""``reelyard up``: the whole system on this machine."""

from __future__ import annotations

import argparse
import signal
import time
from pathlib import Path
from types import FrameType
from typing import Any

from cli.console import say
from cli.exits import Exit
from cli.launch import launch, stop_running, wait_until_ready
from cli.studio import studio_address
from cli.system import System, default_home, start_system

EPILOG = """\
PostgreSQL, Valkey and SeaweedFS come from Python packages and listen on loopback only. What the environment
gives is used instead and not started: DATABASE_URL, REDIS_URL, S3_ENDPOINT_URL (with AWS_ACCESS_KEY_ID and
AWS_SECRET_ACCESS_KEY). Data, logs and generated secrets lie in the home folder.

examples:
  reelyard up
  reelyard up --home /srv/reelyard --port 9000
  reelyard up --detach && reelyard up --stop
"""


class _Stop:
    """Remembers that a person or a system asked us to stop; asked twice, it stops at once."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


def add_parser(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "up",
        help="run the whole system on this machine",
        description="Run the whole system on this machine until Ctrl-C; no Docker, no root.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--home", type=Path, metavar="DIR", help="data folder (default: $REELYARD_HOME or .reelyard)")
    parser.add_argument("--port", type=int, metavar="N", help="port of the API (default: 8000, or a free one)")
    parser.add_argument("--detach", action="store_true", help="return once the system is ready; it runs on")
    parser.add_argument("--stop", action="store_true", help="stop the system that runs in the home folder")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the system until asked to stop."""
    home = (arguments.home or default_home()).resolve()
    if arguments.stop:
        say("Stopped." if stop_running(home) else f"No system runs in {home}.")
        return Exit.OK
    if arguments.detach:
        return detach(home, arguments.port)
    stop = _Stop()
    try:
        system = start_system(home, port=arguments.port, say=say, stopping=lambda: stop.asked)
    except KeyboardInterrupt:
        say("Stopped before it was ready.")
        return Exit.FAILED
    try:
        show_addresses(system)
        while not stop.asked:
            system.supervisor.tend()
            time.sleep(0.25)
        say("Stopping …")
    finally:
        system.stop()
    say("Stopped.")
    return Exit.OK


def show_addresses(system: System) -> None:
    """Print where everything is and how to get in."""
    layout = system.layout
    print(
        f"""
Reelyard is ready.
  studio         {studio_address(layout.api_url)}
  API            {layout.api_url}/api/v1
  documentation  {layout.api_url}/api/docs  (also /api/redoc /api/rapidoc /api/scalar /api/elements)
  health         {layout.api_url}/readyz
  Flower         {layout.flower_url}  user reelyard, password {system.vault["flower_password"]}
  data and logs  {layout.home}

To log in, make a user:  reelyard user create you@example.com --admin --home {layout.home}
and POST its e-mail and password to {layout.api_url}/api/v1/auth/login. Ctrl-C stops everything.
""",
        flush=True,
    )


def detach(home: Path, port: int | None) -> int:
    """Start the system in a session of its own and wait until it is ready."""
    child = launch(home, port=port, outlives_us=True)
    wait_until_ready(child, home)
    print(child.log.read_text())
    return Exit.OK
