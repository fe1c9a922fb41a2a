"""The lines that bells stand in, one for each class of each queue: tags on arrival, room for more, who stands before.

Several dispatchers may work at once. A line's clock is locked while tags are given on it; bells are only taken when
nobody else holds them, and nothing else is waited for while they are held.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Float,
    Integer,
    Select,
    SQLColumnExpression,
    String,
    Uuid,
    and_,
    any_,
    bindparam,
    func,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Session

from api.extensions import get_settings
from api.farm.models import Node
from api.jobs.models import OutboxBell, Step
from api.jobs.progress import weight_of
from api.prepared import PREPARED
from api.turns.models import TurnClock, TurnEnd, TurnQueue
from api.turns.virtual import Arrival, credit, stamp
from api.users.models import Plan, User

ARRIVALS = 500
"""Bells that are given their tags in one transaction."""

GIVE_TAGS = text(
    "UPDATE outbox SET turn = given.tag, arrived_at = outbox.due_at "
    "FROM unnest(:steps, :tags) AS given(step, tag) WHERE outbox.step_id = given.step"
).bindparams(bindparam("steps", type_=ARRAY(Uuid)), bindparam("tags", type_=ARRAY(Float)))

ONE = literal_column("1", Integer)
"""As a value it would leave the planner to guess how many rows are wanted."""

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
    rows = session.execute(select_arrived()).all()
    tags: dict[UUID, float] = {}
    for line, members in groupby(sorted(rows, key=_line_of), key=_line_of):
        tags |= _stamp_line(session, line, list(members))
    if tags:
        session.execute(GIVE_TAGS, {"steps": list(tags), "tags": list(tags.values())})
    return len(tags)


@lru_cache(maxsize=1)
def select_arrived() -> Select[*tuple[Any, ...]]:
    """Select and lock the bells that have come due and have no tag, with their tasks and their owners' weights."""
    columns = (OutboxBell.step_id, OutboxBell.queue, OutboxBell.priority, OutboxBell.owner_id, OutboxBell.paid)
    arrived = select(*columns, Step.task, Plan.weight).join(Step, Step.id == OutboxBell.step_id)
    arrived = arrived.outerjoin(User, User.id == OutboxBell.owner_id).outerjoin(Plan, Plan.code == User.plan_code)
    due = OutboxBell.due_at <= func.clock_timestamp()
    first = arrived.where(OutboxBell.turn.is_(None), OutboxBell.parked_on.is_(None), due).order_by(OutboxBell.due_at)
    return first.limit(ARRIVALS).with_for_update(of=OutboxBell, skip_locked=True)


def _line_of(row: Any) -> tuple[str, int]:
    return row.queue, row.priority


def _stamp_line(session: Session, line: tuple[str, int], rows: Sequence[Any]) -> dict[UUID, float]:
    """Return the tags of bells that arrived in one line, by step."""
    queue, priority = line
    clock = _lock_clock(session, queue, priority)
    owners = {row.owner_id for row in rows}
    given = {"queue": queue, "priority": priority, "owners": list(owners)}
    ends = {str(owner): end for owner, end in session.execute(select_ends(), given)}
    arrivals = [
        Arrival(str(row.owner_id), weight_of(row.task), float(max(1, row.weight or 1)), row.paid) for row in rows
    ]
    tags = stamp(arrivals, clock=clock, ends=ends)
    moved = [{"queue": queue, "priority": priority, "owner_id": UUID(user), "at": end} for user, end in ends.items()]
    if moved:
        statement = insert(TurnEnd).values(moved)
        keys = ["queue", "priority", "owner_id"]
        session.execute(statement.on_conflict_do_update(index_elements=keys, set_={"at": statement.excluded.at}))
    return {row.step_id: tag for row, tag in zip(rows, tags, strict=True)}


def _lock_clock(session: Session, queue: str, priority: int) -> float:
    """Lock the clock of a line, which is made where there is none yet, and read it."""
    given = {"queue": queue, "priority": priority}
    clock = session.execute(select_clock(), given).scalar()
    if clock is None:
        session.execute(insert(TurnClock).values(**given, clock=0.0).on_conflict_do_nothing())
        clock = session.execute(select_clock(), given).scalar_one()
    return clock


@lru_cache(maxsize=1)
def select_clock() -> Select[float]:
    """Select and lock the clock of the line of a ``queue`` and ``priority``."""
    mine = (TurnClock.queue == bindparam("queue"), TurnClock.priority == bindparam("priority"))
    return select(TurnClock.clock).where(*mine).with_for_update().execution_options(**PREPARED)


