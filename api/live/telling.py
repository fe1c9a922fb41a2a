"""Writing down what clients are told, inside the transaction that makes it so.

Events are numbered as the very last thing before the commit, under the lock of the reader's row: whoever commits first
has the lower number, so that a reader who has seen a number has seen all before it. The lock comes after all others of
the transaction and is held for the commit alone.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from flask import has_app_context
from sqlalchemy import ColumnElement, Integer, and_, bindparam, event, func, insert, or_, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate

from api.jobs.change import JobEvent
from api.jobs.effects import on_job_events
from api.jobs.models import Job
from api.jobs.publish import BROKER_ERRORS, get_publisher
from api.live.models import LiveEvent, LiveReader, Topic
from api.organisations.models import Membership
from api.prepared import PREPARED

logger = logging.getLogger(__name__)

CHANNEL = "reelyard:live"
"""The Redis channel on which the ids of users are told who have something to read."""
KEPT = timedelta(days=1)
"""How long a client may be away and still be told all that it missed."""
_TOLD, _RING = "reelyard.live.told", "reelyard.live.ring"


def tell_live(session: Session, user_id: UUID, topic: Topic, kind: str, data: dict[str, Any]) -> None:
    """Tell a user's clients, as part of the session's transaction; nothing is written where nobody listens."""
    if not session.in_transaction():
        session.begin()  # so that a rollback has something to take back
    told = session.info.setdefault(_TOLD, [])
    told.append((session.get_nested_transaction(), user_id, {"topic": topic.value, "kind": kind, "data": data}))


def is_listening() -> ColumnElement[bool]:
    """Return the condition that somebody listens who may see a job."""
    return select(LiveReader.user_id).where(may_see(), is_recent()).exists()


def may_see() -> ColumnElement[bool]:
    """Return the condition that a reader may see a job: its owner, or whoever is in its organisation now.

    The rule of :func:`api.ownership.visible_to`, for all callers at once.
    """
    members = select(Membership.user_id).where(Membership.organisation_id == Job.organisation_id).correlate(Job)
    own = and_(Job.organisation_id.is_(None), LiveReader.user_id == Job.owner_id)
    return or_(own, LiveReader.user_id.in_(members))


def is_recent() -> ColumnElement[bool]:
    """Return the condition that somebody listened lately."""
    return LiveReader.heard_at > func.now() - KEPT


@on_job_events(is_listening)
def tell_job(session: Session, job: Job, events: Sequence[JobEvent]) -> None:
    """Tell what happens to a job to the clients of everybody who may see it."""
    seen_by = select(LiveReader.user_id).join(Job, may_see()).where(Job.id == job.id, is_recent())
    readers = session.scalars(seen_by).all() if job.organisation_id is not None else [job.owner_id]
    for one in events:
        data = {**one.data, "job_id": str(job.id), "job_kind": job.kind, "job_seq": one.seq}
        for user_id in readers:
            tell_live(session, user_id, Topic.JOBS, one.kind, data)


@lru_cache(maxsize=1)
def counting() -> ReturningUpdate[int]:
    """Return the statement that takes the next ``count`` numbers of a ``reader`` who listened lately."""
    counted = update(LiveReader).where(LiveReader.user_id == bindparam("reader"), is_recent())
    counted = counted.values(last_seq=LiveReader.last_seq + bindparam("count", type_=Integer))
    return counted.returning(LiveReader.last_seq).execution_options(synchronize_session=False, **PREPARED)


@event.listens_for(Session, "before_commit")
def _number(session: Session) -> None:
    if session.in_nested_transaction() or not (told := session.info.pop(_TOLD, None)):
        return
    session.flush()
    by_user: dict[UUID, list[dict[str, Any]]] = {}
    for _, user_id, fields in told:
        by_user.setdefault(user_id, []).append(fields)
    for user_id in sorted(by_user):
        events = by_user[user_id]
        last = session.execute(counting(), {"reader": user_id, "count": len(events)}).scalar()
        if last is None:
            continue
        first = last - len(events) + 1
        rows = [{**fields, "user_id": user_id, "seq": first + place} for place, fields in enumerate(events)]
        session.execute(insert(LiveEvent), rows)
        session.info.setdefault(_RING, set()).add(user_id)


@event.listens_for(Session, "after_commit")
def _ring(session: Session) -> None:
    if session.in_nested_transaction():
        return
    users = session.info.pop(_RING, None)
    if not users or not has_app_context():
        return
    publisher = get_publisher()
    if publisher.breaker.is_open:
        return
    try:
        for user_id in users:
            publisher.redis.publish(CHANNEL, str(user_id))
    except BROKER_ERRORS as error:
        publisher.breaker.failed()
        logger.info("listeners not woken", extra={"error": type(error).__name__})


@event.listens_for(Session, "after_soft_rollback")
def _forget(session: Session, ended: Any) -> None:
    if ended.nested:
        session.info[_TOLD] = [one for one in session.info.get(_TOLD, []) if one[0] is not ended]
    else:
        session.info.pop(_TOLD, None)
        session.info.pop(_RING, None)
