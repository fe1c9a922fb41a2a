"""Take Valkey away whole for a minute: work is accepted all the same, as quickly, and done once it is back.

    python -m bench.chaos.outage [--seconds 60] [--submits 200] [--seed 1]

Prints how long a submit takes with the broker up and with it away; the exit code is 0 when every submit was answered
2xx at the first try, 95 of 100 within 300 ms, and every job has ended as it had to. What the broker held is gone when
it comes back: its data are removed meanwhile.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.chaos.check import Verdict, judge
from bench.chaos.farm import Farm, running_farm
from bench.chaos.load import Customer, Log, customers, listen, make_users, order_once
from bench.chaos.orders import FINE, RENDER, Order
from bench.chaos.results import add_result
from bench.chaos.rows import Rows
from bench.chaos.run import SOURCES_EACH, USERS, sweep, wait_quiet
from tasks.errors import ReelyardError

LONGEST_P95_S = 0.3
WARM_UP = 20


@dataclass(frozen=True)
class Outage:
    """What was measured: seconds of each submit before and during the outage, and the verdict on all jobs."""

    before_s: list[float]
    during_s: list[float]
    refused: int
    verdict: Verdict

    @property
    def passed(self) -> bool:
        """Whether the promise was kept."""
        return not self.refused and p95(self.during_s) <= LONGEST_P95_S and self.verdict.passed


def measure_outage(home: Path, *, seconds: float, submits: int, seed: int) -> Outage:
    """Submit before and during an outage, wait for all work, and judge."""
    log = Log(home / "run.jsonl")
    with running_farm(home) as farm:
        addresses = make_users(farm.database_url, USERS, seed=seed, plan="studio")
        with customers(farm.layout.api_url, addresses) as users:
            listen(users, farm.hooks_url, log)
            _submit(users, range(WARM_UP), pause_s=0.0, log=log)
            before, _ = _submit(users, range(WARM_UP, WARM_UP + submits // 4), pause_s=seconds / submits, log=log)
            take_away(farm)
            numbers = range(WARM_UP + submits // 4, WARM_UP + submits // 4 + submits)
            during, refused = _submit(users, numbers, pause_s=seconds / submits, log=log)
            farm.services.start_one("valkey")
            log.write("settled")
        wait_quiet(farm, log)
        sweep(farm)
        with Rows(farm.database_url) as rows:
            received, sources = farm.read_received(), USERS * SOURCES_EACH
            verdict = judge(log.read(), rows, farm.open_storage(), received=received, sources=sources)
    return Outage(before, during, refused, verdict)


def take_away(farm: Farm) -> None:
    """Kill Valkey and remove everything that it has written."""
    farm.services.children["valkey"].kill()
    for folder in farm.layout.home.rglob("appendonlydir"):
        shutil.rmtree(folder)


def p95(values: list[float]) -> float:
    """Return what 95 of 100 values do not pass."""
    return sorted(values)[int(0.95 * (len(values) - 1))] if values else float("nan")


def _submit(users: list[Customer], numbers: range, *, pause_s: float, log: Log) -> tuple[list[float], int]:
    """Submit one order after the other, once each; return how long each took and how many were refused."""
    took, refused, started = [], 0, time.monotonic()
    for position, number in enumerate(numbers):
        time.sleep(max(0.0, started + position * pause_s - time.monotonic()))
        user = number % len(users)
        order = Order(number, RENDER, FINE, user, 0.02)
        sent = time.monotonic()
        try:
            job_id = order_once(users[user].client, order, users[user].sources[RENDER], key=f"order {number}")
        except ReelyardError as error:
            refused += 1
            print(f"order {number}: {error}")
            continue
        took.append(time.monotonic() - sent)
        log.write("accepted", number=number, job=job_id, kind=RENDER, fate=FINE, took_s=round(took[-1], 3))
    return took, refused


def main() -> int:
    """Measure once; return 0 when the promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m bench.chaos.outage")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--submits", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="reelyard-chaos-"))
    home.chmod(0o755)  # root's services run as nobody, who must be able to get here
    found = measure_outage(home, seconds=options.seconds, submits=options.submits, seed=options.seed)
    for name, values in (("up", found.before_s), ("away", found.during_s)):
        longest = max(values, default=0.0)
        print(f"broker {name}: {len(values)} submits, p95 {p95(values):.3f} s, longest {longest:.3f} s")
    print(
        f"refused: {found.refused}; broken promises: {[name for name, wrong in found.verdict.wrong.items() if wrong]}"
    )
    asked = {"seconds": options.seconds, "submits": options.submits, "seed": options.seed}
    measured = {"p95 up s": p95(found.before_s), "p95 away s": p95(found.during_s), "refused": found.refused}
    add_result("outage", asked, verdict=found.verdict, measured=measured, passed=found.passed)
    print("PASSED" if found.passed else f"FAILED; logs: {home / 'logs'}")
    if found.passed:
        shutil.rmtree(home, ignore_errors=True)
    return 0 if found.passed else 1


if __name__ == "__main__":
    sys.exit(main())
