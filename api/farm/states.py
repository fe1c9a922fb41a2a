"""The state in which a node is shown; pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from api.farm.models import Node


class NodeState(StrEnum):
    """What a node is, to those who look."""

    ONLINE = "online"
    DRAINING = "draining"
    OFFLINE = "offline"
    QUARANTINED = "quarantined"


@dataclass(frozen=True)
class Shown:
    """A state and why."""

    state: NodeState
    reason: str = ""


def state_of(node: Node, now: datetime, *, lost_s: float) -> Shown:
    """Return a node's state: what keeps it from working comes first.

    A node that beats but has not consumed is as good as gone: offline, ``not_consuming``.
    """
    if node.leaving and not node.busy:
        return Shown(NodeState.OFFLINE, "stopped")
    if (now - node.seen_at).total_seconds() > lost_s:
        return Shown(NodeState.OFFLINE, "silent")
    if (now - node.consumed_at).total_seconds() > lost_s:
        return Shown(NodeState.OFFLINE, "not_consuming")
    if node.quarantined_at is not None:
        return Shown(NodeState.QUARANTINED, node.quarantine_reason)
    if node.drain_at is not None:
        return Shown(NodeState.DRAINING, "drained" if not node.busy else "finishing")
    if node.leaving:
        return Shown(NodeState.DRAINING, "stopping")
    return Shown(NodeState.ONLINE)
