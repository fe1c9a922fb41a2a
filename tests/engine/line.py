"""Playing farms of any size on the real dispatcher and database, in simulated time."""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from sqlalchemy import insert

from api.control.dispatcher import Round, dispatch
from api.extensions import db
from api.farm.models import Node
from api.ids import new_id
from api.jobs.models import Job, OutboxBell, Step
from api.jobs.outbox import queue_of
from api.jobs.progress import weight_of
from api.users.models import User
from tasks.contracts import Claim
from tasks.names import Priority, Queue, TaskName
from tests.engine.play import KIND, Play


def add_user(plan: str = "free") -> UUID:
    user = User(id=new_id(), email=f"{new_id()}@example.com", password_hash="-", role="user", plan_code=plan)
    db.session.add(user)
    db.session.commit()
    return user.id


def add_node(queue: Queue, slots: int) -> None:
    """A node that consumes a queue for as long as a test takes."""
    now = datetime.now(UTC)
    day = timedelta(days=1)
    later = dict.fromkeys(("registered_at", "started_at", "consumed_at"), now)
    later |= {"heard_since": now - day, "seen_at": now + day}
    db.session.add(
        Node(
            id=f"node@{new_id()}", instance="1", host="h", role="cpu", pid=1, queues=[queue.value], slots=slots, **later
        )
    )
    db.session.commit()


def add_jobs(
    owner_id: UUID,
    number: int,
    *,
    task: TaskName = TaskName.RENDER_VIDEO,
    priority: Priority = Priority.NORMAL,
    limits: tuple[str, ...] = (),
) -> list[UUID]:
    """Jobs of one step each, ready and due, as many rows at once as it takes."""
    now = datetime.now(UTC) - timedelta(seconds=1)
    jobs, steps, bells = [], [], []
    for key in range(number):
        job_id, step_id = new_id(), new_id()
        subject = {"key": key % 50}
        jobs.append({"id": job_id, "owner_id": owner_id, "kind": KIND, "priority": int(priority), "subject": subject})
        only = {"id": step_id, "job_id": job_id, "position": 0, "name": "only", "task": task.value}
        steps.append({**only, "limits": list(limits)})
        bell = {"step_id": step_id, "job_id": job_id, "priority": int(priority), "due_at": now}
        bells.append({**bell, "queue": queue_of(task.value), "owner_id": owner_id})
    for model, rows in ((Job, jobs), (Step, steps), (OutboxBell, bells)):
        db.session.execute(insert(model), rows)
    db.session.commit()
    return [row["id"] for row in jobs]


@contextmanager
def changed_settings(app: Any, **values: Any) -> Iterator[None]:
    before = app.extensions["settings"]
    app.extensions["settings"] = replace(before, **values)
    yield
    app.extensions["settings"] = before


@dataclass
class Broker:
    """First come, first served within a priority: as the real one, in memory."""

    lines: dict[int, deque[dict[str, Any]]] = field(default_factory=lambda: {int(p): deque() for p in Priority})
    rung: list[dict[str, Any]] = field(default_factory=list)

    def bell(self, step_id: UUID, attempt: int, *, job_id: UUID, task: str, priority: int) -> dict[str, Any]:
        return {"step_id": str(step_id), "job_id": str(job_id), "task": task, "priority": priority}

    def send(self, bell: dict[str, Any]) -> None:
        self.rung.append(bell)
        self.lines[bell["priority"]].append(bell)

    def take(self) -> dict[str, Any] | None:
        return next((line.popleft() for _, line in sorted(self.lines.items()) if line), None)

    def __len__(self) -> int:
        return sum(map(len, self.lines.values()))


def run_dispatcher(broker: Broker) -> Round:
    """Run rounds until there is nothing to do, or no room."""
    total = Round()
    while True:
        told = dispatch(db.session(), broker, rering_s=3600.0)  # type: ignore[arg-type]
        total = Round(total.rung + told.rung, total.dropped + told.dropped, told.broker_away)
        if not told.full:
            return total


class Farm:
    """Slots that take bells, work for simulated seconds, and report."""

    def __init__(self, play: Play, slots: int, *, seed: int, longest_s: float = 30.0) -> None:
        self.play, self.free, self.random = play, slots, random.Random(seed)
        self.broker, self.now_s, self.longest_s = Broker(), 0.0, longest_s
        self.submitted: dict[str, float] = {}
        self.waits: dict[str, float] = {}
        self.stages: list[float] = []
        self.most_out = 0
        self._events: list[tuple[float, int, Any]] = []
        self._number = count()

    def at(self, when_s: float, act: Any) -> None:
        heapq.heappush(self._events, (when_s, next(self._number), act))

    def submit(self, job_id: UUID) -> None:
        self.submitted[str(job_id)] = self.now_s

    def run(self, until_s: float) -> None:
        self.work()
        while self._events and self._events[0][0] <= until_s:
            self.now_s, _, act = heapq.heappop(self._events)
            act()
            self.work()

    def work(self) -> None:
        run_dispatcher(self.broker)
        self.most_out = max(self.most_out, len(self.broker))
        while self.free and (bell := self.broker.take()) is not None:
            claim = self.play.ask_by_id(bell["job_id"], bell["step_id"], bell["task"])
            assert claim.claimed, claim.reason
            self.free -= 1
            self.begin(claim)
            run_dispatcher(self.broker)

    def begin(self, claim: Claim) -> None:
        if claim.job_id in self.submitted:
            self.waits[claim.job_id] = self.now_s - self.submitted[claim.job_id]
        stage_s = self.random.uniform(self.longest_s / 3, self.longest_s)
        self.stages.append(stage_s)
        self.at(self.now_s + stage_s, lambda: self.end(claim))

    def end(self, claim: Claim) -> None:
        self.play.succeed(claim)
        self.free += 1


def cost_of(task: TaskName) -> float:
    return weight_of(task.value)
