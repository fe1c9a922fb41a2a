"""What was played when, by whom: added up from one row a day, sound and user, however many plays there are."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Date, cast, func, select
from sqlalchemy.orm import Session

from api.ownership import visible_to
from api.sounds.models import Sound, SoundPlay, SoundType

TOP = 10


def read_statistics(session: Session, *, days: int, organisation_id: UUID | None = None) -> dict[str, Any]:
    """Return plays of the sounds that the caller may see, over the last days (UTC), today included."""
    today: date = session.execute(select(cast(func.timezone("UTC", func.now()), Date))).scalar_one()
    since = today - timedelta(days=days - 1)
    chosen = select(SoundPlay).join(Sound, Sound.id == SoundPlay.sound_id)
    chosen = chosen.where(visible_to(Sound, organisation_id), SoundPlay.day >= since)
    plays = func.sum(SoundPlay.plays).label("plays")

    def added_up(*columns: Any, limit: int | None = None) -> list[Any]:
        query = chosen.with_only_columns(*columns, plays).group_by(*columns)
        return list(session.execute(query.order_by(plays.desc(), *columns).limit(limit)))

    by_day = {row.day: row.plays for row in added_up(SoundPlay.day)}
    by_type = {row.type: row.plays for row in added_up(Sound.type)}
    return {
        "since": since,
        "plays": sum(by_day.values()),
        "by_day": [
            {"day": day, "plays": by_day.get(day, 0)} for day in (since + timedelta(days=n) for n in range(days))
        ],
        "by_type": [{"type": kind.value, "plays": by_type.get(kind.value, 0)} for kind in SoundType],
        "by_user": [{"user_id": row.user_id, "plays": row.plays} for row in added_up(SoundPlay.user_id, limit=TOP)],
        "top": [
            {"sound_id": row.id, "title": row.title, "plays": row.plays}
            for row in added_up(Sound.id, Sound.title, limit=TOP)
        ],
        "sounds": session.execute(
            select(func.count()).select_from(Sound).where(visible_to(Sound, organisation_id))
        ).scalar_one(),
    }
