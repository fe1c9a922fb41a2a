"""``reelyard demo``: the main job, end to end, on real parts."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.console import say
from cli.exits import Exit
from cli.studio import studio_address
from tasks.errors import ReelyardError

if TYPE_CHECKING:
    from cli.demo import Demo

EPILOG = """\
The input is real human speech over footage drawn at run time (1080x1920, 30 frames a second). A system that runs
in the home folder is used; otherwise one is started and stopped again afterwards, unless --keep (or KEEP=1).

examples:
  reelyard demo
  reelyard demo --keep --preset karaoke
"""


def add_parser(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "demo",
        help="caption a real spoken video end to end and check the result",
        description="Sign up, upload a spoken video, transcribe, build captions, render, download, check.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--home", type=Path, metavar="DIR", help="data folder of the system (default: .reelyard/demo)")
    parser.add_argument("--keep", action="store_true", help="leave the system running (also KEEP=1)")
    parser.add_argument("--preset", default="pop", metavar="NAME", help="caption style (default: pop)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the demo on a system that runs, or on one of its own."""
    from cli.demo import Demo
    from cli.launch import launch, wait_until_ready
    from cli.system import default_home, find_running

    home = (arguments.home or default_home() / "demo").resolve()
    keep = arguments.keep or os.environ.get("KEEP", "") not in ("", "0")
    demo = Demo(home / "out", preset=arguments.preset)
    record = find_running(home)
    own = None if record else launch(home, outlives_us=keep)
    try:
        demo.make_source()  # while the system starts
        record = record or (wait_until_ready(own, home) if own else None) or {}
        run_against(demo, record["api_url"])
    except ReelyardError as error:
        error.detail += f"\nThe logs are in {home / 'logs'}"
        raise
    finally:
        if own and not keep:
            say("Stopping the system …")
            own.stop()
    show(demo, record, home, stays=own is None or keep)
    return Exit.OK


def run_against(demo: Demo, api_url: str) -> None:
    """Do the main job against an API and check what came out."""
    from cli.client import ApiClient

    say(f"The API answers at {api_url}")
    with ApiClient(api_url) as client:
        demo.run(client)
    demo.check()


def show(demo: Demo, record: dict[str, Any], home: Path, *, stays: bool) -> None:
    """Print what came out and what was used."""
    receipt, document = demo.render["receipt"], demo.transcript["document"]
    fonts = ", ".join(sorted({str(font.get("family", "")) for font in receipt["fonts"]}))
    speech = f"{document['engine']} {document['engine_version']}, model {document['model']}"
    timings = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in demo.timings_s.items())
    print(
        f"""
The captioned video is right: {receipt["frame_count"]} frames of {receipt["width"]}x{receipt["height"]}, sound and
pictures end together, captions are drawn, {demo.words_heard:.0%} of the words spoken were heard.

  video        {demo.video}
  poster       {demo.poster}
  encoder      {receipt["encoder"]}
  browser      {receipt["browser"]}
  captions     {receipt["captured_states"]} states captured for {receipt["frame_count"]} frames, preset {demo.preset}
  fonts        {fonts}
  speech       {speech}
  took         {timings}

  "{" ".join(word["text"] for word in demo.words)}"
"""
    )
    urls = f"""  studio       {studio_address(record["api_url"])}
  API          {record["api_url"]}/api/v1
  docs         {record["api_url"]}/api/docs
  health       {record["api_url"]}/readyz
  Flower       {record["flower_url"]}"""
    if stays:
        print(f"{urls}  (user reelyard, password in {home / 'secrets.json'})")
        print(f"\nIt stays up. To stop it: reelyard up --stop --home {home}\n")
    else:
        print(f"{urls}\n  (stopped again; KEEP=1 make demo leaves them up)\n")
