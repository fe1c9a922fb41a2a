"""The lines that bells stand in, one for each class of each queue: tags on arrival, room for more, who stands before.

Several dispatchers may work at once. A line's clock is locked while tags are given on it; bells are only taken when
nobody else holds them, and nothing else is waited for while they are held.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Float, Select, Uuid, and_, bindparam, func, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Session

from api.extensions import get_settings
from api.farm.models import Node
from api.jobs.models import OutboxBell, Step
from api.jobs.progress import weight_of
from api.turns.models import TurnClock, TurnEnd, TurnQueue
from api.turns.virtual import Arrival, credit, stamp
from api.users.models import Plan, User

ARRIVALS = 500
"""Bells that are given their tags in one transaction."""

GIVE_TAGS = text(
    "UPDATE outbox SET turn = given.tag, arrived_at = outbox.due_at "
    "FROM unnest(:steps, :tags) AS given(step, tag) WHERE outbox.step_id = given.step"
).bindparams(bindparam("steps", type_=ARRAY(Uuid)), bindparam("tags", type_=ARRAY(Float)))

UNKNOWN_SLOTS = 8
"""Bells that may be out in a queue of which no node is known."""


def standing() -> ColumnElement[bool]:
    """Return the condition that a bell stands in line: it has its tag, is due, and waits for no named limit."""
    return and_(
        OutboxBell.turn.is_not(None), OutboxBell.parked_on.is_(None), OutboxBell.due_at <= func.clock_timestamp()
    )


def out() -> ColumnElement[bool]:
    """Return the condition that a bell is out: rung, not answered, and not given up as lost."""
    return and_(OutboxBell.sent_at.is_not(None), OutboxBell.due_at > func.clock_timestamp())


def stamp_arrivals(session: Session) -> int:
    """Give the bells that have come due their tags, in order; return how many. The caller commits."""
    columns = (OutboxBell.step_id, OutboxBell.queue, OutboxBell.priority, OutboxBell.owner_id, OutboxBell.paid)
    arrived = (
        select(*columns, Step.task)
        .join(Step, Step.id == OutboxBell.step_id)
        .where(OutboxBell.turn.is_(None), OutboxBell.parked_on.is_(None), OutboxBell.due_at <= func.clock_timestamp())
        .order_by(OutboxBell.due_at)
        .limit(ARRIVALS)
        .with_for_update(of=OutboxBell, skip_locked=True)
    )
    rows = session.execute(arrived).all()
    weights = read_weights(session, {row.owner_id for row in rows})
    tags: dict[UUID, float] = {}
    for line, members in groupby(sorted(rows, key=_line_of), key=_line_of):
        tags |= _stamp_line(session, line, list(members), weights)
    if tags:
        session.execute(GIVE_TAGS, {"steps": list(tags), "tags": list(tags.values())})
    return len(tags)


def _line_of(row: Any) -> tuple[str, int]:
    return row.queue, row.priority


def _stamp_line(
    session: Session, line: tuple[str, int], rows: Sequence[Any], weights: dict[UUID, float]
) -> dict[UUID, float]:
    """Return the tags of bells that arrived in one line, by step."""
    queue, priority = line
    session.execute(insert(TurnClock).values(queue=queue, priority=priority, clock=0.0).on_conflict_do_nothing())
    at = select(TurnClock.clock).filter_by(queue=queue, priority=priority).with_for_update()
    clock = session.execute(at).scalar_one()
    owners = {row.owner_id for row in rows}
    found = select(TurnEnd.owner_id, TurnEnd.at).where(
        TurnEnd.queue == queue, TurnEnd.priority == priority, TurnEnd.owner_id.in_(owners)
    )
    ends = {str(owner): end for owner, end in session.execute(found)}
    arrivals = [
        Arrival(str(row.owner_id), weight_of(row.task), weights.get(row.owner_id, 1.0), row.paid) for row in rows
    ]
    tags = stamp(arrivals, clock=clock, ends=ends)
    moved = [{"queue": queue, "priority": priority, "owner_id": UUID(user), "at": end} for user, end in ends.items()]
    if moved:
        statement = insert(TurnEnd).values(moved)
        keys = ["queue", "priority", "owner_id"]
        session.execute(statement.on_conflict_do_update(index_elements=keys, set_={"at": statement.excluded.at}))
    return {row.step_id: tag for row, tag in zip(rows, tags, strict=True)}


def read_weights(session: Session, owners: set[UUID]) -> dict[UUID, float]:
    """Return the weight of each user's plan."""
    if not owners:
        return {}
    chosen = select(User.id, Plan.weight).join(Plan, Plan.code == User.plan_code).where(User.id.in_(owners))
    return {owner: float(max(1, weight)) for owner, weight in session.execute(chosen)}


