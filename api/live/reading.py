"""Reading what was told, by number."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import case, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from api.live.models import LiveEvent, LiveReader, LiveTicket
from api.live.telling import KEPT
from api.users.models import User

BATCH = 200
"""The most events that are read, and kept for slow clients, at once."""


@dataclass(frozen=True)
class Told:
    """One thing that was told."""

    seq: int
    topic: str
    kind: str
    data: dict[str, Any]


def begin_to_listen(session: Session, user_id: UUID) -> int:
    """Have a user's events written down from now on, and commit; return the number of the newest.

    Where nobody listened for so long that events may have been left out, a number is left out too: whoever goes on
    from an older one finds the gap.
    """
    lapsed = LiveReader.heard_at <= func.now() - KEPT
    values = {"heard_at": func.now(), "last_seq": LiveReader.last_seq + case((lapsed, 1), else_=0)}
    row = insert(LiveReader).values(user_id=user_id, last_seq=0)
    row = row.on_conflict_do_update(index_elements=["user_id"], set_=values)
    last = session.execute(row.returning(LiveReader.last_seq)).scalar_one()
    session.commit()
    return int(last)


def read_told(session: Session, user_id: UUID, after: int) -> list[Told]:
    """Return at most :data:`BATCH` events after a number, in order."""
    chosen = select(LiveEvent.seq, LiveEvent.topic, LiveEvent.kind, LiveEvent.data)
    chosen = chosen.where(LiveEvent.user_id == user_id, LiveEvent.seq > after)
    return [Told(*row) for row in session.execute(chosen.order_by(LiveEvent.seq).limit(BATCH))]


def read_positions(session: Session, user_ids: Collection[UUID]) -> dict[UUID, int]:
    """Return the numbers of the newest events of enabled users; the others are absent."""
    chosen = select(LiveReader.user_id, LiveReader.last_seq).join(User, User.id == LiveReader.user_id)
    rows = session.execute(chosen.where(LiveReader.user_id.in_(user_ids), User.enabled))
    return {row.user_id: row.last_seq for row in rows}


def still_listening(session: Session, user_ids: Collection[UUID], *, every: timedelta) -> None:
    """Note that users still listen, where that was noted longer ago than ``every``, and commit."""
    stale = LiveReader.user_id.in_(user_ids), LiveReader.heard_at < func.now() - every
    session.execute(update(LiveReader).where(*stale).values(heard_at=func.now()))
    session.commit()


def sweep(session: Session) -> int:
    """Forget what was told more than a day ago, and tickets that opened nothing; commit; return how many rows."""
    gone = 0
    for statement in (
        delete(LiveEvent).where(LiveEvent.at < func.now() - KEPT),
        delete(LiveTicket).where(LiveTicket.expires_at < func.now()),
    ):
        gone += int(getattr(session.execute(statement), "rowcount", 0))
    session.commit()
    return gone
