"""What a dispatcher looks at before it does anything: has a bell come due, is one put aside, which lines can go on.

A farm whose slots all work has a long line and no room most of the time, and is looked at several times a second by
each engine. So one statement tells, nothing is locked, and no transaction is begun.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sqlalchemy import Engine, Select, func, literal, select, true

from api.database import read_at_once
from api.extensions import get_settings
from api.farm.models import QueuePolicy
from api.jobs.models import OutboxBell
from api.prepared import PREPARED
from api.turns.line import ONE, count_of_out, count_of_slots, room_of, standing
from api.turns.models import TurnClock, TurnQueue


@dataclass(frozen=True)
class Look:
    """What there is to do.

    :param arrived: whether a bell has come due that has no tag yet. :param aside: whether one is put aside for a limit.
    :param lines: priorities in which bells stand, most urgent first, by queue: of those that have room, not paused.
    """

    arrived: bool
    aside: bool
    lines: dict[str, list[int]] = field(default_factory=dict)


def look(engine: Engine) -> Look:
    """Look once."""
    rows = read_at_once(engine, select_signs(), {"node_lost_s": get_settings().node_lost_s})
    lines: dict[str, list[int]] = {}
    for row in rows:
        if row.queue is not None and room_of(int(row.slots), row.rate) > row.rung:
            lines.setdefault(row.queue, []).append(row.priority)
    return Look(rows[0].arrived, rows[0].aside, lines)


@lru_cache(maxsize=1)
def select_signs() -> Select[*tuple[Any, ...]]:
    """Select whether bells arrived or are put aside, and each line with the rate, slots and bells out of its queue."""
    untagged = (OutboxBell.turn.is_(None), OutboxBell.parked_on.is_(None), OutboxBell.due_at <= func.clock_timestamp())
    # Not EXISTS: for that the planner may read the table, which is cheap only while many bells fit
    arrived = select(OutboxBell.step_id).where(*untagged).order_by(OutboxBell.due_at).limit(ONE).scalar_subquery()
    parked = select(OutboxBell.parked_on).where(OutboxBell.parked_on.is_not(None)).order_by(OutboxBell.parked_on)
    aside = parked.limit(ONE).scalar_subquery()
    lines = select_lines().subquery("line")
    once = select(literal(1).label("one")).subquery("once")
    chosen = select(arrived.is_not(None).label("arrived"), aside.is_not(None).label("aside"), *lines.c)
    chosen = chosen.select_from(once).outerjoin(lines, true()).order_by(lines.c.queue, lines.c.priority)
    return chosen.execution_options(**PREPARED)


def select_lines() -> Select[*tuple[Any, ...]]:
    """Select the lines in which a bell stands, without those of queues that are paused."""
    first = select(OutboxBell.step_id).where(
        OutboxBell.queue == TurnClock.queue, OutboxBell.priority == TurnClock.priority, standing()
    )
    stands = first.order_by(OutboxBell.turn).limit(ONE).scalar_subquery().is_not(None)
    paused = select(QueuePolicy.name).where(QueuePolicy.name == TurnClock.queue, QueuePolicy.paused_at.is_not(None))
    chosen = select(
        TurnClock.queue,
        TurnClock.priority,
        TurnQueue.rate,
        count_of_slots(TurnClock.queue).scalar_subquery().label("slots"),
        count_of_out(TurnClock.queue).scalar_subquery().label("rung"),
    )
    return chosen.outerjoin(TurnQueue, TurnQueue.queue == TurnClock.queue).where(stands, ~paused.exists())
