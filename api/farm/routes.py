"""Endpoints for administrators: nodes and what they consume."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint

from api.assets.docs import problems
from api.auth import admin_required
from api.extensions import db
from api.farm import metrics as metrics  # registers its gauges
from api.farm import orders, overview
from api.farm.rebalance import Plan
from api.farm.schemas import (
    DrainRequest,
    MoveRequest,
    NodeQuery,
    NodeRequest,
    NodeResponse,
    NodesResponse,
    QueuePolicyRequest,
    QueuePolicyResponse,
    QueuesResponse,
    ReasonRequest,
    RebalanceRequest,
    RebalanceResponse,
    ReleaseQuery,
)

blueprint = Blueprint(
    "farm", __name__, url_prefix="/api/v1/admin/farm", description="For administrators: nodes, queues, failed work"
)

FORBIDDEN = {403: "auth.forbidden"}
NODE = {**FORBIDDEN, 404: "node.not_found"}
QUEUE = {**FORBIDDEN, 404: "queue.not_found"}


def finish(node_id: str) -> dict[str, Any]:
    """Commit, and return the node as it is shown now."""
    db.session.commit()
    return overview.show_node(db.session(), orders.get_node(db.session(), node_id))


@blueprint.route("/nodes")
class NodeList(MethodView):
    """All nodes."""

    decorators = [admin_required]

    @blueprint.arguments(NodeQuery, location="query")
    @blueprint.response(200, NodesResponse)
    @problems(blueprint, FORBIDDEN)
    def get(self, query: dict[str, Any]) -> Any:
        """List nodes

        Online means that a node was heard of and has proven that it consumes within REELYARD_NODE_LOST_S.
        """
        return {"items": overview.list_nodes(db.session(), query["state"])}


@blueprint.route("/nodes/<string:node_id>")
class NodeItem(MethodView):
    """One node."""

    decorators = [admin_required]

    @blueprint.response(200, NodeResponse)
    @problems(blueprint, NODE)
    def get(self, node_id: str) -> Any:
        """Look at a node"""
        return overview.show_node(db.session(), orders.get_node(db.session(), node_id))

    @blueprint.arguments(NodeRequest)
    @blueprint.response(200, NodeResponse)
    @problems(blueprint, {**NODE, 409: "node.cannot_consume"})
    def patch(self, wanted: dict[str, Any], node_id: str) -> Any:
        """Say what a node shall consume

        Stored: a node that is restarted comes back to it. The node carries it out within seconds.
        """
        node = orders.get_node(db.session(), node_id, lock=True)
        orders.set_consumption(db.session(), node, queues=wanted["queues"], slots=wanted["slots"])
        return finish(node_id)


@blueprint.route("/nodes/<string:node_id>/drain")
class NodeDrain(MethodView):
    """Letting a node run empty."""

    decorators = [admin_required]

    @blueprint.arguments(DrainRequest)
    @blueprint.response(200, NodeResponse)
    @problems(blueprint, NODE)
    def post(self, body: dict[str, Any], node_id: str) -> Any:
        """Drain a node

        It takes nothing new from this answer on. What it works on at the deadline goes to other nodes, charged to
        nobody.
        """
        node = orders.get_node(db.session(), node_id, lock=True)
        orders.drain(db.session(), node, deadline_s=body["deadline_s"])
        return finish(node_id)


@blueprint.route("/nodes/<string:node_id>/resume")
class NodeResume(MethodView):
    """Letting a drained node work again."""

    decorators = [admin_required]

    @blueprint.response(200, NodeResponse)
    @problems(blueprint, NODE)
    def post(self, node_id: str) -> Any:
        """End a drain"""
        orders.resume(db.session(), orders.get_node(db.session(), node_id, lock=True))
        return finish(node_id)


@blueprint.route("/nodes/<string:node_id>/quarantine")
class NodeQuarantine(MethodView):
    """Keeping work from a bad node."""

    decorators = [admin_required]

    @blueprint.arguments(ReasonRequest)
    @blueprint.response(200, NodeResponse)
    @problems(blueprint, NODE)
    def post(self, body: dict[str, str], node_id: str) -> Any:
        """Put a node into quarantine

        It happens by itself after REELYARD_QUARANTINE_AFTER failures of different jobs in a row. The node tests
        itself from time to time and comes back once it passes.
        """
        orders.confine(db.session(), orders.get_node(db.session(), node_id, lock=True), body["reason"])
        return finish(node_id)

    @blueprint.arguments(ReleaseQuery, location="query")
    @blueprint.response(200, NodeResponse)
    @problems(blueprint, {**NODE, 409: "node.not_quarantined"})
    def delete(self, query: dict[str, bool], node_id: str) -> Any:
        """Have a node test itself now

        It comes back if it passes; with ``untested`` it comes back at once.
        """
        node = orders.get_node(db.session(), node_id, lock=True)
        orders.release(db.session(), node, untested=query["untested"])
        return finish(node_id)


@blueprint.route("/queues")
class QueueList(MethodView):
    """All queues."""

    decorators = [admin_required]

    @blueprint.response(200, QueuesResponse)
    @problems(blueprint, FORBIDDEN)
    def get(self) -> Any:
        """List queues with what waits, runs and gets done"""
        return {"items": overview.list_queues(db.session())}


@blueprint.route("/queues/<string:name>")
class QueueItem(MethodView):
    """One queue's policy."""

    decorators = [admin_required]

    @blueprint.arguments(QueuePolicyRequest)
    @blueprint.response(200, QueuePolicyResponse)
    @problems(blueprint, QUEUE)
    def patch(self, wanted: dict[str, Any], name: str) -> Any:
        """Change what a rebalancing gives a queue"""
        policy = orders.set_policy(db.session(), name, wanted)
        db.session.commit()
        return overview.describe_policy(policy, name)


