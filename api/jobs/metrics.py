"""Gauges over jobs and queues, asked of the database at each scrape."""

from __future__ import annotations

from typing import Any

from prometheus_client.core import GaugeMetricFamily, Metric
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from api.jobs.models import Job, OutboxBell, Step
from api.jobs.states import JobState, StepState
from api.metrics import register_gauges
from tasks.names import POLICY, Queue

QUEUES = {task.value: policy.queue for task, policy in POLICY.items()}


@register_gauges
def job_gauges(session: Session) -> list[Metric]:
    """Return jobs by state, and depth, running steps and longest wait by queue."""
    jobs = GaugeMetricFamily(
        "reelyard_jobs", "Jobs that are not over, and those that ended within a day", labels=["state"]
    )
    recent = Job.finished_at.is_(None) | (Job.finished_at > func.now() - func.make_interval(0, 0, 0, 1))
    grouped = select(Job.state, func.count()).where(recent).group_by(Job.state)
    counts = {state: count for state, count in session.execute(grouped)}
    for state in JobState:
        jobs.add_metric([state.value], counts.get(state.value, 0))
    return [jobs, *measure_queues(session)]


def measure_queues(session: Session) -> list[Metric]:
    """Return depth, running steps and the longest wait in seconds of every queue."""
    depth = GaugeMetricFamily("reelyard_queue_depth", "Steps that are ready and not claimed", labels=["queue"])
    running = GaugeMetricFamily("reelyard_queue_running", "Steps being worked on", labels=["queue"])
    oldest = GaugeMetricFamily("reelyard_queue_oldest_seconds", "Longest wait of a ready step", labels=["queue"])
    waiting: dict[Queue, int] = dict.fromkeys(Queue, 0)
    working: dict[Queue, int] = dict.fromkeys(Queue, 0)
    longest: dict[Queue, float] = dict.fromkeys(Queue, 0.0)
    for task, count, age_s in session.execute(_ready_by_task()):
        queue = QUEUES.get(task, Queue.CONTROL)
        waiting[queue] += count
        longest[queue] = max(longest[queue], float(age_s))
    held = select(Step.task, func.count()).where(Step.state == StepState.RUNNING.value).group_by(Step.task)
    for task, count in session.execute(held):
        working[QUEUES.get(task, Queue.CONTROL)] += count
    for queue in Queue:
        depth.add_metric([queue.value], waiting[queue])
        running.add_metric([queue.value], working[queue])
        oldest.add_metric([queue.value], longest[queue])
    return [depth, running, oldest]


def _ready_by_task() -> Select[*tuple[Any, ...]]:
    age_s = func.extract("epoch", func.max(func.now() - Step.queued_at))
    ready = select(Step.task, func.count(), age_s).join(OutboxBell, OutboxBell.step_id == Step.id)
    return ready.where(Step.state == StepState.QUEUED.value).group_by(Step.task)
