"""What reading a stranger's file in a process apart costs against reading it here, in time.

``python -m bench.apart --minutes 10``; the pass line is at most 1.25 times the time for the sound of ten minutes.
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


def spent(work: Callable[[], Any]) -> float:
    """Return seconds of the clock; bubblewrap's own children do not count as CPU of ours."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def compare(path: Path, rounds: int) -> dict[str, dict[str, float]]:
    """Return for each kind of reading the least time here and its ratio apart, in turns."""
    kinds: dict[str, Callable[[MediaLimits], Any]] = {
        "sound": lambda limits: sum(len(piece) for piece in iter_speech_audio(path, limits)),
        "probe": lambda limits: probe_file(path, limits),
        "loudness": lambda limits: measure_loudness(path, limits),
    }
    told = {}
    for name, read in kinds.items():
        here, apart = [], []
        for _ in range(rounds):
            here.append(spent(lambda: read(MediaLimits())))  # noqa: B023 - called at once
            apart.append(spent(lambda: read(MediaLimits(walls="auto"))))  # noqa: B023
        told[name] = {"here_s": round(min(here), 3), "ratio": round(min(apart) / min(here), 2)}
    return told


def main() -> int:
    """Make a file, compare, print; 0 when the sound costs no more than the pass line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--record", action="store_true", help="add a line to bench/results/security.jsonl")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = make_video(Path(folder) / "a.mp4", width=64, height=64, fps=2, duration_s=asked.minutes * 60)
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
    passed = kinds["sound"]["ratio"] <= MOST
    print("PASS" if passed else "FAIL", json.dumps(figures))
    if asked.record:
        with RESULTS.open("a") as file:
            file.write(json.dumps(figures) + "\n")
    return 0 if passed else 1


if __name__ == "__main__":
    raise SystemExit(main())
