"""R8: the broker restarts and connections to it die in every way; each worker is soon back at work, by itself."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from bench.chaos.farm import CPU, RENDER, Farm
from bench.chaos.faults import Fault, Tormentor
from bench.chaos.load import Log
from bench.chaos.rows import Rows

KINDS, WEIGHTS = ("half open", "restart", "cut"), (1, 2, 1)
"""How the ways to the broker break; the first rounds are one of each."""
OUTAGES_S = (0.0, 0.5, 2.0, 5.0)
PAUSE_S = (4.0, 12.0)
LOOK_S = 0.5
LONGEST_IDLE_S = 20.0
"""Seconds that a worker may stand idle while work waits for it and nothing keeps it from the broker."""

WAITING = """SELECT count(*) FILTER (WHERE s.task LIKE 'render.%%'), count(*) FILTER (WHERE s.task NOT LIKE 'render.%%')
    FROM step s JOIN outbox o ON o.step_id = s.id WHERE s.state = 'queued' AND o.due_at IS NOT NULL"""


@dataclass(frozen=True)
class Broken:
    """One fault: from when to when there was no way to the broker, and for which worker alone (None: for any)."""

    kind: str
    since: float
    until: float
    member: str | None = None

    def overlap_s(self, since: float, until: float) -> float:
        """Return how much of a span of time it took."""
        return max(0.0, min(self.until, until) - max(self.since, since))


@dataclass
class Watch:
    """Looks again and again for which workers work waits."""

    url: str
    seen: list[tuple[float, int, int]] = field(default_factory=list)
    _ending: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Look until told to end."""
        with Rows(self.url) as rows:
            while not self._ending.wait(LOOK_S):
                self.seen.append((time.time(), *rows.all(WAITING)[0]))

    def end(self) -> None:
        """Stop looking."""
        self._ending.set()

    def waited_s(self, role: str, since: float, until: float, *, faults: Sequence[Broken] = ()) -> float:
        """Return for how long work waited for workers of a role in a span of time, the time of faults left out."""
        column = 1 if role == RENDER else 2
        moments = [moment for moment in self.seen if since <= moment[0] <= until]
        waiting = [(one[0], later[0]) for one, later in pairwise(moments) if one[column]]
        return sum(end - start - sum(fault.overlap_s(start, end) for fault in faults) for start, end in waiting)


def come_back(farm: Farm, log: Log, chance: random.Random, *, rounds: int) -> dict[str, Any]:
    """Break ways to the broker under load; return the longest that any worker stood idle while work waited for it."""
    watch = Watch(farm.database_url)
    watcher = threading.Thread(target=watch.run, name="watch-queues", daemon=True)
    watcher.start()
    began = time.time()
    kinds = [*KINDS, *chance.choices(KINDS, WEIGHTS, k=rounds)][:rounds]
    done = [_break(farm, log, chance, kind) for kind in kinds]
    time.sleep(LONGEST_IDLE_S)
    ended = time.time()
    watch.end()
    watcher.join()
    idle = measure_idle(farm, watch, began, ended, faults=done)
    workers = farm.of_role(CPU, RENDER)
    return {
        "rounds": {kind: sum(fault.kind == kind for fault in done) for kind in sorted(set(kinds))},
        "longest fault s": round(max(fault.until - fault.since for fault in done), 1),
        "longest idle s": idle,
        "restarts by hand": sum(member.deaths for member in workers),
        "work waited s": {role: round(watch.waited_s(role, began, ended)) for role in (CPU, RENDER)},
        "watched s": round(ended - began),
    }


def is_kept(figures: dict[str, Any]) -> bool:
    """Tell whether every worker came back by itself, and work really waited for them."""
    enough = all(waited >= 0.3 * figures["watched s"] for waited in figures["work waited s"].values())
    soon = max(figures["longest idle s"].values()) <= LONGEST_IDLE_S
    return enough and soon and figures["restarts by hand"] == 0 and figures["failed"] == 0


def measure_idle(
    farm: Farm, watch: Watch, began: float, ended: float, *, faults: Sequence[Broken] = ()
) -> dict[str, float]:
    """Return by worker the longest time between two claims in which work waited for it.

    :param faults: whose own length is nobody's idleness: without a way to the broker no worker can come back.
    """
    query = """SELECT extract(epoch FROM started_at)::float8 FROM attempt
        WHERE node LIKE %s AND started_at > to_timestamp(%s) ORDER BY 1"""
    found = {}
    with Rows(farm.database_url) as rows:
        for member in farm.of_role(CPU, RENDER):
            claims = [at for (at,) in rows.all(query, f"{member.child.name}-%", began) if at < ended]
            its = [fault for fault in faults if fault.member in (None, member.child.name)]
            gaps = [watch.waited_s(member.role, *pair, faults=its) for pair in pairwise([began, *claims, ended])]
            found[member.child.name] = round(max(gaps), 1)
    return found


def _break(farm: Farm, log: Log, chance: random.Random, kind: str) -> Broken:
    """Restart the broker, leave a worker's connections half open, or cut them; then give everybody some time."""
    workers, since, alone = farm.of_role(CPU, RENDER), time.time(), None
    if kind == "restart":
        farm.services.children["valkey"].kill()
        time.sleep(chance.choice(OUTAGES_S))
        farm.services.start_one("valkey")
    elif kind == "half open":
        tormentor, member = Tormentor(farm, lambda *_: None), chance.choice(workers)
        alone = member.child.name
        tormentor.leave_half_open(member, Fault(0.0, "half_open", 0.0, chance.random()))
        tormentor.settle()
    else:
        chance.choice(workers).proxy.cut()
        since = time.time()  # over at once: what follows is all the worker's own time
    broken = Broken(kind, since, time.time(), alone)
    log.write("broke", kind=kind)
    time.sleep(chance.uniform(*PAUSE_S))
    return broken
