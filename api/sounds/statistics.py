"""What was played when, by whom: added up from one row a day and sound, and one a day and listener, which are kept as
plays are counted. However many plays there are, what is read grows with the sounds, the listeners and the days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Date, Select, cast, func, select
from sqlalchemy.orm import Session

from api.auth import current_user
from api.ownership import caller_roles, visible_to
from api.sounds.models import ListenerDay, Sound, SoundDay, SoundType

TOP = 10


def read_statistics(session: Session, *, days: int, organisation_id: UUID | None = None) -> dict[str, Any]:
    """Return plays of the sounds that the caller may see, over the last days (UTC), today included."""
    today: date = session.execute(select(cast(func.timezone("UTC", func.now()), Date))).scalar_one()
    since = today - timedelta(days=days - 1)
    visible = visible_to(Sound, organisation_id)
    of_sounds = select(SoundDay).join(Sound, Sound.id == SoundDay.sound_id).where(visible, SoundDay.day >= since)
    of_listeners = select(ListenerDay).where(
        ListenerDay.place_id.in_(places_of(organisation_id)), ListenerDay.day >= since
    )
    by_day = {row.day: row.plays for row in add_up(session, of_sounds, SoundDay, [SoundDay.day])}
    by_type = {row.type: row.plays for row in add_up(session, of_sounds, SoundDay, [Sound.type])}
    listeners = add_up(session, of_listeners, ListenerDay, [ListenerDay.user_id], limit=TOP)
    top = add_up(session, of_sounds, SoundDay, [Sound.id, Sound.title], limit=TOP)
    return {
        "since": since,
        "plays": sum(by_day.values()),
        "by_day": [
            {"day": day, "plays": by_day.get(day, 0)} for day in (since + timedelta(days=n) for n in range(days))
        ],
        "by_type": [{"type": kind.value, "plays": by_type.get(kind.value, 0)} for kind in SoundType],
        "by_user": [{"user_id": row.user_id, "plays": row.plays} for row in listeners],
        "top": [{"sound_id": row.id, "title": row.title, "plays": row.plays} for row in top],
        "sounds": session.execute(select(func.count()).select_from(Sound).where(visible)).scalar_one(),
    }


def places_of(organisation_id: UUID | None) -> list[UUID]:
    """Return whose sounds the caller may see: of the organisation when given, else all of them."""
    return [organisation_id] if organisation_id is not None else [current_user().id, *caller_roles()]


def add_up(
    session: Session, chosen: Select[Any], model: Any, columns: Sequence[Any], *, limit: int | None = None
) -> list[Any]:
    """Return the columns with their plays, most plays first."""
    plays = func.sum(model.plays).label("plays")
    query = chosen.with_only_columns(*columns, plays).group_by(*columns)
    return list(session.execute(query.order_by(plays.desc(), *columns).limit(limit)))