@lru_cache(maxsize=1)
def select_ends() -> Select[*tuple[Any, ...]]:
    """Select where the work of ``owners`` ends in the line of a ``queue`` and ``priority``."""
    mine = (TurnEnd.queue == bindparam("queue"), TurnEnd.priority == bindparam("priority"))
    owned = TurnEnd.owner_id == any_(bindparam("owners", type_=ARRAY(Uuid)))
    return select(TurnEnd.owner_id, TurnEnd.at).where(*mine, owned).execution_options(**PREPARED)


def advance_clock(session: Session, queue: str, priority: int, tag: float) -> None:
    """Move a line's clock on to the tag of what is begun; it never goes back."""
    session.execute(
        update(TurnClock)
        .where(TurnClock.queue == queue, TurnClock.priority == priority, TurnClock.clock < tag)
        .values(clock=tag)
        .execution_options(synchronize_session=False)
    )


def count_of_out(queue: SQLColumnExpression[str]) -> Select[int]:
    """Count the bells of a queue that are out."""
    return select(func.count()).select_from(OutboxBell).where(OutboxBell.queue == queue, out())


def count_of_slots(queue: SQLColumnExpression[str]) -> Select[int]:
    """Count the slots that serve a queue, of nodes that were seen within ``node_lost_s``."""
    seen_since = func.clock_timestamp() - func.make_interval(0, 0, 0, 0, 0, 0, bindparam("node_lost_s"))
    return select(func.coalesce(func.sum(Node.slots), 0)).where(
        queue == any_(Node.queues),
        Node.seen_at > seen_since,
        Node.drain_at.is_(None),
        Node.quarantined_at.is_(None),
        ~Node.leaving,
    )


@lru_cache(maxsize=1)
def select_load() -> Select[*tuple[Any, ...]]:
    """Select how many bells of a ``queue`` are out and how many slots serve it."""
    queue = bindparam("queue", type_=String)
    counts = (count_of_out(queue).scalar_subquery(), count_of_slots(queue).scalar_subquery())
    return select(*counts).execution_options(**PREPARED)


def room_of(slots: int, rate: float | None) -> int:
    """Return how many bells of a queue may be out at once.

    :param slots: that serve it. :param rate: claims a second lately; None where nothing is known of the queue.
    """
    return credit(slots=slots, rate=rate or 0.0, ahead_s=get_settings().ring_ahead_s, unknown=UNKNOWN_SLOTS)


def load_of(session: Session, queue: str) -> tuple[int, int]:
    """Return how many bells of a queue are out and how many slots serve it."""
    out, slots = session.execute(select_load(), {"queue": queue, "node_lost_s": get_settings().node_lost_s}).one()
    return out, int(slots)


@lru_cache(maxsize=2)
def select_before(*, apart: bool) -> Select[UUID]:
    """Select the first bell of a ``queue`` that stands before a newcomer of a ``priority``.

    :param apart: leave out the bell of the step ``apart_from``.
    """
    before = select(OutboxBell.step_id).where(
        OutboxBell.queue == bindparam("queue"), OutboxBell.priority <= bindparam("priority"), standing()
    )
    before = before.where(OutboxBell.sent_at.is_(None))
    if apart:
        before = before.where(OutboxBell.step_id != bindparam("apart_from"))
    return before.order_by(OutboxBell.priority, OutboxBell.turn).limit(ONE).execution_options(**PREPARED)


def is_contested(session: Session, queue: str, priority: int, *, apart_from: UUID | None = None) -> bool:
    """Tell whether others stand in line before a newcomer of this priority, who must not pass them then."""
    given = {"queue": queue, "priority": priority, **({"apart_from": apart_from} if apart_from else {})}
    return session.scalar(select_before(apart=apart_from is not None), given) is not None


def may_ring_now(session: Session, priority: int, counts: dict[str, int]) -> bool:
    """Tell whether bells may be rung past the line: nobody stands there and there is room for all of them.

    :param counts: bells by queue.
    """
    return all(_has_room(session, queue, priority, count) for queue, count in counts.items())


@lru_cache(maxsize=1)
def select_room() -> Select[*tuple[Any, ...]]:
    """Select what decides whether a queue has room past its line: who stands there, its rate, slots, bells out."""
    rate = select(TurnQueue.rate).where(TurnQueue.queue == bindparam("queue"))
    queue = bindparam("queue", type_=String)
    asked = (select_before(apart=False), rate, count_of_slots(queue), count_of_out(queue))
    return select(*(one.scalar_subquery() for one in asked)).execution_options(**PREPARED)


def _has_room(session: Session, queue: str, priority: int, count: int) -> bool:
    given = {"queue": queue, "priority": priority, "node_lost_s": get_settings().node_lost_s}
    before, rate, slots, rung = session.execute(select_room(), given).one()
    return before is None and count <= room_of(int(slots), rate) - int(rung)
