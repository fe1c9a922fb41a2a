"""What administrators see of nodes and queues."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.extensions import get_settings
from api.farm.models import Node, QueuePolicy
from api.farm.orders import DEFAULTS
from api.farm.rebalance import Need, Plan, Worker, plan_rebalance
from api.farm.states import NodeState, state_of
from api.farm.workload import Workload, measure, read_policies
from api.jobs.engine import database_now
from tasks.names import Queue

COLUMNS = (
    *("id", "host", "role", "pid", "queues", "able", "slots", "busy", "about", "gpu", "gpus"),
    *("registered_at", "started_at", "seen_at", "consumed_at", "drain_at", "drain_until", "quarantined_at"),
    *("test_problems", "tested_at"),
)


def list_nodes(session: Session, state: str | None = None) -> list[dict[str, Any]]:
    """Return all nodes, or those in one state, by name."""
    loads, now = measure(session), database_now(session)
    told = [describe_node(node, now, loads) for node in session.scalars(select(Node).order_by(Node.id))]
    return [node for node in told if state in (None, node["state"])]


def describe_node(node: Node, now: Any, loads: dict[Queue, Workload]) -> dict[str, Any]:
    """Return a node as it is shown."""
    shown = state_of(node, now, lost_s=get_settings().node_lost_s)
    running = sum(load.running_by_node.get(node.id, 0) for load in loads.values())
    settled = sorted(node.queues) == sorted(node.ordered_queues) and node.slots == node.ordered_slots
    return {
        **{name: getattr(node, name) for name in COLUMNS},
        "state": shown.state.value,
        "reason": shown.reason,
        "running": running,
        "wanted_queues": sorted(node.ordered_queues),
        "wanted_slots": node.ordered_slots,
        "settled": settled and node.generation_done >= node.generation,
        "test_running": bool(node.test_id),
    }


def show_node(session: Session, node: Node) -> dict[str, Any]:
    """Return one node as it is shown."""
    return describe_node(node, database_now(session), measure(session))


def list_queues(session: Session) -> list[dict[str, Any]]:
    """Return every queue with its work, its policy and who consumes it."""
    policies, now, lost_s = read_policies(session), database_now(session), get_settings().node_lost_s
    working = [
        node for node in session.scalars(select(Node)) if state_of(node, now, lost_s=lost_s).state != NodeState.OFFLINE
    ]
    return [
        {
            **describe_policy(policies.get(load.queue.value), load.queue.value),
            "depth": load.depth,
            "oldest_s": round(load.oldest_s, 1),
            "running": load.running,
            "per_minute": load.per_minute,
            "predicted_s": round(load.predicted_s, 1),
            "nodes": sorted(node.id for node in working if load.queue.value in node.queues),
        }
        for load in measure(session).values()
    ]


def describe_policy(policy: QueuePolicy | None, name: str) -> dict[str, Any]:
    """Return what is said about a queue."""
    values = {key: getattr(policy, key) if policy else value for key, value in DEFAULTS.items()}
    return {"name": name, "paused": values["paused_at"] is not None, **values}


def plan(session: Session, *, by_demand: bool) -> Plan:
    """Plan who consumes what, from the nodes that work and the stored policy.

    A queue that no such node can consume is in the plan, as one that lacks nodes, if it has work or a minimum.

    :param by_demand: a queue's weight counts as often as there are minutes of work waiting for it, and once more.
    """
    now, lost_s = database_now(session), get_settings().node_lost_s
    nodes = session.scalars(select(Node).where(Node.role != "control"))
    workers = [
        Worker(node.id, node.ordered_slots, able_of(node), frozenset(node.usual_queues), bool(node.gpus))
        for node in nodes
        if state_of(node, now, lost_s=lost_s).state == NodeState.ONLINE
    ]
    policies, loads = read_policies(session), measure(session)
    served = frozenset().union(*(worker.able for worker in workers))
    needs = []
    for queue, load in sorted(loads.items()):
        stored = describe_policy(policies.get(queue.value), queue.value)
        is_wanted = queue.value in served or stored["min_slots"] or load.depth or load.running
        if queue is Queue.CONTROL or not is_wanted:
            continue
        demand = 1.0 + load.predicted_s / 60.0 if by_demand else 1.0
        needs.append(Need(queue.value, stored["weight"] * demand, stored["min_slots"], stored["gpu"]))
    return plan_rebalance(workers, needs)


def able_of(node: Node) -> frozenset[str]:
    """Return the queues that a node may be given."""
    return frozenset(node.able) | frozenset(node.started_with)
