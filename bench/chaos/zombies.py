"""Stop attempts at named points until others have done their work, then let them go on: nothing they do may count.

    python -m bench.chaos.zombies [--jobs 100] [--seed 1]

Every first and second attempt of every render stops itself at a failpoint (:mod:`tasks.failpoints`), between claim,
upload and report, and is woken after 1.2 to 4 leases, as the owner of what another attempt owns by then. Prints
how many stopped where; the exit code is 0 when every point was met ten times (once where there are less than 60 jobs)
and every rule of :mod:`bench.chaos.check` holds, among them that each result lies under the token of the attempt that
succeeded, with the bytes that it reported.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench.chaos.check import Verdict, judge
from bench.chaos.farm import LEASE_S, RENDER, Farm, Shape, running_farm
from bench.chaos.faults import PAUSE_LEASES, descendants_of
from bench.chaos.load import Customer, Log, customers, listen, make_users, submit
from bench.chaos.orders import FINE, Order
from bench.chaos.results import add_result
from bench.chaos.rows import Rows
from bench.chaos.run import SOURCES_EACH, USERS, sweep, wait_quiet

SLOTS = 4
LOOK_S = 0.1
STOPS = {
    "render1": {1: "after_claim", 2: "before_upload"},
    "render2": {1: "after_upload", 2: "before_report"},
}
"""At which point an attempt stops, by worker and number; a third one is left in peace."""
LEAST_HITS, ENOUGH_JOBS = 10, 60
"""How often each point is to be met where so many jobs give it the chance to; once in shorter runs."""


@dataclass
class Waker:
    """Wakes stopped processes of the render workers, each after a while of its own."""

    farm: Farm
    seed: int
    log: Log
    woken: int = 0
    _due: dict[int, float] = field(default_factory=dict)
    _ending: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Look for stopped processes until told to end."""
        chance = random.Random(f"zombies {self.seed}")
        while not self._ending.wait(LOOK_S):
            for member in self.farm.of_role(RENDER):
                for pid in descendants_of(member.child.pid):
                    if pid not in self._due and is_stopped(pid):
                        self._due[pid] = time.monotonic() + LEASE_S * chance.uniform(*PAUSE_LEASES)
            self._wake_due()

    def end(self) -> None:
        """Stop looking."""
        self._ending.set()

    def _wake_due(self) -> None:
        for pid in [pid for pid, due in self._due.items() if time.monotonic() >= due]:
            del self._due[pid]
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
                self.woken += 1
                self.log.write("fault", kind="woken", pid=pid)


@dataclass(frozen=True)
class Woken:
    """How many attempts were woken, how many stopped at each point and lost their step, and the verdict."""

    jobs: int
    woken: int
    points: dict[str, int]
    verdict: Verdict

    @property
    def passed(self) -> bool:
        """Whether every point was met often enough and nothing that a woken attempt did counts."""
        wanted = {point for stops in STOPS.values() for point in stops.values()}
        least = LEAST_HITS if self.jobs >= ENOUGH_JOBS else 1
        often = all(times >= least for times in self.points.values())
        return wanted == set(self.points) and often and self.verdict.passed


def wake_zombies(home: Path, *, jobs: int, seed: int) -> Woken:
    """Render with attempts that stop, wait for all work and all zombies, and judge."""
    log = Log(home / "run.jsonl")
    with running_farm(home, shape=Shape(SLOTS, environ_of_stops())) as farm:
        waker = Waker(farm, seed, log)
        watcher = threading.Thread(target=waker.run, name="waker", daemon=True)
        watcher.start()
        addresses = make_users(farm.database_url, USERS, seed=seed, plan="studio")
        with customers(farm.layout.api_url, addresses) as users:
            listen(users, farm.hooks_url, log)
            hand_in(users, jobs, log)
        wait_quiet(farm, log)
        time.sleep(LEASE_S * PAUSE_LEASES[1] + 3.0)  # until the last one was woken and has said its word
        waker.end()
        watcher.join()
        sweep(farm)
        with Rows(farm.database_url) as rows:
            received, sources = farm.read_received(), USERS * SOURCES_EACH
            verdict = judge(log.read(), rows, farm.open_storage(), received=received, sources=sources)
            points = count_points(rows)
    return Woken(jobs, waker.woken, points, verdict)


def environ_of_stops() -> dict[str, dict[str, str]]:
    """Return the environment of each worker that stops."""
    told = {
        name: ",".join(f"{point}#{number}=stop" for number, point in stops.items()) for name, stops in STOPS.items()
    }
    return {name: {"REELYARD_FAILPOINTS": points} for name, points in told.items()}


def hand_in(users: list[Customer], jobs: int, log: Log) -> None:
    """Order renders for everybody in turn."""
    for number in range(jobs):
        submit(users[number % len(users)], Order(number, RENDER, FINE, number % len(users), 0.05), log)
    log.write("settled")


def count_points(rows: Rows) -> dict[str, int]:
    """Return how many attempts lost their step at each point, by the worker and the number that they had."""
    query = """SELECT split_part(a.node, '-', 1), a.number, count(*) FROM attempt a
        JOIN step s ON s.id = a.step_id WHERE s.task = 'render.video' AND a.outcome = 'lost' GROUP BY 1, 2"""
    found: Counter[str] = Counter()
    for node, number, times in rows.all(query):
        found[STOPS[node].get(number, "elsewhere")] += times
    return dict(found)


def is_stopped(pid: int) -> bool:
    """Tell whether a process was stopped by a signal."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    except OSError:
        return False


def main() -> int:
    """Run once; return 0 when nothing that a woken attempt did counts."""
    parser = argparse.ArgumentParser(prog="python -m bench.chaos.zombies")
    parser.add_argument("--jobs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="reelyard-chaos-"))
    home.chmod(0o755)  # root's services run as nobody, who must be able to get here
    found = wake_zombies(home, jobs=options.jobs, seed=options.seed)
    print(f"woken: {found.woken}; lost their step at: {found.points}")
    for name, wrong in found.verdict.wrong.items():
        if wrong:
            print(f"  {name:20} {len(wrong):4}   {'; '.join(wrong[:3])}")
    asked = {"jobs": options.jobs, "seed": options.seed}
    measured = {"woken": found.woken, "lost their step at": found.points}
    add_result("zombies", asked, verdict=found.verdict, measured=measured, passed=found.passed)
    print("PASSED" if found.passed else f"FAILED; logs: {home / 'logs'}")
    if found.passed:
        shutil.rmtree(home, ignore_errors=True)
    return 0 if found.passed else 1


if __name__ == "__main__":
    sys.exit(main())
