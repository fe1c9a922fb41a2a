"""Whether workers could be heard at all when a lease ran out: the whole farm does not fall silent by one job's fault.

While the database or the API is away no lease can be renewed, and all of them end. Counted as lost workers, three such
times would make poison of a long job, and one would put every busy node into quarantine. Nodes beat beside their steps,
so one node that was heard all along says that the silence was the step's own.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from api.extensions import get_settings
from api.farm.models import Node


def longest_pause() -> timedelta:
    """Return how long a node may be silent and still count as heard.

    No lease that is kept by beats ends by a shorter outage; where nodes beat seldom, two of their own beats.
    """
    settings = get_settings()
    return timedelta(seconds=max(settings.lease_s - settings.beat_s, 2 * settings.node_beat_s))


def was_anybody_heard(session: Session, lease_until: datetime) -> bool:
    """Tell whether a node was heard without a break while a lease ran out; True where none has ever told anything."""
    heard = (Node.heard_since <= lease_until) & (Node.seen_at > lease_until - longest_pause())
    answer = select(or_(func.count() == 0, func.bool_or(heard))).select_from(Node)
    return bool(session.scalar(answer))
