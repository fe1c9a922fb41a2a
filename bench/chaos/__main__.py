"""Break everything while jobs run, and see that nothing accepted is lost.

    python -m bench.chaos [--jobs 300] [--faults 40] [--seed 1] [--keep]

Starts a system of its own (see :mod:`bench.chaos.farm`), hands in jobs while faults are done to it, waits until all is
quiet, sweeps once and lets :mod:`bench.chaos.check` judge. The verdict is printed and added to
``bench/results/chaos.jsonl`` with commit, seed and versions; the exit code is 0 when every promise was kept.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from bench.chaos.results import RESULTS, add_result
from bench.chaos.results import show as show_verdict
from bench.chaos.run import Plan, Ran, run


def main(arguments: list[str] | None = None) -> int:
    """Run once; return 0 when every promise was kept."""
    options = parse(arguments)
    plan = Plan(options.jobs, options.faults, options.seed)
    home = Path(tempfile.mkdtemp(prefix="reelyard-chaos-"))
    home.chmod(0o755)  # root's services run as nobody, who must be able to get here
    ran = run(plan, home)
    show(plan, ran)
    if options.results:
        measured, path = ran.measured, Path(options.results)
        add_result("chaos", asdict(plan), verdict=ran.verdict, measured=measured, passed=ran.verdict.passed, path=path)
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
    print(f"{plan.jobs} jobs, {plan.faults} faults, seed {plan.seed}: {'PASSED' if ran.verdict.passed else 'FAILED'}")
    show_verdict(ran.verdict)
    for name, value in ran.measured.items():
        print(f"  {name}: {value}")


if __name__ == "__main__":
    started = time.monotonic()
    code = main()
    print(f"{time.monotonic() - started:.0f} s in all")
    sys.exit(code)
