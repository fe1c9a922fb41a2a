"""A farm that never runs out of work, while something is tried on it; then rest, sweep, verdict."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.chaos.check import Verdict, judge
from bench.chaos.farm import Farm, Shape, running_farm
from bench.chaos.load import Customer, Log, customers, listen, make_users, submit
from bench.chaos.orders import FINE, RENDER, UPLOAD, Order
from bench.chaos.rows import Rows
from bench.chaos.run import SOURCES_EACH, USERS, sweep, wait_quiet

LOOK_S = 0.3
FEEDERS = 4


@dataclass(frozen=True)
class Load:
    """So many jobs that go on at any time, and the seconds that each step takes: of half of the jobs, where two."""

    keep: int
    work_s: float = 0.4
    short_s: float | None = None


@dataclass
class Feeder:
    """Keeps so many jobs going on until told to end, uploads and renders in turn."""

    farm: Farm
    users: list[Customer]
    log: Log
    load: Load
    _number: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _ending: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Feeder:
        self._threads = [threading.Thread(target=self._run, name=f"feeder-{n}") for n in range(FEEDERS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()
        self.log.write("settled")

    def fill(self, timeout_s: float = 120.0) -> None:
        """Wait until most of the work that shall be kept there is there."""
        deadline = time.monotonic() + timeout_s
        with Rows(self.farm.database_url) as rows:
            while open_jobs(rows) < 0.7 * self.load.keep:
                if time.monotonic() > deadline:
                    raise TimeoutError("The farm ends its work faster than it can be handed in")
                time.sleep(LOOK_S)

    def _run(self) -> None:
        with Rows(self.farm.database_url) as rows:
            while not self._ending.is_set():
                if open_jobs(rows) >= self.load.keep:
                    self._ending.wait(LOOK_S)
                    continue
                order = self._next()
                try:
                    submit(self.users[order.user], order, self.log)
                except Exception as error:  # noqa: BLE001 - told in the log, and found there
                    self.log.write("gave up", number=order.number, error=repr(error)[:300])

    def _next(self) -> Order:
        with self._lock:
            self._number += 1
            number = self._number
        work_s = self.load.work_s
        if self.load.short_s is not None and number % 4 < 2:
            work_s = self.load.short_s
        return Order(number, RENDER if number % 2 else UPLOAD, FINE, number % len(self.users), work_s)


@dataclass(frozen=True)
class Tried:
    """What a trial found, and the verdict on all jobs."""

    figures: dict[str, Any]
    gave_up: int
    verdict: Verdict


Trial = Callable[[Farm, Log, random.Random], dict[str, Any]]


Around = Callable[[Farm], AbstractContextManager[Any]]


def try_steady(home: Path, trial: Trial, *, shape: Shape, load: Load, seed: int, around: Around = nullcontext) -> Tried:
    """Run a trial on a farm with work, wait for all of it, and judge.

    :param around: what is there as long as the farm is.
    """
    log = Log(home / "run.jsonl")
    with running_farm(home, shape=shape) as farm, around(farm):
        addresses = make_users(farm.database_url, USERS, seed=seed, plan="studio")
        with customers(farm.layout.api_url, addresses) as users:
            listen(users, farm.hooks_url, log)
            with Feeder(farm, users, log, load) as feeder:
                feeder.fill()
                log.write("began")
                figures = trial(farm, log, random.Random(seed))
            wait_quiet(farm, log)
        sweep(farm)
        with Rows(farm.database_url) as rows:
            received, sources = farm.read_received(), USERS * SOURCES_EACH
            verdict = judge(log.read(), rows, farm.open_storage(), received=received, sources=sources)
            figures |= read_costs(rows)
    return Tried(figures, sum(line["what"] == "gave up" for line in log.read()), verdict)


def open_jobs(rows: Rows) -> int:
    """Return how many jobs go on."""
    return int(rows.one("SELECT count(*) FROM job WHERE state IN ('queued', 'running')"))


def read_costs(rows: Rows) -> dict[str, Any]:
    """Return what was charged to steps: tries, lost workers, hand-backs."""
    query = "SELECT coalesce(sum(charged), 0), coalesce(sum(faults), 0), coalesce(sum(handbacks), 0) FROM step"
    charged, faults, handbacks = rows.all(query)[0]
    failed = rows.one("SELECT count(*) FROM job WHERE state = 'failed'")
    return {"failed": failed, "charged": int(charged), "lost workers": int(faults), "handed back": int(handbacks)}
