"""A broker that does with bells whatever a broker may do, and workers that die now and then, on the real engine."""

from __future__ import annotations

import heapq
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import UUID

from api.control.dispatcher import dispatch
from api.control.reconciler import reconcile
from api.extensions import db
from tasks.contracts import Claim
from tasks.errors import FencedError
from tests.engine.play import Play

DROPPED = 0.2
MOST_COPIES = 5
LATEST_S = 2.0
DIES = 0.05
RERING_S = 0.25


class UnrulyBroker:
    """Drops a fifth of what it is given, delivers the rest one to five times, each copy late and out of order."""

    def __init__(self, seed: int) -> None:
        self._random, self._lock, self._number = random.Random(seed), threading.Lock(), count()
        self._waiting: list[tuple[float, int, dict[str, Any]]] = []
        self.counts: Counter[str] = Counter()

    def bell(self, step_id: UUID, attempt: int, *, job_id: UUID, task: str, priority: int) -> dict[str, Any]:
        return {"step_id": str(step_id), "job_id": str(job_id), "task": task}

    def send(self, bell: dict[str, Any]) -> None:
        with self._lock:
            self.counts["rung"] += 1
            if self._random.random() < DROPPED:
                self.counts["dropped"] += 1
                return
            for _ in range(self._random.randint(1, MOST_COPIES)):
                late_s = LATEST_S * self._random.random() ** 6  # most are prompt; some come when all is long done
                heapq.heappush(self._waiting, (time.monotonic() + late_s, next(self._number), bell))

    def take(self) -> dict[str, Any] | None:
        with self._lock:
            if not self._waiting or self._waiting[0][0] > time.monotonic():
                return None
            self.counts["delivered"] += 1
            return heapq.heappop(self._waiting)[2]


@dataclass
class UnrulyFarm:
    """Threads that take bells, work, die in the middle, and report as often as it pleases them."""

    play: Play
    broker: UnrulyBroker
    seed: int
    refused: Counter[str] = field(default_factory=Counter)
    ran: Counter[str] = field(default_factory=Counter)
    joined: dict[str, list[list[int]]] = field(default_factory=dict)
    died: int = 0
    problems: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self, workers: int) -> None:
        """Start the engine's rounds and so many workers."""
        self._threads = [threading.Thread(target=self._repeat, args=(self._keep_up, random.Random(self.seed)))]
        for number in range(workers):
            chance = random.Random(f"{self.seed} {number}")
            self._threads.append(threading.Thread(target=self._repeat, args=(self._work, chance)))
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End every thread."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _repeat(self, act: Any, chance: random.Random) -> None:
        while not self._stop.is_set():
            try:
                with self.play.app.app_context():
                    act(chance)
            except Exception as error:  # noqa: BLE001 - the test asserts that there was none
                self.problems.append(repr(error))

    def _keep_up(self, _: random.Random) -> None:
        dispatch(db.session(), self.broker, rering_s=RERING_S)  # type: ignore[arg-type]
        reconcile(db.session(), rering_s=RERING_S)
        self._stop.wait(0.02)

    def _work(self, chance: random.Random) -> None:
        bell = self.broker.take()
        if bell is None:
            self._stop.wait(0.005)
            return
        claim = self.play.ask_by_id(bell["job_id"], bell["step_id"], bell["task"])
        if not claim.claimed:
            with self._lock:
                self.refused[claim.reason] += 1
        elif claim.attempt == 1 and chance.random() < DIES:
            self.died += 1
            self.play.let_lease_pass(claim)
        else:
            self._finish(claim, times=chance.randint(1, 3))

    def _finish(self, claim: Claim, *, times: int) -> None:
        with self._lock:
            self.ran[claim.step_id] += 1
            if claim.name == "join":
                parts = [result["part"] for result in claim.results["part"]]
                self.joined.setdefault(claim.job_id, []).append(parts)
        for _ in range(times):
            try:
                self.play.succeed(claim, part=claim.part)
            except FencedError:
                self.problems.append("an owner was fenced")
