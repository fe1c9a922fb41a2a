"""Gauges over nodes, their GPUs and the work that waits, asked of the database at each scrape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from prometheus_client.core import GaugeMetricFamily, Metric
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.extensions import get_settings
from api.farm.models import Node
from api.farm.states import NodeState, state_of
from api.farm.workload import measure, read_policies
from api.jobs.engine import database_now
from api.metrics import register_gauges
from tasks.names import Queue

GPU_GAUGES = {
    "use_percent": ("reelyard_gpu_use_percent", "Time in which something ran on the GPU"),
    "encoder_percent": ("reelyard_gpu_encoder_percent", "Time in which its encoders ran"),
    "encoder_sessions": ("reelyard_gpu_encoder_sessions", "Encodes under way"),
    "memory_used": ("reelyard_gpu_memory_used_bytes", "Memory in use"),
    "memory_total": ("reelyard_gpu_memory_bytes", "Memory there is"),
    "temperature_c": ("reelyard_gpu_temperature_celsius", "Temperature"),
    "power_w": ("reelyard_gpu_power_watts", "Power drawn"),
}
"""What a node's beat tells of a card (:class:`tasks.contracts.farm.GpuState`), and how it is exported."""


@register_gauges
def farm_gauges(session: Session) -> list[Metric]:
    """Return nodes by state and host; slots, predicted seconds, throughput and pauses by queue."""
    return [*measure_nodes(session), *measure_work(session)]


def measure_nodes(session: Session) -> list[Metric]:
    """Return how many nodes are in each state, the slots that serve each queue, and the GPUs of online nodes."""
    nodes = GaugeMetricFamily("reelyard_nodes", "Worker processes", labels=["state"])
    slots = GaugeMetricFamily("reelyard_queue_slots", "Slots of online nodes that consume a queue", labels=["queue"])
    now, lost_s = database_now(session), get_settings().node_lost_s
    states: Counter[str] = Counter()
    serving: Counter[str] = Counter()
    cards: dict[tuple[str, str], dict[str, Any]] = {}
    for node in session.scalars(select(Node)):
        state = state_of(node, now, lost_s=lost_s).state
        states[state.value] += 1
        if state == NodeState.ONLINE:
            serving.update(dict.fromkeys(node.queues, node.slots))
            cards |= {(node.host, str(card["index"])): card for card in node.gpus}
    for state in NodeState:
        nodes.add_metric([state.value], states[state.value])
    for queue in Queue:
        slots.add_metric([queue.value], serving[queue.value])
    return [nodes, slots, *describe_gpus(cards)]


def describe_gpus(cards: Mapping[tuple[str, str], Mapping[str, Any]]) -> list[Metric]:
    """Return what the drivers tell of cards, by host and number; what a driver does not tell is left out."""
    found: list[Metric] = []
    for field, (name, text) in GPU_GAUGES.items():
        gauge = GaugeMetricFamily(name, text, labels=["host", "gpu"])
        for labels, card in cards.items():
            if card.get(field) is not None:
                gauge.add_metric(labels, float(card[field]))
        found.append(gauge)
    return found


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
