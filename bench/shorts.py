"""An eight-minute video to five captioned shorts, on this machine: how long it takes, and where the time goes.

The talk is a real voice over a real face that walks and changes sides (:mod:`tests.talking`), said again and again;
making it is not counted. The command that is measured is ``reelyard shorts``: it transcribes, searches, follows the
face, cuts, draws captions and encodes.

Bound: no longer than the video lasts.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.measure import measure
from bench.verdict import Bound, say
from cli.samples import TWO_CITIES, get_sample
from tasks.media.audio import SPEECH_RATE, decode_speech_audio
from tests.spoken import write_wav
from tests.talking import make_talk

RESULTS = Path(__file__).parent / "results" / "shorts.jsonl"
PAUSE_S = 1.5


def main() -> int:
    """Measure, print and keep; 1 when a bound does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=480.0)
    parser.add_argument("--count", type=int, default=5)
    parser.add_argument("--model", default="tiny.en")
    parser.add_argument("--size", default="1280x720", help="of the video")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave the shorts there, to be looked at")
    arguments = parser.parse_args()
    width, height = (int(side) for side in arguments.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        video = make_video(Path(folder), arguments.seconds, width=width, height=height)
        row = measure_shorts(
            video, arguments.keep or Path(folder) / "shorts", count=arguments.count, model=arguments.model
        )
    row = {**describe_run(), "seconds": arguments.seconds, "size": arguments.size, **row}
    row["times_real"] = round(arguments.seconds / row["wall_s"], 3)
    print(json.dumps(row, indent=2))
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    asked = [
        Bound("seconds, of those that the video lasts", row["wall_s"], most=arguments.seconds),
        Bound("shorts made", row["made"], least=arguments.count),
    ]
    return 0 if say(asked) else 1


def make_video(folder: Path, seconds: float, *, width: int, height: int) -> Path:
    """Write a talk of so many seconds."""
    once = decode_speech_audio(get_sample(TWO_CITIES))
    turn = np.concatenate([once, np.zeros(round(PAUSE_S * SPEECH_RATE), np.float32)])
    samples = np.tile(turn, int(seconds * SPEECH_RATE / len(turn)) + 1)[: int(seconds * SPEECH_RATE)]
    wav = write_wav(folder / "talk.wav", samples * 32767, SPEECH_RATE)
    return make_talk(folder / "talk.mp4", wav=wav, duration_s=seconds, width=width, height=height)


def measure_shorts(video: Path, out: Path, *, count: int, model: str) -> dict[str, Any]:
    """Run the command; return what it took, in all and by stage."""
    command = [sys.executable, "-m", "cli.main", "shorts", str(video), "--out", str(out), "--model", model]
    done = measure([*command, "--count", str(count)], environ={**os.environ, "PYTHONPATH": "."})
    if done.returncode:
        raise RuntimeError(done.output[-2000:])
    told = json.loads((out / "shorts.json").read_text(encoding="utf-8"))
    length_s = sum(short["receipt"]["duration_s"] for short in told["shorts"])
    return {
        **done.figures(),
        "made": len(told["shorts"]),
        "made_s": round(length_s, 1),
        "copied_frames": [short["copied_frames"] for short in told["shorts"]],
        "stages_s": told["timings_s"],
        "sources": sorted({scene["source"] for short in told["shorts"] for scene in short["framing"]["scenes"]}),
    }


def describe_run() -> dict[str, Any]:
    """Return when and of what the run is."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    return {"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "commit": commit, "cores": os.cpu_count()}


if __name__ == "__main__":
    sys.exit(main())