@blueprint.route("/queues/<string:name>/pause")
class QueuePause(MethodView):
    """Holding a queue."""

    decorators = [admin_required]

    @blueprint.arguments(ReasonRequest)
    @blueprint.response(200, QueuePolicyResponse)
    @problems(blueprint, QUEUE)
    def post(self, body: dict[str, str], name: str) -> Any:
        """Pause a queue

        Nothing of it starts until it is resumed; what runs goes on, what is ordered waits.
        """
        policy = orders.pause_queue(db.session(), name, body["reason"])
        db.session.commit()
        return overview.describe_policy(policy, name)


@blueprint.route("/queues/<string:name>/resume")
class QueueResume(MethodView):
    """Letting a queue go on."""

    decorators = [admin_required]

    @blueprint.response(200, QueuePolicyResponse)
    @problems(blueprint, QUEUE)
    def post(self, name: str) -> Any:
        """Resume a queue"""
        policy = orders.resume_queue(db.session(), name)
        db.session.commit()
        return overview.describe_policy(policy, name)


@blueprint.route("/moves")
class QueueMoves(MethodView):
    """Moving consumption."""

    decorators = [admin_required]

    @blueprint.arguments(MoveRequest)
    @blueprint.response(200, NodesResponse)
    @problems(
        blueprint,
        {
            **FORBIDDEN,
            404: "node.not_found, queue.not_found",
            409: "node.cannot_consume, queue.not_consumed",
            422: "queue.no_move",
        },
    )
    def post(self, body: dict[str, Any]) -> Any:
        """Move a queue from one node to another

        At run time, within seconds; nothing is lost on the way. Answers with the nodes as they are.
        """
        orders.move_queue(db.session(), body["queue"], source=body["source"], target=body["target"])
        db.session.commit()
        touched = (body["source"], body["target"])
        return {"items": [node for node in overview.list_nodes(db.session()) if node["id"] in touched]}


@blueprint.route("/rebalance")
class Rebalance(MethodView):
    """Sharing the farm by policy."""

    decorators = [admin_required]

    @blueprint.arguments(RebalanceRequest)
    @blueprint.response(200, RebalanceResponse)
    @problems(blueprint, FORBIDDEN)
    def post(self, body: dict[str, bool]) -> Any:
        """Plan who consumes what, and carry it out unless it is a dry run

        By the queues' weights, minimums and wish for GPUs, over the nodes that are online. Each change has its reason,
        which the audit log keeps. What is unmet includes queues with work or a minimum that no such node can consume.
        """
        plan = overview.plan(db.session(), by_demand=body["by_demand"])
        if not body["dry_run"]:
            follow(plan)
        unmet = [{"queue": queue, "reason": reason} for queue, reason in plan.unmet]
        told = {name: [asdict(item) for item in getattr(plan, name)] for name in ("changes", "shares")}
        return {"applied": not body["dry_run"], "unmet": unmet, **told}


def follow(plan: Plan) -> None:
    """Carry a plan out; each change is audited with its reason."""
    session = db.session()
    for change in sorted(plan.changes, key=lambda change: change.node):
        node = orders.get_node(session, change.node, lock=True)
        why, slots = "node.rebalanced", node.wanted_slots
        orders.set_consumption(session, node, queues=change.after, slots=slots, why=why, reason=change.reason)
    db.session.commit()
