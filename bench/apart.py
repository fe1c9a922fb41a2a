"""What reading a stranger's file in a process apart costs against reading it here, in CPU seconds and in time.

``python -m bench.apart --minutes 10``; the pass line is at most 1.25 times the CPU for files of ten minutes and more.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tasks.media.audio import iter_speech_audio
from tasks.media.limits import MediaLimits
from tasks.media.loudness import measure_loudness
from tasks.media.probe import probe_file
from tasks.sandbox import sandbox_problem
from tests.media_samples import make_video

RESULTS = Path(__file__).parent / "results/security.jsonl"
MOST = 1.25


def spent(work: Callable[[], Any]) -> tuple[float, float]:
    """Return CPU seconds of this process and its children, and seconds of the clock."""
    before, began = os.times(), time.perf_counter()
    work()
    after = os.times()
    return sum(after[:4]) - sum(before[:4]), time.perf_counter() - began


def compare(path: Path, rounds: int) -> dict[str, dict[str, float]]:
    """Return for each kind of reading the least CPU and time here and apart, in turns, and their ratios."""
    kinds: dict[str, Callable[[MediaLimits], Any]] = {
        "sound": lambda limits: sum(len(piece) for piece in iter_speech_audio(path, limits)),
        "probe": lambda limits: probe_file(path, limits),
        "loudness": lambda limits: measure_loudness(path, limits),
    }
    told = {}
    for name, read in kinds.items():
        costs: dict[str, list[tuple[float, float]]] = {"here": [], "apart": []}
        for _ in range(rounds):
            costs["here"].append(spent(lambda: read(MediaLimits())))  # noqa: B023 - called at once
            costs["apart"].append(spent(lambda: read(MediaLimits(walls="auto"))))  # noqa: B023
        here, apart = (tuple(map(min, zip(*costs[which], strict=True))) for which in ("here", "apart"))
        told[name] = {
            "cpu_here_s": round(here[0], 2),
            "cpu_ratio": round(apart[0] / here[0], 2),
            "time_ratio": round(apart[1] / here[1], 2),
        }
    return told


def main() -> int:
    """Make a file, compare, print; 0 when the sound costs no more than the pass line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--record", action="store_true", help="add a line to bench/results/security.jsonl")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = make_video(Path(folder) / "a.mp4", width=320, height=240, duration_s=asked.minutes * 60)
        kinds = compare(path, asked.rounds)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    figures = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
        "cpus": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "bench": "apart",
        "minutes": asked.minutes,
        "bubblewrap": not sandbox_problem(),
        **kinds,
    }
    passed = kinds["sound"]["cpu_ratio"] <= MOST
    print("PASS" if passed else "FAIL", json.dumps(figures))
    if asked.record:
        with RESULTS.open("a") as file:
            file.write(json.dumps(figures) + "\n")
    return 0 if passed else 1


if __name__ == "__main__":
    raise SystemExit(main())
