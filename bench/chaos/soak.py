"""R20 and R14: hours of work leave nothing behind: no memory, open files, children, broker keys, connections, folders.

The first tenth of the time is warm-up. Of the rest the first quarter is compared with the last, by medians, so that a
pool process that is replaced, or a burst of work, is no leak. The database itself grows: it keeps the history.
"""

from __future__ import annotations

import os
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import redis

from bench.chaos.farm import Farm
from bench.chaos.load import Log
from bench.chaos.rows import Rows

LOOK_S = 2.0
WARM_UP = 0.1
PAGE = os.sysconf("SC_PAGE_SIZE")
GROWTH = 1.1
"""What is said to be flat may be so much more at the end."""
SLACK = {"MB": 40.0, "files": 12.0, "threads": 12.0, "processes": 3.0}
SLACK_ELSE = {"broker keys": 60.0, "broker MB": 4.0, "connections": 8.0, "folders": 8.0}
"""And this much besides: a farm that works is never quite the same twice."""

Sample = dict[str, float]


def soak(farm: Farm, log: Log, chance: random.Random, *, minutes: float) -> dict[str, Any]:
    """Look every few seconds; return the medians of the first and the last quarter of each thing, and what grew."""
    samples: list[Sample] = []
    deadline = time.monotonic() + minutes * 60
    with Rows(farm.database_url) as rows, closing(redis.Redis.from_url(farm.redis_url)) as broker:
        while time.monotonic() < deadline:
            samples.append(look(farm, rows, broker))
            time.sleep(LOOK_S)
        done = rows.one("SELECT count(*) FROM step WHERE state = 'succeeded'")
    compared = compare(samples)
    grew = sorted(name for name, (first, last) in compared.items() if last > first * GROWTH + slack_of(name))
    return {"looks": len(samples), "steps": done, "first and last": compared, "grew": grew}


def look(farm: Farm, rows: Rows, broker: redis.Redis) -> Sample:
    """Return what is in use now: by role, in the broker, in the database, in the scratch folder."""
    found: Sample = defaultdict(float)
    for member in farm.members.values():
        for pid in family_of(member.child.pid) if member.child.is_running() else ():
            for thing, amount in use_of(pid).items():
                found[f"{member.role} {thing}"] += amount
    found["broker keys"] = float(sum(broker_database["keys"] for broker_database in broker.info("keyspace").values()))
    found["broker MB"] = broker.info("memory")["used_memory"] / 1e6
    found["connections"] = float(rows.one("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"))
    found["folders"] = float(len(list((farm.layout.home / "scratch").iterdir())))
    return dict(found)


def family_of(pid: int) -> Iterator[int]:
    """Yield a process and all below it."""
    yield pid
    try:
        children = [children.read_text() for children in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return  # it ended while we looked
    for child in " ".join(children).split():
        yield from family_of(int(child))


def use_of(pid: int) -> Sample:
    """Return megabytes, open files and threads of a process, nothing if it has ended."""
    own = Path(f"/proc/{pid}")
    try:
        pages = int((own / "statm").read_text().split()[1])
        files, threads = len(list((own / "fd").iterdir())), len(list((own / "task").iterdir()))
    except OSError:
        return {}
    return {"MB": pages * PAGE / 1e6, "files": float(files), "threads": float(threads), "processes": 1.0}


def compare(samples: list[Sample]) -> dict[str, tuple[float, float]]:
    """Return the medians of the first and the last quarter of what follows the warm-up, by thing."""
    steady = samples[int(WARM_UP * len(samples)) :]
    quarter = max(1, len(steady) // 4)
    names = sorted({name for sample in steady for name in sample})
    return {
        name: (_median(steady[:quarter], name), _median(steady[-quarter:], name))
        for name in names
    }  # fmt: skip


def slack_of(name: str) -> float:
    """Return by how much a thing may differ."""
    return SLACK_ELSE.get(name) or SLACK[name.rpartition(" ")[2]]


def is_kept(figures: dict[str, Any]) -> bool:
    """Tell whether nothing grew."""
    return figures["looks"] >= 8 and not figures["grew"]


def _median(samples: list[Sample], name: str) -> float:
    return round(statistics.median(sample.get(name, 0.0) for sample in samples), 1)
