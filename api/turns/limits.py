"""Named limits: semaphores over the whole farm, like ``provider:replicate``, ``host:example.org``, ``user:<id>``.

The slots in use are the running steps that declare the name. A claim counts them under a lock on the name, in the
transaction that makes its own step run, so no more can run than there are slots, and a lease that ends frees its slot
with nothing to clean up. Steps that find no slot are put aside, and stand in line again as slots come free.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import bindparam, func, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Session
from sqlalchemy.types import String

from api.audit.service import record
from api.extensions import get_settings
from api.jobs import poison
from api.jobs.models import OutboxBell, Step
from api.jobs.states import StepState
from api.turns.models import NamedLimit
from api.turns.sizes import default_size

MOST_NAMES = 500

LOCK_NAMES = text(
    "SELECT pg_advisory_xact_lock(key) FROM (SELECT DISTINCT hashtextextended(name, 711) AS key "
    "FROM unnest(:names) AS name ORDER BY key OFFSET 0) AS keys"
).bindparams(bindparam("names", type_=ARRAY(String)))

WAITED_FOR = text(
    "WITH RECURSIVE waited(name) AS ("
    "(SELECT parked_on FROM outbox WHERE parked_on IS NOT NULL ORDER BY parked_on LIMIT 1) UNION ALL "
    "SELECT (SELECT parked_on FROM outbox WHERE parked_on > waited.name ORDER BY parked_on LIMIT 1) "
    "FROM waited WHERE waited.name IS NOT NULL) SELECT name FROM waited WHERE name IS NOT NULL LIMIT :most"
)
"""Each name that bells are put aside for, read by skipping through the index: its cost does not grow with the bells."""


def size_of(session: Session, name: str) -> int:
    """Return how many steps may run under a name: what an administrator said, else the settings."""
    own = session.scalar(select(NamedLimit.size).where(NamedLimit.name == name))
    if own is not None:
        return own
    return default_size(get_settings().limits, name)


def count_running(session: Session, name: str) -> int:
    """Return how many steps run under a name."""
    holding = Step.state == StepState.RUNNING.value, Step.limits != [], Step.limits.contains([name])
    return session.scalar(select(func.count()).where(*holding)) or 0


def find_full(session: Session, names: Iterable[str]) -> set[str]:
    """Return those of the names that have no free slot as it seems now, without a lock."""
    return {name for name in set(names) if count_running(session, name) >= size_of(session, name)}


def take_slots(session: Session, step: Step) -> str:
    """Make sure that a queued step may run, for the rest of the transaction; return the name that is full, or nothing.

    The step's bell is put aside where a name is full.
    """
    if not step.limits:
        return ""
    session.execute(LOCK_NAMES, {"names": sorted(step.limits)})
    full = next((name for name in sorted(step.limits) if count_running(session, name) >= size_of(session, name)), "")
    if full:
        put_aside(session, [step.id], full)
    return full


def put_aside(session: Session, step_ids: Sequence[UUID], name: str) -> None:
    """Take bells out of their line until a name has a free slot."""
    session.execute(
        update(OutboxBell)
        .where(OutboxBell.step_id.in_(step_ids))
        .values(parked_on=name, sent_at=None, tries=0)
        .execution_options(synchronize_session=False)
    )


def release(session: Session) -> int:
    """Put as many bells as there are free slots back into their lines, by their tags; return how many."""
    released = 0
    for name in session.execute(WAITED_FOR, {"most": MOST_NAMES}).scalars().all():
        free = free_slots(session, name)
        if free <= 0:
            continue
        chosen = select(OutboxBell.step_id).where(OutboxBell.parked_on == name).order_by(OutboxBell.turn).limit(free)
        again = (
            update(OutboxBell)
            .where(OutboxBell.step_id.in_(chosen.with_for_update(skip_locked=True)))
            .values(parked_on=None, due_at=func.clock_timestamp())
            .returning(OutboxBell.step_id)
            .execution_options(synchronize_session=False)
        )
        released += len(session.execute(again).all())
    return released


def free_slots(session: Session, name: str) -> int:
    """Return how many of those that wait for a name may go on; of a suspected job, one at a time."""
    if name.startswith(poison.PREFIX):
        return poison.room_of(session, name)
    return size_of(session, name) - count_running(session, name)


def set_size(session: Session, name: str, size: int | None) -> None:
    """Set a limit's size, or with None leave it to the settings again; written into the audit log."""
    before = session.scalar(select(NamedLimit.size).where(NamedLimit.name == name))
    if size is None:
        session.query(NamedLimit).filter_by(name=name).delete()
    else:
        statement = insert(NamedLimit).values(name=name, size=size)
        session.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"size": size}))
    if before != size:
        record(session, "limit.changed", target=("limit", name), before={"size": before}, after={"size": size})


def list_limits(session: Session) -> list[dict[str, object]]:
    """Return every limit that has a size of its own, is waited for, or is in use."""
    stored = {limit.name: limit.size for limit in session.scalars(select(NamedLimit))}
    waited = set(session.execute(WAITED_FOR, {"most": MOST_NAMES}).scalars())
    used = select(func.unnest(Step.limits)).where(Step.state == StepState.RUNNING.value, Step.limits != [])
    names = sorted({*stored, *waited, *session.scalars(used.distinct())})
    names = [name for name in names if not name.startswith(poison.PREFIX)]
    return [describe(session, name, own=name in stored) for name in names]


def describe(session: Session, name: str, *, own: bool) -> dict[str, object]:
    """Return a limit as it is shown."""
    waiting = select(func.count()).where(OutboxBell.parked_on == name)
    return {
        "name": name,
        "size": size_of(session, name),
        "own": own,
        "running": count_running(session, name),
        "waiting": session.scalar(waiting) or 0,
    }
