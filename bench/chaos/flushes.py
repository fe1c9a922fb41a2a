"""R2: all that the broker holds is lost again and again under load; nobody's work is, nor does it wait for long."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path
from typing import Any

from bench.chaos.batch import Scene, handing_in, try_batch
from bench.chaos.comeback import Watch, measure_idle
from bench.chaos.farm import Farm
from bench.chaos.faults import Fault, Tormentor
from bench.chaos.load import Customer, Log
from bench.chaos.orders import plan_orders
from bench.chaos.rows import Rows
from bench.chaos.steady import Tried

KEEP = 60
LONGEST_IDLE_S = 20.0
"""Seconds that work may wait for a worker that stands idle."""
LOOK_S = 0.5


def try_flushes(home: Path, *, jobs: int, flushes: int, seed: int) -> Tried:
    """Empty the broker so many times while so many jobs come in, evenly over the run."""

    def trial(farm: Farm, people: list[Customer], log: Log) -> dict[str, Any]:
        orders, watch, began = plan_orders(jobs, seed=seed, users=len(people)), Watch(farm.database_url), time.time()
        watcher = threading.Thread(target=watch.run, name="watch-queues", daemon=True)
        watcher.start()
        with handing_in(farm, people, log, orders=orders, keep=KEEP):
            lost = flush_as_jobs_come(farm, log, jobs=jobs, flushes=flushes, chance=random.Random(seed))
        time.sleep(LONGEST_IDLE_S)
        watch.end()
        watcher.join()
        idle = measure_idle(farm, watch, began, time.time())
        return {"flushes": len(lost), "keys lost": sum(lost), "jobs": jobs, "longest idle s": idle}

    return try_batch(home, trial, seed=seed, scene=Scene())


def flush_as_jobs_come(farm: Farm, log: Log, *, jobs: int, flushes: int, chance: random.Random) -> list[int]:
    """Empty the broker each time another share of the jobs has come in; return how many keys it had each time."""
    tormentor = Tormentor(farm, lambda kind, details: log.write("fault", kind=kind, **details))
    lost: list[int] = []
    for number in range(flushes):
        wait_for_jobs(farm, log, (number + 0.5) * jobs / flushes)
        time.sleep(chance.uniform(0.0, LOOK_S))
        before = sum(line.get("keys", 0) for line in log.read() if line["what"] == "fault")
        tormentor.do(Fault(0.0, "flush_valkey", 0.0, 0.0))
        lost.append(sum(line.get("keys", 0) for line in log.read() if line["what"] == "fault") - before)
    return lost


def wait_for_jobs(farm: Farm, log: Log, count: float) -> None:
    """Wait until so many jobs were accepted, or nothing more comes."""
    last, since = -1, time.monotonic()
    while time.monotonic() - since < 2 * LONGEST_IDLE_S:
        accepted = sum(line["what"] in ("accepted", "gave up") for line in log.read())
        if accepted >= count:
            return
        if accepted != last:
            last, since = accepted, time.monotonic()
        time.sleep(LOOK_S)
    with Rows(farm.database_url) as rows:
        open_now = rows.one("SELECT count(*) FROM job WHERE state IN ('queued', 'running')")
    raise TimeoutError(f"No job was accepted for {2 * LONGEST_IDLE_S:g} s; {open_now} go on")


def is_kept(figures: dict[str, Any]) -> bool:
    """Tell whether all came through, and the broker really had something to lose."""
    soon = max(figures["longest idle s"].values()) <= LONGEST_IDLE_S
    return bool(soon and figures["keys lost"] > figures["flushes"] > 0)
