"""``reelyard play``: this machine as the loudspeaker of a player."""

from __future__ import annotations

import argparse
import os
import time
from typing import Any

from cli.console import say
from cli.exits import Exit

EPILOG = """\
What the player of the account does is heard here, by VLC (Debian: vlc-bin vlc-plugin-base), until Ctrl-C. Any number of
machines may play along.

examples:
  REELYARD_TOKEN=… reelyard play --url https://media.example.com
  reelyard play --vlc=--aout=alsa --vlc=--alsa-audio-device=hw:1
"""


def add_parser(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "play",
        help="be the loudspeaker of a player",
        description="Follow the player of an account, and play on this machine what it plays.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--url", default="http://127.0.0.1:8000", metavar="URL", help="of the API")
    parser.add_argument("--vlc", action="append", default=[], metavar="OPTION", help="an option for VLC; repeatable")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Follow the player until Ctrl-C."""
    from cli.client import ApiClient
    from cli.speakers import Speakers
    from cli.vlc_output import VlcOutput
    from tasks.errors import ConfigurationError

    token = os.environ.get("REELYARD_TOKEN", "")
    if not token:
        raise ConfigurationError("api.no_token", "Set REELYARD_TOKEN to an API token of the account")
    output = VlcOutput(*arguments.vlc)
    try:
        with ApiClient(arguments.url) as client:
            client.use_token(token)
            speakers = Speakers(output, lambda sound_id: find_url(client, sound_id), time.time)
            follow(client, speakers)
    except KeyboardInterrupt:
        say("silence")
    finally:
        output.close()
    return Exit.OK


def follow(client: Any, speakers: Any) -> None:
    """Play what the player plays: first as it is, then what changes; a broken stream is taken up again."""
    for event in client.live("player", "sounds"):
        if event["event"] in ("ready", "missed"):
            speakers.follow(client.call("GET", "/player"))
        elif event["event"] == "ended":
            return
        else:
            speakers.hear(event["event"], event["data"])


def find_url(client: Any, sound_id: str) -> str:
    """Return the URL of a sound's file."""
    return str(client.call("GET", f"/sounds/{sound_id}/file")["url"])
