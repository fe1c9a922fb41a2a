"""Submits and reads at fixed rates, with event streams open and many jobs in the table.

    python -m bench.load [--seconds 300] [--submits 50] [--reads 20] [--streams 500] [--jobs 100000]

The requests come from k6, in a process of its own, at rates that do not wait for answers. Passes when no answer is
wrong, none is left out, no stream is lost or refused, 95 of 100 submits take less than 150 ms and 95 of 100 reads less
than 50 ms. Figures are appended to ``bench/results/engine.jsonl``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx

from bench.engine.dispatch import keep
from bench.engine.system import running_system
from bench.load.seed import PASSWORD, Seeded, seed
from bench.load.streams import open_streams

SCRIPT = Path(__file__).with_name("script.js")
SUBMIT_P95_MS, READ_P95_MS = 150.0, 50.0
FAULTS = ("wrong", "left_out", "streams_lost", "streams_refused")
"""Of which there may be none."""
SETTINGS = {"REELYARD_CREDITS": "off"}


def main() -> int:
    """Measure once; return 0 when the promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m bench.load")
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--submits", type=int, default=50)
    parser.add_argument("--reads", type=int, default=20)
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--jobs", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="reelyard-bench-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        home.chmod(0o755)  # root's services run as nobody, who must be able to get here
        with running_system(home, settings=SETTINGS) as system:
            seeded = seed(system.environ, jobs=options.jobs, streams=options.streams)
            found = measure(system.url, seeded, home, options)
    keep({"bench": "load", **vars(options), **found})
    show(found)
    return 0 if found["passed"] else 1


def measure(url: str, seeded: Seeded, home: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Open the streams, let k6 send, and judge."""
    orderers = [{"token": sign_in(url, email), "asset": asset} for email, asset in seeded.orderers]
    told, out = home / "told.json", home / "k6.json"
    told.write_text(json.dumps({"orderers": orderers, "jobs": seeded.jobs}))
    given = {"BASE": url, "TOLD": str(told), "OUT": str(out)}
    given |= {"DURATION": str(options.seconds), "SUBMITS": str(options.submits), "READS": str(options.reads)}
    k6 = [str(Path(sys.executable).with_name("k6")), "run", "--quiet", "--no-usage-report", str(SCRIPT)]
    with open_streams(url, orderers[0]["token"], seeded.watched) as streams:
        subprocess.run(k6, env={**os.environ, **given}, check=True)
        found = json.loads(out.read_text())
        fate = {"streams_lost": streams.lost, "streams_refused": streams.refused}
    return judge(found, {"streams": len(seeded.watched), **fate})


def sign_in(url: str, email: str) -> str:
    """Return a user's access token."""
    answer = httpx.post(
        f"{url}/api/v1/auth/login", json={"email": email, "password": PASSWORD}, trust_env=False, timeout=30
    )
    return str(answer.raise_for_status().json()["access_token"])


def judge(told: dict[str, Any], streams: dict[str, int]) -> dict[str, Any]:
    """Return the figures, and whether they are those that were promised.

    :param streams: ``streams``, ``streams_lost`` and ``streams_refused``, counted.
    """
    found = {
        "submit_count": told["submit_ms"]["count"],
        "submit_p50_ms": round(told["submit_ms"]["p(50)"], 1),
        "submit_p95_ms": round(told["submit_ms"]["p(95)"], 1),
        "read_count": told["read_ms"]["count"],
        "read_p50_ms": round(told["read_ms"]["p(50)"], 1),
        "read_p95_ms": round(told["read_ms"]["p(95)"], 1),
        "wrong": told["wrong"].get("passes", 0),
        "left_out": told["dropped_iterations"].get("count", 0),
        **streams,
    }
    quick = found["submit_p95_ms"] < SUBMIT_P95_MS and found["read_p95_ms"] < READ_P95_MS
    return {**found, "passed": quick and not any(found[name] for name in FAULTS)}


def show(found: dict[str, Any]) -> None:
    """Print a table."""
    print(f"{'':8} {'count':>8} {'p50 ms':>8} {'p95 ms':>8} {'at most':>8}")
    for name, most in (("submit", SUBMIT_P95_MS), ("read", READ_P95_MS)):
        count, p50, p95 = (found[f"{name}_{figure}"] for figure in ("count", "p50_ms", "p95_ms"))
        print(f"{name:8} {count:8} {p50:8} {p95:8} {most:8}")
    print(", ".join(f"{name.replace('_', ' ')} {found[name]}" for name in FAULTS))
    print("PASSED" if found["passed"] else "FAILED")


if __name__ == "__main__":
    raise SystemExit(main())
