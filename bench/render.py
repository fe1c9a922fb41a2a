"""Compare our render with its floor and with installed peers: every figure is a ratio within one run.

    python bench/render.py [--sizes 1080x1920,1280x720] [--rounds 2] [--duration 20] [--presets pop,karaoke]
                           [--extra NAME='CMD {clip} {scenario} {out}']

Rounds interleave the cases, so that a busy neighbour spoils a round and not a case. Results are appended to
``bench/results/render.jsonl`` with the commit and versions.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import shlex
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from measure import measure
from render_inputs import prepare

HERE = Path(__file__).parent
WORK = HERE.parent / "out" / "bench"
PLAIN = "plain transcode"


def build_cases(clip: Path, scenario: Path, out: Path, extra: list[str]) -> dict[str, list[str]]:
    """Return the command of each case for one clip and scenario."""
    python, cli = sys.executable, [sys.executable, "-m", "cli.main", "render"]
    render = [
        *cli,
        str(clip),
        "--scenario",
        str(scenario),
        "--out",
        str(out),
        "--preset",
        "medium",
        "--crf",
        "18",
        "--json",
    ]
    cases = {
        "decode only": [python, str(HERE / "plain.py"), "--decode-only", str(clip)],
        PLAIN: [python, str(HERE / "plain.py"), str(clip), str(out)],
        "reelyard": [*render, "--encoder", "libx264"],
        "reelyard, no encode": [*render, "--no-encode"],
    }
    if ffmpeg := shutil.which("ffmpeg"):
        encode = "-c:v libx264 -preset medium -crf 18 -c:a copy"
        cases["ffmpeg transcode"] = shlex.split(f"{ffmpeg} -v error -nostdin -y -i {clip} {encode} {out}")
    for entry in extra:
        name, command = entry.split("=", 1)
        cases[name] = shlex.split(command.format(clip=clip, scenario=scenario, out=out))
    return cases


def run_round(size: str, preset: str, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Run every case once and return one record each."""
    width, height = (int(part) for part in size.split("x"))
    clip, scenario = prepare(WORK, width=width, height=height, duration_s=options.duration, preset=preset)
    records = []
    for name, command in build_cases(clip, scenario, WORK / "out.mp4", options.extra).items():
        result = measure(command, cwd=HERE.parent)
        if result.returncode != 0:
            print(f"{name} failed:\n{result.output[-2000:]}", file=sys.stderr)
            continue
        print(
            f"{size} {preset:8} {name:22} {result.cpu_s:7.2f} CPU s {result.wall_s:7.2f} s {result.peak_mb:7.0f} MB",
            flush=True,
        )
        records.append(
            {
                "case": name,
                "size": size,
                "preset": preset,
                "cpu_s": result.cpu_s,
                "wall_s": result.wall_s,
                "peak_mb": result.peak_mb,
            }
        )
    return records


def print_table(records: list[dict[str, Any]], duration_s: float) -> None:
    """Print medians and ratios to the plain transcode."""
    for size, preset in dict.fromkeys((r["size"], r["preset"]) for r in records):
        rows = [r for r in records if (r["size"], r["preset"]) == (size, preset)]
        floor = statistics.median([r["cpu_s"] for r in rows if r["case"] == PLAIN])
        print(f"\n{size}, {preset}\n{'case':24}{'CPU s':>9}{'/ plain':>9}{'x real time':>13}{'peak MB':>9}")
        for case in dict.fromkeys(r["case"] for r in rows):
            found = [r for r in rows if r["case"] == case]
            cpu = statistics.median(r["cpu_s"] for r in found)
            speed = duration_s / min(r["wall_s"] for r in found)
            print(f"{case:24}{cpu:9.2f}{cpu / floor:9.3f}{speed:13.2f}{max(r['peak_mb'] for r in found):9.0f}")


def save(records: list[dict[str, Any]]) -> None:
    """Append the run with its commit and versions."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=HERE
    ).stdout.strip()
    versions = {name: importlib.metadata.version(name) for name in ("av", "playwright", "numpy", "reelyard")}
    entry = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": commit,
        "versions": versions,
        "records": records,
    }
    with (HERE / "results" / "render.jsonl").open("a") as file:
        file.write(json.dumps(entry) + "\n")


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="1080x1920,1280x720")
    parser.add_argument("--presets", default="pop")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--duration", type=float, default=20.0)
    parser.add_argument("--extra", action="append", default=[])
    options = parser.parse_args()
    records: list[dict[str, Any]] = []
    for _ in range(options.rounds):
        for size in options.sizes.split(","):
            for preset in options.presets.split(","):
                records += run_round(size, preset, options)
    print_table(records, options.duration)
    save(records)


if __name__ == "__main__":
    main()
