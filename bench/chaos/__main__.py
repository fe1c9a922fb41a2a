"""Break everything while jobs run, and see that nothing accepted is lost.

    python -m bench.chaos [--jobs 300] [--faults 40] [--seed 1] [--keep]

Starts a system of its own (see :mod:`bench.chaos.farm`), hands in jobs while faults are done to it, waits until all is
quiet, sweeps once and lets :mod:`bench.chaos.check` judge. The verdict is printed and added to
``bench/results/chaos.jsonl`` with commit, seed and versions; the exit code is 0 when every promise was kept.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.chaos.check import Verdict
from bench.chaos.run import Plan, Ran, run

RESULTS = Path(__file__).parents[1] / "results" / "chaos.jsonl"
PACKAGES = ("reelyard", "celery", "kombu", "redis", "sqlalchemy", "psycopg2-binary", "gunicorn")


def main(arguments: list[str] | None = None) -> int:
    """Run once; return 0 when every promise was kept."""
    options = parse(arguments)
    plan = Plan(options.jobs, options.faults, options.seed)
    home = Path(tempfile.mkdtemp(prefix="reelyard-chaos-"))
    home.chmod(0o755)  # root's services run as nobody, who must be able to get here
    ran = run(plan, home)
    show(plan, ran)
    if options.results:
        record(plan, ran, Path(options.results))
    if ran.verdict.passed and not options.keep:
        shutil.rmtree(home, ignore_errors=True)
    else:
        print(f"logs: {home / 'logs'}, {home / 'run.jsonl'}")
    return 0 if ran.verdict.passed else 1


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--jobs", type=int, default=300)
    parser.add_argument("--faults", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="keep logs and data also of a run that passed")
    parser.add_argument("--results", default=str(RESULTS), help="file that the result is added to; empty for none")
    return parser.parse_args(arguments)


def show(plan: Plan, ran: Ran) -> None:
    """Print the verdict."""
    verdict: Verdict = ran.verdict
    print(f"{plan.jobs} jobs, {plan.faults} faults, seed {plan.seed}: {'PASSED' if verdict.passed else 'FAILED'}")
    for name, found in verdict.wrong.items():
        print(f"  {name:20} {len(found):4}   {'; '.join(found[:3])}")
    for name, value in {**verdict.counts, **ran.measured}.items():
        print(f"  {name}: {value}")


def record(plan: Plan, ran: Ran, path: Path) -> None:
    """Add the result to a file."""
    entry: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        **asdict(plan),
        **ran.verdict.to_json(),
        "measured": ran.measured,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(entry) + "\n")


def commit() -> str:
    """Return what is checked out, with a plus sign when files differ from it."""
    root = Path(__file__).parents[2]
    ask = ["git", "describe", "--always", "--abbrev=7", "--dirty=+", "--exclude=*"]
    told = subprocess.run(ask, cwd=root, capture_output=True, text=True, check=False)
    return told.stdout.strip() or "unknown"


if __name__ == "__main__":
    started = time.monotonic()
    code = main()
    print(f"{time.monotonic() - started:.0f} s in all")
    sys.exit(code)
