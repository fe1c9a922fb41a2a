"""R16: a courier carries every message from one broker to another, badly: dropped, repeated, late, out of order.

The API and the engines know one database of Valkey, the workers another one; what is between them is the courier's.
"""

from __future__ import annotations

import heapq
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import redis

from bench.chaos.farm import API, ENGINE, Farm, Shape
from tasks.names import Queue

SENDERS, RECEIVERS = 1, 0
SHAPE = Shape(database_of={API: SENDERS, ENGINE: SENDERS})
PREFIX, SEPARATOR = "reelyard:", "\x06\x16"
"""How kombu names the list of a queue and a priority."""


@dataclass(frozen=True)
class Manners:
    """How messages are mistreated: the share that is dropped, copies of the others, how late a copy may come."""

    dropped: float = 0.2
    most_copies: int = 5
    latest_s: float = 10.0


ROUGH = Manners()


@dataclass
class Courier:
    """Takes each message that is sent, and delivers it as it pleases."""

    senders: Any
    receivers: Any
    chance: random.Random
    manners: Manners = ROUGH
    counts: Counter[str] = field(default_factory=Counter)
    _waiting: list[tuple[float, int, bytes, bytes]] = field(default_factory=list)
    _number: Any = field(default_factory=count)
    _ending: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Carry until told to end, then all that is left."""
        keys = [key_of(queue, priority) for queue in Queue for priority in range(10)]
        while not self._ending.is_set():
            found = self.senders.brpop(keys, timeout=0.05)
            if found is not None:
                self._take(*found)
            self._deliver(time.monotonic())
        self._deliver(float("inf"))

    def end(self) -> None:
        """Stop carrying."""
        self._ending.set()

    def _take(self, key: bytes, message: bytes) -> None:
        self.counts["sent"] += 1
        if self.chance.random() < self.manners.dropped:
            self.counts["dropped"] += 1
            return
        for _ in range(self.chance.randint(1, self.manners.most_copies)):
            late_s = self.manners.latest_s * self.chance.random() ** 5  # half are prompt, a tenth late
            heapq.heappush(self._waiting, (time.monotonic() + late_s, next(self._number), key, message))

    def _deliver(self, now: float) -> None:
        while self._waiting and self._waiting[0][0] <= now:
            _, _, key, message = heapq.heappop(self._waiting)
            self.receivers.lpush(key, message)
            self.counts["delivered"] += 1


@contextmanager
def carrying(farm: Farm, chance: random.Random, *, manners: Manners = ROUGH) -> Iterator[Courier]:
    """Have a courier between the databases for the length of the block."""
    with _open(farm, SENDERS) as senders, _open(farm, RECEIVERS) as receivers:
        courier = Courier(senders, receivers, chance, manners)
        thread = threading.Thread(target=courier.run, name="courier", daemon=True)
        thread.start()
        try:
            yield courier
        finally:
            courier.end()
            thread.join()


def is_kept(figures: dict[str, Any], *, manners: Manners = ROUGH) -> bool:
    """Tell whether nothing came of it, and messages were really mistreated: at least half as badly as was planned."""
    sent, dropped, delivered = (figures["messages"].get(name, 0) for name in ("sent", "dropped", "delivered"))
    least_copies = 1 + (manners.most_copies - 1) / 4
    mistreated = dropped > manners.dropped / 2 * sent > 0 and delivered > least_copies * (sent - dropped)
    return bool(figures["failed"] == 0 and mistreated)


def key_of(queue: Queue, priority: int) -> str:
    """Name the list of a queue and priority."""
    return f"{PREFIX}{queue.value}" + (f"{SEPARATOR}{priority}" if priority else "")


def _open(farm: Farm, database: int) -> Any:
    return redis.Redis.from_url(re.sub(r"/\d*$", f"/{database}", farm.redis_url), socket_timeout=10)
