"""Gauges over nodes and the work that waits, asked of the database at each scrape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily, Metric
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from api.extensions import db, get_settings
from api.farm.models import Node
from api.farm.states import NodeState, state_of
from api.farm.workload import measure, read_policies
from api.jobs.engine import database_now
from api.metrics import register_gauges
from tasks.names import Queue


@register_gauges
def farm_gauges() -> Iterable[Metric]:
    """Yield nodes by state and host; slots, predicted seconds, throughput and pauses by queue; or nothing."""
    with Session(db.engine) as session:
        try:
            yield from [*measure_nodes(session), *measure_work(session)]
        except SQLAlchemyError:
            return


def measure_nodes(session: Session) -> list[Metric]:
    """Return how many nodes are in each state, and the slots that serve each queue."""
    nodes = GaugeMetricFamily("reelyard_nodes", "Worker processes", labels=["state"])
    slots = GaugeMetricFamily("reelyard_queue_slots", "Slots of online nodes that consume a queue", labels=["queue"])
    now, lost_s = database_now(session), get_settings().node_lost_s
    states: Counter[str] = Counter()
    serving: Counter[str] = Counter()
    for node in session.scalars(select(Node)):
        state = state_of(node, now, lost_s=lost_s).state
        states[state.value] += 1
        if state == NodeState.ONLINE:
            serving.update(dict.fromkeys(node.queues, node.slots))
    for state in NodeState:
        nodes.add_metric([state.value], states[state.value])
    for queue in Queue:
        slots.add_metric([queue.value], serving[queue.value])
    return [nodes, slots]


def measure_work(session: Session) -> list[Metric]:
    """Return by queue what waits in seconds of work (what an autoscaler should read), what gets done, what is held."""
    predicted = GaugeMetricFamily(
        "reelyard_queue_predicted_seconds", "Seconds of work that wait, by what such steps take", labels=["queue"]
    )
    done = GaugeMetricFamily("reelyard_queue_per_minute", "Steps that succeed in a minute", labels=["queue"])
    paused = GaugeMetricFamily("reelyard_queue_paused", "1 while a queue is paused", labels=["queue"])
    policies = read_policies(session)
    for queue, load in measure(session).items():
        predicted.add_metric([queue.value], round(load.predicted_s, 3))
        done.add_metric([queue.value], load.per_minute)
        policy = policies.get(queue.value)
        paused.add_metric([queue.value], float(policy is not None and policy.paused_at is not None))
    return [predicted, done, paused]
