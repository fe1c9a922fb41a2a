"""``reelyard render``: a scenario over a video, without any server, by the render node's own code."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.commands.scenario import understand
from cli.console import print_json, progress
from cli.exits import Exit
from cli.files import read_json, require_file, require_folder_for
from cli.pictures import read_pictures

if TYPE_CHECKING:
    from tasks.contracts import RenderOutput

EPILOG = """\
examples:
  reelyard render talk.mp4 --scenario scenario.json --out captioned.mp4
  reelyard render talk.mp4 --scenario scenario.json --out small.mp4 --preset veryfast --crf 23 --poster still.png
  reelyard render talk.mp4 --scenario scenario.json --out alone.mov --output '{"layer": "captions"}'
  reelyard render talk.mp4 --scenario scenario.json --out x.mp4 --no-encode   draw and blend only, to measure
"""
PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")


def add_parser(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "render",
        help="render a scenario over a video on this machine",
        description="Render a scenario over a video on this machine, by the same code as a render node.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("video", type=Path, metavar="VIDEO", help="the footage")
    parser.add_argument("--scenario", type=Path, required=True, metavar="S.json", help="captions (- is standard input)")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="OUT.mp4", help="what to write: .mp4 .webm .mov .gif or .zip of PNG"
    )
    parser.add_argument("--output", default="{}", metavar="JSON", help="more of the output, in the words of the API")
    parser.add_argument("--music", type=Path, metavar="MUSIC", help="what the output's sound.music mixes in")
    parser.add_argument("--poster", type=Path, metavar="OUT.png", help="also write a still")
    parser.add_argument("--preset", default="medium", choices=PRESETS, help="speed of the encoder (default: medium)")
    parser.add_argument("--crf", type=_crf, metavar="0..63", help="quality, lower is better (default: 18)")
    parser.add_argument(
        "--encoder", default="auto", metavar="NAME", help="libx264, h264_nvenc, libx265, …; naming one makes it strict"
    )
    parser.add_argument("--no-encode", action="store_true", help="draw and blend, but write no video")
    parser.add_argument("--strict", action="store_true", help="refuse a MotionText document of which anything is lost")
    parser.add_argument("--json", action="store_true", help="print the receipt as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Render the video."""
    source, document = require_file(arguments.video), read_json(arguments.scenario)
    for out in filter(None, (arguments.out, arguments.poster)):
        require_folder_for(out)

    from cli.settings import direct_settings
    from render_node.direct import render_apart
    from tasks.scenario.motiontext import is_motiontext

    aspect = _shape(source) if is_motiontext(document) else None
    scenario = understand(document, strict=arguments.strict, aspect=aspect)
    output = read_output(arguments)
    with progress("render") as tick:
        receipt = render_apart(
            source,
            scenario,
            arguments.out,
            output=output,
            settings=direct_settings(),
            poster=arguments.poster,
            encode=not arguments.no_encode,
            progress=tick,
            music=require_file(arguments.music) if arguments.music else None,
            images=read_pictures(scenario, arguments.scenario),
        ).to_json()
    if arguments.json:
        print_json(receipt)
    else:
        print_receipt(receipt, None if arguments.no_encode else arguments.out)
    return Exit.OK


def read_output(arguments: argparse.Namespace) -> RenderOutput:
    """Build the output from the file's name, the options and ``--output``; raise InvalidInputError ``render.*``."""
    from tasks.contracts import RenderOutput
    from tasks.contracts.outputs import SUFFIXES
    from tasks.errors import InvalidInputError

    containers = {suffix: name for name, suffix in SUFFIXES.items()}
    named = {
        "container": containers.get(arguments.out.suffix.lower(), "mp4"),
        "encoder": arguments.encoder,
        "preset": arguments.preset,
        **({"crf": arguments.crf} if arguments.crf is not None else {}),
    }
    try:
        more = json.loads(arguments.output)
    except ValueError as error:
        raise InvalidInputError("render.invalid_output", f"--output is not JSON: {error}") from error
    if not isinstance(more, dict):
        raise InvalidInputError("render.invalid_output", "--output must be a JSON object")
    return RenderOutput.from_json({**named, **more})


def _shape(video: Path) -> tuple[int, int] | None:
    from cli.settings import direct_settings
    from tasks.media.limits import limits_of
    from tasks.media.probe import probe_file

    seen = probe_file(video, limits_of(direct_settings())).video
    return (seen.display_width, seen.display_height) if seen else None


def print_receipt(receipt: dict[str, Any], out: Path | None) -> None:
    """Print what was really used and done, for a person."""
    fonts = ", ".join(sorted({str(font.get("family", "")) for font in receipt["fonts"]})) or "none"
    timings = ", ".join(f"{name} {value:.1f} s" for name, value in receipt["timings_s"].items())
    rows = {
        "video": out or "not written (--no-encode)",
        "pictures": f"{receipt['frame_count']} frames of {receipt['width']}x{receipt['height']}, "
        f"{receipt['captured_states']} caption states drawn",
        "encoder": receipt["encoder"],
        "browser": receipt["browser"],
        "fonts": fonts,
        "sound": receipt["audio"],
        "time": timings or "-",
    }
    for name, value in rows.items():
        print(f"{name:<10}{value}")


def _crf(value: str) -> int:
    if not value.isdigit() or int(value) > 63:
        raise argparse.ArgumentTypeError(f"{value!r} is not a whole number from 0 to 63")
    return int(value)
