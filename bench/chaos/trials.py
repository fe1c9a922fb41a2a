"""Try one promise on a farm under steady load.

    python -m bench.chaos.trials TRIAL [--rounds 20] [--seconds 60] [--latest 10] [--jobs n] [--minutes 2] [--seed 1]

``rolling`` stops every process in order, one after another; ``comeback`` breaks the workers' ways to the broker;
``deliveries`` drops, repeats, delays and mixes up messages; ``drill`` does every kind of fault once, alone, and tells
what an operator sees of it; ``flushes`` empties the broker ``--rounds`` times; ``joins`` has ``--jobs`` fan-outs of
forty pieces joined over a bad broker; ``flood`` has one user order ``--jobs`` at once; ``cancels`` times ``--rounds``
cancellations of running work; ``full`` fills the disks of the database and of the objects; ``trouble`` breaks off one
transaction in twenty; ``soak`` works for ``--minutes`` and looks for what grows. All rules of :mod:`bench.chaos.check`
must hold as well. The result is added to ``bench/results/chaos.jsonl``; the exit code is 0
when the promise was kept.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from bench.chaos import cancels, comeback, courier, drill, flood, flushes, full, joins, rolling, soak, trouble
from bench.chaos.farm import USUAL, Farm
from bench.chaos.load import Log
from bench.chaos.results import add_result, show
from bench.chaos.steady import Load, Tried, try_steady

KEPT = {
    "rolling": rolling.is_kept,
    "comeback": comeback.is_kept,
    "deliveries": courier.is_kept,
    "drill": drill.is_kept,
    "flushes": flushes.is_kept,
    "joins": joins.is_kept,
    "flood": flood.is_kept,
    "cancels": cancels.is_kept,
    "full": full.is_kept,
    "trouble": trouble.is_kept,
    "soak": soak.is_kept,
}
JOBS = {"flushes": 2000, "joins": 500, "flood": 400}
LOADS = {
    "rolling": Load(12),
    "comeback": Load(40, work_s=1.5),
    "deliveries": Load(30),
    "drill": Load(12, work_s=1.5),
    "cancels": Load(60, work_s=4.0, short_s=0.02),
    "full": Load(12),
    "trouble": Load(12),
    "soak": Load(30, short_s=0.02),
}
"""More jobs than slots, and long ones, where workers must never be without work; short ones for slots that go on."""


def try_rolling(home: Path, options: argparse.Namespace) -> Tried:
    """Stop processes in order."""
    trial = partial(rolling.roll, rounds=options.rounds)
    return try_steady(home, trial, shape=rolling.SHAPE, load=LOADS["rolling"], seed=options.seed)


def try_comeback(home: Path, options: argparse.Namespace) -> Tried:
    """Break ways to the broker."""
    trial = partial(comeback.come_back, rounds=options.rounds)
    return try_steady(home, trial, shape=USUAL, load=LOADS["comeback"], seed=options.seed)


def try_deliveries(home: Path, options: argparse.Namespace) -> Tried:
    """Mistreat messages."""
    counts: dict[str, Any] = {}
    manners = replace(courier.ROUGH, latest_s=options.latest)

    @contextmanager
    def around(farm: Farm) -> Any:
        with courier.carrying(farm, random.Random(options.seed), manners=manners) as carrier:
            yield
        counts.update(carrier.counts)

    def trial(farm: Farm, log: Log, chance: random.Random) -> dict[str, Any]:
        time.sleep(options.seconds)
        return {"messages": counts}

    return try_steady(home, trial, shape=courier.SHAPE, load=LOADS["deliveries"], seed=options.seed, around=around)


def try_drill(home: Path, options: argparse.Namespace) -> Tried:
    """Do each kind of fault and look."""
    return try_steady(home, drill.drill, shape=USUAL, load=LOADS["drill"], seed=options.seed)


def try_flushes(home: Path, options: argparse.Namespace) -> Tried:
    """Empty the broker."""
    return flushes.try_flushes(home, jobs=options.jobs, flushes=options.rounds, seed=options.seed)


def try_joins(home: Path, options: argparse.Namespace) -> Tried:
    """Join fan-outs."""
    return joins.try_joins(home, jobs=options.jobs, seed=options.seed)


def try_cancels(home: Path, options: argparse.Namespace) -> Tried:
    """Cancel what runs."""
    trial = partial(cancels.cancel_running, rounds=options.rounds)
    return try_steady(home, trial, shape=cancels.SHAPE, load=LOADS["cancels"], seed=options.seed)


def try_full(home: Path, options: argparse.Namespace) -> Tried:
    """Fill disks."""
    with full.small_disks(home):
        return try_steady(home, full.fill_disks, shape=USUAL, load=LOADS["full"], seed=options.seed)


def try_trouble(home: Path, options: argparse.Namespace) -> Tried:
    """Break transactions off."""
    trial = partial(trouble.be_in_trouble, seconds=options.seconds)
    return try_steady(home, trial, shape=USUAL, load=LOADS["trouble"], seed=options.seed)


def try_soak(home: Path, options: argparse.Namespace) -> Tried:
    """Work for long."""
    trial = partial(soak.soak, minutes=options.minutes)
    return try_steady(home, trial, shape=USUAL, load=LOADS["soak"], seed=options.seed)


def try_flood(home: Path, options: argparse.Namespace) -> Tried:
    """Let one user flood the farm."""
    return flood.try_flood(home, jobs=options.jobs, minutes=options.minutes, work_s=options.work, seed=options.seed)


TRIALS = {
    "rolling": try_rolling,
    "comeback": try_comeback,
    "deliveries": try_deliveries,
    "drill": try_drill,
    "flushes": try_flushes,
    "joins": try_joins,
    "flood": try_flood,
    "cancels": try_cancels,
    "full": try_full,
    "trouble": try_trouble,
    "soak": try_soak,
}


def main() -> int:
    """Try once; return 0 when the promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m bench.chaos.trials")
    parser.add_argument("trial", choices=sorted(TRIALS))
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--jobs", type=int, default=0, help="flushes 2000, joins 500, flood 400 unless given")
    parser.add_argument("--minutes", type=int, default=2, help="of a flood, or of a soak")
    parser.add_argument(
        "--latest", type=float, default=courier.ROUGH.latest_s, help="seconds that messages may be late"
    )
    parser.add_argument("--work", type=float, default=1.5, help="seconds that a job of the flood takes")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.jobs = options.jobs or JOBS.get(options.trial, 0)
    home = Path(tempfile.mkdtemp(prefix="reelyard-chaos-"))
    home.chmod(0o755)  # root's services run as nobody, who must be able to get here
    tried = TRIALS[options.trial](home, options)
    passed = KEPT[options.trial](tried.figures) and tried.verdict.passed and not tried.gave_up
    show(tried.verdict)
    for name, value in tried.figures.items():
        print(f"  {name}: {value}")
    asked = {name: value for name, value in vars(options).items() if name != "trial"}
    measured = {**tried.figures, "clients that gave up": tried.gave_up}
    add_result(options.trial, asked, verdict=tried.verdict, measured=measured, passed=passed)
    print("PASSED" if passed else f"FAILED; logs: {home / 'logs'}")
    if passed:
        shutil.rmtree(home, ignore_errors=True)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
