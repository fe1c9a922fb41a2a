"""``reelyard sample``: the sound behind a link with tempo, key and loops, without any server."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.console import print_json, progress, say
from cli.exits import Exit

if TYPE_CHECKING:
    from cli.sampling import Made

EPILOG = """\
examples:
  reelyard sample https://www.tiktok.com/@somebody/video/7123456789012345678 --out samples
  reelyard sample https://soundcloud.com/somebody/a-song --out samples --json > sample.json

Writes WAV (48 kHz, 24 bits), MP3 (320 kbit/s), the best loop, waveform, peaks, thumbnail and sample.json.
Only links to what you may use.
"""


def add_parser(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "sample",
        help="take the sound behind a link, with tempo, key and loops",
        description="Fetch what a link leads to and make a sample of it on this machine; no server is needed.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("url", metavar="URL", help="link to one video or sound")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder that the files are written to")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Make the sample."""
    import os

    from cli.sampling import make_sample
    from cli.settings import direct_settings
    from tasks.contracts.samples import LinkOrder
    from tasks.environment import read_environment

    told = read_environment(os.environ, ("REELYARD_MAX_LINK_S", "REELYARD_MAX_LINK_BYTES"))
    order = LinkOrder(arguments.url, told["REELYARD_MAX_LINK_S"], told["REELYARD_MAX_LINK_BYTES"])
    with tempfile.TemporaryDirectory(prefix="reelyard-sample-") as work, progress("sample") as tick:
        made = make_sample(order, arguments.out, Path(work), direct_settings(), tick)
    if arguments.json:
        print_json(made.to_json())
    else:
        _print_text(made)
    return Exit.OK


def _print_text(made: Made) -> None:
    heard = made.heard
    lufs = heard.loudness.integrated_lufs
    print(f"Title     {made.info.title}")
    print(f"By        {made.info.creator.name or made.info.creator.handle or 'unknown'} ({made.info.service})")
    print(f"Length    {heard.duration_s:.1f} s")
    print(f"Tempo     {f'{heard.tempo.bpm:.2f}' if heard.tempo.bpm else f'none: {heard.tempo.reason}'}")
    print(f"Key       {heard.key.name}")
    print(f"Loudness  {f'{lufs} LUFS' if lufs is not None else heard.loudness.reason}")
    for loop in made.loops:
        print(f"Loop      {loop.start_s:.3f} - {loop.end_s:.3f} s, {loop.bars:g} bars, {loop.score:.2f}")
    for path in made.files.values():
        say(f"Wrote {path}")
