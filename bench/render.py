"""Compare our render with its floor and with installed peers: every figure is a ratio within one run.

    python bench/render.py [--parts whole,alone,naive,moving,kept,long] [--sizes 1080x1920,1280x720] [--rounds 2]
                           [--long 120] [--extra NAME='CMD {clip} {scenario} {out}']

Parts: ``whole`` renders and their floors, ``alone`` captions without footage, ``naive`` a screenshot for every frame
(slow), ``moving`` styles of which every frame differs, ``kept`` SSIM outside the captions (of the cases of ``whole``),
``long`` a 20 s video beside a longer one, with and without encoder: without, the start is a fifth of a short one.
Rounds interleave the cases, so that a busy neighbour spoils a round and not a case. Results are appended to
``bench/results/render.jsonl`` with the commit and versions; ``bench/table.py`` prints them beside their bounds.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import shlex
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from measure import measure
from render_inputs import BASE_S, prepare
from similarity import ssim_outside
from table import NO_ENCODE, OURS, PLAIN, print_bounds, print_cases

HERE = Path(__file__).parent
WORK = HERE.parent / "out" / "bench"
PARTS = ("whole", "alone", "naive", "moving", "kept", "long")
NAIVE = "naive loop"


@dataclass(frozen=True)
class Scene:
    """What is rendered."""

    size: str
    style: str = "pop"
    duration_s: float = BASE_S

    def inputs(self) -> tuple[Path, Path]:
        """Return clip and scenario."""
        width, height = (int(part) for part in self.size.split("x"))
        return prepare(WORK, width=width, height=height, duration_s=self.duration_s, style=self.style)


def commands(scene: Scene, out: Path, extra: list[str]) -> dict[str, list[str]]:
    """Return the command of each case."""
    clip, scenario = (str(path) for path in scene.inputs())
    python = sys.executable
    render = [python, "-m", "cli.main", "render", clip, "--scenario", scenario, "--out", str(out), "--json"]
    render += ["--preset", "medium", "--crf", "18"]
    found = {
        "decode only": [python, str(HERE / "plain.py"), "--decode-only", clip],
        PLAIN: [python, str(HERE / "plain.py"), clip, str(out)],
        OURS: [*render, "--encoder", "libx264"],
        NO_ENCODE: [*render, "--no-encode"],
        NAIVE: [python, str(HERE / "naive.py"), scenario, scene.size, clip, str(out)],
        "captions alone": [python, str(HERE / "captions.py"), scenario, scene.size],
        "naive loop, captions alone": [python, str(HERE / "naive.py"), scenario, scene.size],
    }
    for entry in extra:
        name, command = entry.split("=", 1)
        found[name] = shlex.split(command.format(clip=clip, scenario=scenario, out=out, size=scene.size))
    return found


class Run:
    """Measurements of one run."""

    def __init__(self, extra: list[str]) -> None:
        self.records: list[dict[str, Any]] = []
        self._extra = extra

    def case(self, name: str, scene: Scene, *, similarity: bool = False) -> None:
        """Measure a case once."""
        out = WORK / "out.mp4"
        result = measure(commands(scene, out, self._extra)[name], cwd=HERE.parent)
        if result.returncode != 0:
            print(f"{name} failed:\n{result.output[-2000:]}", file=sys.stderr)
            return
        record = {**asdict(scene), "case": name, **result.figures(), **receipt_figures(result.output)}
        if similarity:
            record["ssim"] = ssim_outside(scene.inputs()[0], out)
        self.records.append(record)
        print(
            f"{scene.size} {scene.style:8} {scene.duration_s:4g} s {name:28} {result.cpu_s:7.2f} CPU s"
            f" {result.wall_s:7.2f} s {result.peak_mb:7.0f} MB",
            flush=True,
        )

    def save(self) -> None:
        """Append the run with its commit and versions."""
        git = ["git", "rev-parse", "--short", "HEAD"]
        commit = subprocess.run(git, capture_output=True, text=True, cwd=HERE, check=False).stdout.strip()
        versions = {name: importlib.metadata.version(name) for name in ("av", "playwright", "numpy", "reelyard")}
        entry = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "commit": commit,
            "versions": versions,
            "cores": os.cpu_count(),
            "load": [round(each, 2) for each in os.getloadavg()],
            "records": self.records,
        }
        with (HERE / "results" / "render.jsonl").open("a") as file:
            file.write(json.dumps(entry) + "\n")


def receipt_figures(output: str) -> dict[str, int]:
    """Return how many pictures were drawn for how many frames, from a receipt or from ``captions.py``."""
    start = output.find("{")
    if start < 0:
        return {}
    document = json.JSONDecoder().raw_decode(output[start:])[0]
    document = (document.get("outputs") or [document])[0] if isinstance(document, dict) else {}
    names = {"captured_states": "states", "states": "states", "frame_count": "frames", "frames": "frames"}
    return {to: document[name] for name, to in names.items() if isinstance(document.get(name), int)}


def plan_round(parts: set[str], sizes: list[str], long_s: float, peers: list[str]) -> list[tuple[str, Scene, bool]]:
    """Return the cases of a round: name, scene, and whether the similarity is wanted too."""
    floors = ("decode only", PLAIN, OURS, NO_ENCODE, *peers)
    by_size = {
        "whole": [(name, "pop") for name in floors],
        "alone": [("captions alone", "pop"), ("captions alone", "karaoke")],
        "naive": [(NAIVE, "pop"), (f"{NAIVE}, captions alone", "pop")],
    }
    cases = [
        (name, Scene(size, style))
        for size in sizes
        for part in by_size
        if part in parts
        for name, style in by_size[part]
    ]
    if "moving" in parts:
        cases += [(NO_ENCODE, Scene(sizes[0], style)) for style in ("karaoke", "wave")]
    if "long" in parts:
        lengths = (BASE_S, long_s)
        cases += [(name, Scene(sizes[-1], "pop", length)) for length in lengths for name in (NO_ENCODE, OURS)]
    return [(name, scene, "kept" in parts and name in (PLAIN, OURS)) for name, scene in cases]


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--sizes", default="1080x1920,1280x720")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--long", type=float, default=120.0, help="seconds of the longer video")
    parser.add_argument("--extra", action="append", default=[], help="a peer's command")
    options = parser.parse_args()
    run = Run(options.extra)
    peers = [entry.split("=", 1)[0] for entry in options.extra]
    cases = plan_round(set(options.parts.split(",")), options.sizes.split(","), options.long, peers)
    for _ in range(options.rounds):
        for name, scene, similarity in cases:
            run.case(name, scene, similarity=similarity)
    run.save()
    print_cases(run.records)
    print_bounds(run.records)


if __name__ == "__main__":
    main()
