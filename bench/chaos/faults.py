"""A seeded list of faults, spread over a run, and how each is done to a farm."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis

from bench.chaos.farm import API, CPU, ENGINE, LEASE_S, RENDER, SCHEDULER, Farm, Member

WEIGHTS = {
    "kill_worker": 22,
    "kill_pool_child": 14,
    "kill_grandchild": 8,
    "kill_engine": 14,
    "kill_scheduler": 4,
    "kill_api": 4,
    "kill_api_child": 4,
    "kill_valkey": 8,
    "flush_valkey": 4,
    "stop_postgres": 5,
    "pause_worker": 7,
    "half_open": 6,
}
"""Kinds of faults and how often each comes among a hundred."""
PAUSE_LEASES = (1.2, 4.0)
OUTAGES_S = (0.0, 0.5, 2.0)
HALF_OPEN_S = (1.0, 4.0)


@dataclass(frozen=True)
class Fault:
    """One fault: when (seconds from the start), what, and two numbers in [0, 1) that choose whom and for how long."""

    at_s: float
    kind: str
    whom: float
    extent: float


def plan_faults(count: int, *, seed: int, over_s: float) -> list[Fault]:
    """Return ``count`` faults over ``over_s`` seconds, the same for the same arguments; 20 or more hold every kind."""
    chance = random.Random(f"faults {seed}")
    kinds = list(WEIGHTS) if count >= 20 else []
    kinds += chance.choices(list(WEIGHTS), list(WEIGHTS.values()), k=count - len(kinds))
    chance.shuffle(kinds)
    gap_s = over_s / max(1, count)
    return [
        Fault(gap_s * (number + chance.random()), kind, chance.random(), chance.random())
        for number, kind in enumerate(kinds)
    ]


@dataclass
class Tormentor:
    """Does faults to a farm and tells what it did.

    :param tell: hears ``(kind, details)`` of each fault.
    """

    farm: Farm
    tell: Callable[[str, dict[str, Any]], None]
    _later: list[threading.Thread] = field(default_factory=list)

    def do(self, fault: Fault) -> None:
        """Do one fault. Those that last go on in the background; :meth:`settle` waits for them."""
        details = getattr(self, f"_{fault.kind}")(fault)
        self.tell(fault.kind, details)

    def settle(self) -> None:
        """Wait until every fault that lasts is over."""
        for thread in self._later:
            thread.join()
        self._later.clear()

    def _kill_worker(self, fault: Fault) -> dict[str, Any]:
        return self._kill(_choose(self.farm.of_role(CPU, RENDER), fault))

    def _kill_engine(self, fault: Fault) -> dict[str, Any]:
        return self._kill(_choose(self.farm.of_role(ENGINE), fault))

    def _kill_scheduler(self, fault: Fault) -> dict[str, Any]:
        return self._kill(_choose(self.farm.of_role(SCHEDULER), fault))

    def _kill_api(self, fault: Fault) -> dict[str, Any]:
        return self._kill(_choose(self.farm.of_role(API), fault))

    def _kill_api_child(self, fault: Fault) -> dict[str, Any]:
        return _kill_one(children_of(_choose(self.farm.of_role(API), fault).child.pid), fault)

    def _kill_pool_child(self, fault: Fault) -> dict[str, Any]:
        pools = [pid for member in self.farm.of_role(CPU, RENDER) for pid in children_of(member.child.pid)]
        return _kill_one(pools, fault)

    def _kill_grandchild(self, fault: Fault) -> dict[str, Any]:
        """Kill what a body has started; when no body has at the moment, the pool child that would."""
        pools = [pid for member in self.farm.of_role(CPU, RENDER) for pid in children_of(member.child.pid)]
        return _kill_one([child for pid in pools for child in children_of(pid)] or pools, fault)

    def _kill_valkey(self, fault: Fault) -> dict[str, Any]:
        outage_s = OUTAGES_S[int(fault.extent * len(OUTAGES_S))]
        self.farm.services.children["valkey"].kill()
        time.sleep(outage_s)
        self.farm.services.start_one("valkey")
        return {"outage_s": outage_s}

    def _flush_valkey(self, fault: Fault) -> dict[str, Any]:
        with redis.Redis.from_url(self.farm.redis_url, socket_timeout=5) as client:
            lost = client.dbsize()
            client.flushall()
        return {"keys": lost}

    def _stop_postgres(self, fault: Fault) -> dict[str, Any]:
        """Stop the database at once: no checkpoint, every connection dropped; it recovers from its log."""
        outage_s = OUTAGES_S[int(fault.extent * len(OUTAGES_S))]
        server = self.farm.services.children["postgres"]
        if server.process is not None:
            server.process.send_signal(signal.SIGQUIT)
            server.process.wait(30)
        time.sleep(outage_s)
        self.farm.services.start_one("postgres")
        return {"outage_s": outage_s}

    def _pause_worker(self, fault: Fault) -> dict[str, Any]:
        """Stop a worker with all its children for longer than its lease, then let it go on."""
        member = _choose(self.farm.of_role(CPU, RENDER), fault)
        low, high = PAUSE_LEASES
        pause_s = LEASE_S * (low + (high - low) * fault.extent)
        tree = [member.child.pid, *descendants_of(member.child.pid)]
        _signal(tree, signal.SIGSTOP)
        self._after(pause_s, lambda: _signal(tree, signal.SIGCONT))
        return {"member": member.child.name, "pause_s": round(pause_s, 2)}

    def _half_open(self, fault: Fault) -> dict[str, Any]:
        """Leave the broker connections of a process half open, and all new ones for a moment."""
        return self.leave_half_open(_choose(list(self.farm.members.values()), fault), fault)

    def leave_half_open(self, member: Member, fault: Fault) -> dict[str, Any]:
        """Leave the broker connections of one process half open; ``fault.extent`` says for how long also new ones."""
        low, high = HALF_OPEN_S
        silent_s = low + (high - low) * fault.extent
        count = member.proxy.stall()
        self._after(silent_s, member.proxy.resume)
        return {"member": member.child.name, "connections": count, "silent_s": round(silent_s, 2)}

    def _kill(self, member: Member) -> dict[str, Any]:
        self.farm.kill(member)
        return {"member": member.child.name}

    def _after(self, pause_s: float, call: Callable[[], object]) -> None:
        def run() -> None:
            time.sleep(pause_s)
            call()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        self._later.append(thread)


def children_of(pid: int) -> list[int]:
    """Return the processes that one has started and that still run."""
    found: list[int] = []
    tables: list[Path] = []
    with suppress(OSError):  # it may end while it is looked at
        tables = list(Path(f"/proc/{pid}/task").glob("*/children"))
    for table in tables:
        with suppress(OSError):
            found += [int(child) for child in table.read_text().split()]
    return sorted(found)


def descendants_of(pid: int) -> list[int]:
    """Return all processes below one, parents first."""
    found = children_of(pid)
    return found + [deeper for child in found for deeper in descendants_of(child)]


def _choose(members: list[Member], fault: Fault) -> Member:
    return members[int(fault.whom * len(members))]


def _kill_one(pids: list[int], fault: Fault) -> dict[str, Any]:
    if not pids:
        return {"nobody": True}
    pid = pids[int(fault.whom * len(pids))]
    _signal([pid], signal.SIGKILL)
    return {"pid": pid}


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
