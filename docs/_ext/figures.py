"""The latest figures of the benches that keep their results; :doc:`performance` includes the table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from reference import ROOT, table

Row = tuple[str, ...]


def build_figures() -> str:
    """Return the table."""
    engine = [*dispatch_rows(), *load_rows(), *live_rows(), *farm_rows()]
    rows = [*engine, *render_rows(), *music_rows(), *speech_rows(), *shorts_rows()]
    return "\n".join(table(("What", "Figure", "Beside it", "Measured"), rows, "40 18 26 16"))


def dispatch_rows() -> Iterator[Row]:
    """Yield the latest run of thousands of empty jobs."""
    runs = [run for run in read_results("engine") if run["bench"] == "dispatch" and run["jobs"] >= 2000]
    for run in runs[-1:]:
        beside = (
            f"a step starts {run['start_p50_ms']:.0f} ms after it may, 95 of 100 within {run['start_p95_ms']:.0f} ms"
        )
        what = f"{run['jobs']} empty jobs through the whole engine, {run['slots']} slots"
        yield (what, f"{run['jobs_per_s']} jobs/s", beside, when(run))


def load_rows() -> Iterator[Row]:
    """Yield the latest run with a hundred thousand jobs, whether the promise was kept or not."""
    runs = [run for run in read_results("engine") if run["bench"] == "load" and run["jobs"] >= 100_000]
    for run in runs[-1:]:
        what = f"{run['submits']} orders and {run['reads']} reads a second, {run['streams']} event streams open"
        orders, reads = (f"{run[name]:.0f} ms" for name in ("submit_p95_ms", "read_p95_ms"))
        beside = f"reads within {reads}; 50 orders within 150 and reads within 50 were asked"
        yield (what, f"95 of 100 orders within {orders}", beside, when(run))


def live_rows() -> Iterator[Row]:
    """Yield the latest run of clients that listen live."""
    for run in [run for run in read_results("engine") if run["bench"] == "live"][-1:]:
        what = f"{run['clients']} live clients of {run['users']} users, {run['rate']:.0f} events a second"
        yield (what, f"95 of 100 within {run['p95_ms']:.0f} ms", f"{run['mb_a_client']:.2f} MB a client", when(run))


def farm_rows() -> Iterator[Row]:
    """Yield what a decision costs on farms of different sizes."""
    for run in read_results("engine"):
        if run["bench"] == "sim_farm":
            what = f"a decision of the dispatcher: {run['nodes']} nodes, {run['queued']:,} steps waiting"
            yield (what, f"{run['decision_ms']} ms", f"{run['memory_mb']} MB", when(run))


def render_rows() -> Iterator[Row]:
    """Yield the latest render beside a plain transcode in the same run."""
    for run in reversed(read_results("render")):
        cases: dict[str, dict[str, Any]] = {}
        for record in run["records"]:
            cases.setdefault(record["case"], record)
        if {"reelyard", "plain transcode"} <= set(cases):
            ours, plain = cases["reelyard"], cases["plain transcode"]
            what = f"a captioned render beside a plain transcode, {ours['size']}"
            beside = f"{ours['cpu_s']:.0f} s of CPU beside {plain['cpu_s']:.0f} s"
            yield (what, f"{ours['cpu_s'] / plain['cpu_s']:.2f} times its CPU time", beside, when(run))
            return


def music_rows() -> Iterator[Row]:
    """Yield the latest analysis of songs."""
    runs = read_results("music")
    for run in [run for run in runs if run.get("summary")][-1:]:
        ours = run["summary"]["reelyard/librosa"]
        beside = f"beats F {ours['beat_f']:.2f}, key {ours['key']:.2f}"
        speed = f"{ours['x_real_time']:.0f} times as fast as they play"
        yield ("music analysis of made songs", speed, beside, when(run))
    for run in [run for run in runs if run.get("long")][-1:]:
        for song in run["long"]:
            what = f"a song of {song['length_s'] / 60:.0f} minutes, by {song['engine']}"
            yield (what, f"{song['share']:.2f} of its length in CPU", f"{song['peak_mb']:.0f} MB", when(run))


def speech_rows() -> Iterator[Row]:
    """Yield the latest transcription beside plain faster-whisper in the same run."""
    for run in read_results("speech")[-1:]:
        ours, plain = run["ours"], run["plain"]
        what = f"words of made speech, {run['model']}, beside plain faster-whisper"
        beside = (
            f"{ours['wer']:.1%} of the words wrong, there {plain['wer']:.1%}; {run['speed_ratio']:.2f} times its speed"
        )
        found = f"starts within {ours['start_error_ms']:.0f} ms, there {plain['start_error_ms']:.0f}"
        yield (what, found, beside, when(run))


def shorts_rows() -> Iterator[Row]:
    """Yield the latest making of shorts."""
    for run in read_results("shorts")[-1:]:
        what = f"{run['made']} shorts of a video of {run['seconds'] / 60:.0f} minutes, transcript to files"
        beside = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in run["stages_s"].items())
        yield (what, f"{run['wall_s']:.0f} s", beside, when(run))


def read_results(name: str) -> list[dict[str, Any]]:
    """Read one file of results; there may be none yet."""
    path = ROOT / f"bench/results/{name}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines() if line] if path.is_file() else []


def when(run: dict[str, Any]) -> str:
    """Return the day and the commit of a run."""
    return f"{run['at'][:10]} {run.get('commit', '')}".strip()