def advance_clock(session: Session, queue: str, priority: int, tag: float) -> None:
    """Move a line's clock on to the tag of what is begun; it never goes back."""
    session.execute(
        update(TurnClock)
        .where(TurnClock.queue == queue, TurnClock.priority == priority, TurnClock.clock < tag)
        .values(clock=tag)
        .execution_options(synchronize_session=False)
    )


def select_out(queue: str) -> Select[int]:
    """Count the bells of a queue that are out."""
    return select(func.count()).select_from(OutboxBell).where(OutboxBell.queue == queue, out())


def select_slots(queue: str) -> Select[int]:
    """Count the slots that serve a queue."""
    seen_since = func.clock_timestamp() - func.make_interval(0, 0, 0, 0, 0, 0, get_settings().node_lost_s)
    return select(func.coalesce(func.sum(Node.slots), 0)).where(
        Node.queues.contains([queue]),
        Node.seen_at > seen_since,
        Node.drain_at.is_(None),
        Node.quarantined_at.is_(None),
        ~Node.leaving,
    )


def count_out(session: Session, queue: str) -> int:
    """Return how many bells of a queue are out."""
    return session.scalar(select_out(queue)) or 0


def room_of(session: Session, queue: str, *, rate: float, ahead_s: float) -> int:
    """Return how many bells of a queue may be out at once."""
    slots = int(session.scalar(select_slots(queue)) or 0)
    return credit(slots=slots, rate=rate, ahead_s=ahead_s, unknown=UNKNOWN_SLOTS)


def room_left(session: Session, queue: str) -> int:
    """Return how many more bells of a queue may be rung now; all that has to be known is read by one statement."""
    rate = select(TurnQueue.rate).where(TurnQueue.queue == queue)
    asked = (rate.scalar_subquery(), select_slots(queue).scalar_subquery(), select_out(queue).scalar_subquery())
    told, slots, count = session.execute(select(*asked)).one()
    ahead_s = get_settings().ring_ahead_s
    return credit(slots=int(slots), rate=told or 0.0, ahead_s=ahead_s, unknown=UNKNOWN_SLOTS) - int(count)


def is_contested(session: Session, queue: str, priority: int, *, apart_from: UUID | None = None) -> bool:
    """Tell whether others stand in line before a newcomer of this priority, who must not pass them then."""
    before = select(OutboxBell.step_id).where(
        OutboxBell.queue == queue, OutboxBell.priority <= priority, standing(), OutboxBell.sent_at.is_(None)
    )
    if apart_from is not None:
        before = before.where(OutboxBell.step_id != apart_from)
    return session.scalar(before.order_by(OutboxBell.priority, OutboxBell.turn).limit(1)) is not None


def may_ring_now(session: Session, priority: int, counts: dict[str, int]) -> bool:
    """Tell whether bells may be rung past the line: nobody stands there and there is room for all of them.

    :param counts: bells by queue.
    """
    return all(_has_room(session, queue, priority, count) for queue, count in counts.items())


def _has_room(session: Session, queue: str, priority: int, count: int) -> bool:
    return not is_contested(session, queue, priority) and count <= room_left(session, queue)
