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
DROPPED = 0.2
MOST_COPIES = 5
LATEST_S = 10.0
PREFIX, SEPARATOR = "reelyard:", "\x06\x16"
"""How kombu names the list of a queue and a priority."""


@dataclass
class Courier:
    """Takes each message that is sent, and delivers it as it pleases."""

    senders: Any
    receivers: Any
    chance: random.Random
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
        if self.chance.random() < DROPPED:
            self.counts["dropped"] += 1
            return
        for _ in range(self.chance.randint(1, MOST_COPIES)):
            late_s = LATEST_S * self.chance.random() ** 5  # half are prompt, a tenth come more than 5 s late
            heapq.heappush(self._waiting, (time.monotonic() + late_s, next(self._number), key, message))

    def _deliver(self, now: float) -> None:
        while self._waiting and self._waiting[0][0] <= now:
            _, _, key, message = heapq.heappop(self._waiting)
            self.receivers.lpush(key, message)
            self.counts["delivered"] += 1


@contextmanager
def carrying(farm: Farm, chance: random.Random) -> Iterator[Courier]:
    """Have a courier between the databases for the length of the block."""
    with _open(farm, SENDERS) as senders, _open(farm, RECEIVERS) as receivers:
        courier = Courier(senders, receivers, chance)
        thread = threading.Thread(target=courier.run, name="courier", daemon=True)
        thread.start()
        try:
            yield courier
        finally:
            courier.end()
            thread.join()


def is_kept(figures: dict[str, Any]) -> bool:
    """Tell whether nothing came of it, and messages were really mistreated."""
    sent, dropped, delivered = (figures["messages"].get(name, 0) for name in ("sent", "dropped", "delivered"))
    return bool(figures["failed"] == 0 and dropped > 0.1 * sent > 0 and delivered > 1.5 * sent)


def key_of(queue: Queue, priority: int) -> str:
    """Name the list of a queue and priority."""
    return f"{PREFIX}{queue.value}" + (f"{SEPARATOR}{priority}" if priority else "")


def _open(farm: Farm, database: int) -> Any:
    return redis.Redis.from_url(re.sub(r"/\d*$", f"/{database}", farm.redis_url), socket_timeout=10)
