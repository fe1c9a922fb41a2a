"""What waits, runs and gets done, queue by queue; asked of the rows that decide, never of the broker."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Float, Select, cast, func, select
from sqlalchemy.orm import Session

from api.farm.models import QueuePolicy
from api.jobs.models import Attempt, Job, OutboxBell, Step
from api.jobs.states import TERMINAL, Outcome, StepState
from api.renders.models import Render
from tasks.names import POLICY, Queue, TaskName

WINDOW_S = 300.0
"""Throughput is counted over so many seconds."""
RECENT = 2000
UNKNOWN_S = 10.0
"""What a step of a task takes that nobody has done yet."""
QUEUES = {task.value: policy.queue for task, policy in POLICY.items()}


@dataclass
class Workload:
    """One queue's work.

    :param depth: steps that are ready and not claimed, :param oldest_s: longest wait of one.
    :param running_by_node: steps being worked on.
    :param done: steps that succeeded within the window, :param predicted_s: seconds of work that wait.
    """

    queue: Queue
    depth: int = 0
    oldest_s: float = 0.0
    running_by_node: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    done: int = 0
    predicted_s: float = 0.0

    @property
    def running(self) -> int:
        """Steps being worked on."""
        return sum(self.running_by_node.values())

    @property
    def per_minute(self) -> float:
        """Steps that succeed in a minute."""
        return round(self.done * 60.0 / WINDOW_S, 2)


def measure(session: Session) -> dict[Queue, Workload]:
    """Return the work of every queue."""
    loads = {queue: Workload(queue) for queue in Queue}
    usual = usual_seconds(session)
    for task, count, age_s in session.execute(_ready()):
        load = loads[QUEUES.get(task, Queue.CONTROL)]
        load.depth += count
        load.oldest_s = max(load.oldest_s, float(age_s or 0.0))
        load.predicted_s += count * usual.get(task, UNKNOWN_S)
    told, told_s = session.execute(_predicted_renders()).one()
    guessed = told * usual.get(TaskName.RENDER_VIDEO.value, UNKNOWN_S)
    loads[Queue.RENDER].predicted_s += float(told_s or 0.0) - guessed
    running = select(Step.task, Step.node, func.count()).where(Step.state == StepState.RUNNING.value)
    for task, node, count in session.execute(running.group_by(Step.task, Step.node)):
        loads[QUEUES.get(task, Queue.CONTROL)].running_by_node[node] += count
    for task, count in session.execute(_done()):
        loads[QUEUES.get(task, Queue.CONTROL)].done += count
    return loads


def usual_seconds(session: Session) -> dict[str, float]:
    """Return what the steps of each task took lately: the median, in seconds."""
    last = (
        select(Attempt.step_id, (Attempt.ended_at - Attempt.started_at).label("took"))
        .where(Attempt.outcome == Outcome.SUCCEEDED.value)
        .order_by(Attempt.ended_at.desc())
        .limit(RECENT)
        .subquery()
    )
    took_s = func.extract("epoch", last.c.took)
    median = func.percentile_cont(0.5).within_group(took_s)
    query = select(Step.task, median).join(last, last.c.step_id == Step.id).group_by(Step.task)
    return {task: float(seconds) for task, seconds in session.execute(query)}


def read_policies(session: Session) -> dict[str, QueuePolicy]:
    """Return what is said about queues."""
    return {policy.name: policy for policy in session.scalars(select(QueuePolicy))}


def _ready() -> Select[*tuple[Any, ...]]:
    age_s = func.extract("epoch", func.max(func.now() - Step.queued_at))
    ready = select(Step.task, func.count(), age_s).join(OutboxBell, OutboxBell.step_id == Step.id)
    return ready.where(Step.state == StepState.QUEUED.value).group_by(Step.task)


def _predicted_renders() -> Select[*tuple[Any, ...]]:
    """Select count and seconds of the waiting renders that were each estimated as they were ordered."""
    seconds = cast(Render.predicted["p50_s"].astext, Float)
    return (
        select(func.count(), func.sum(seconds))
        .select_from(Step)
        .join(OutboxBell, OutboxBell.step_id == Step.id)
        .join(Job, Job.id == Step.job_id)
        .join(Render, Render.job_id == Job.id)
        .where(Step.task == TaskName.RENDER_VIDEO.value, Step.state == StepState.QUEUED.value)
        .where(Job.state.not_in(sorted(TERMINAL)), Render.predicted.has_key("p50_s"))
    )


def _done() -> Select[*tuple[Any, ...]]:
    since = func.now() - func.make_interval(0, 0, 0, 0, 0, 0, WINDOW_S)
    done = select(Step.task, func.count()).join(Attempt, Attempt.step_id == Step.id)
    return done.where(Attempt.ended_at > since, Attempt.outcome == Outcome.SUCCEEDED.value).group_by(Step.task)
