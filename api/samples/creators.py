"""Who made what samples were taken from: kept once for all, asked again when old, and by one worker at a time."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from api.ids import new_id
from api.jobs.engine import database_now
from api.samples.models import REF_LENGTH, URL_LENGTH, Creator
from tasks.contracts.samples import CreatorInfo

LOOKING = timedelta(minutes=10)
"""After this, whoever looks is taken for lost, and another may."""


def note_creator(session: Session, service: str, info: CreatorInfo) -> Creator | None:
    """Return the row of a creator, made of what came with the media where there is none; None for nobody."""
    ref = info.ref or info.handle
    if not ref:
        return None
    row = {"id": new_id(), "service": service, "ref": ref[:REF_LENGTH], **told_by(info)}
    session.execute(insert(Creator).values(row).on_conflict_do_nothing())
    return session.scalars(select(Creator).filter_by(service=service, ref=ref[:REF_LENGTH])).one()


def claim_look(session: Session, creator: Creator, *, days: int) -> bool:
    """Tell whether this worker shall ask the service: what is known is old, and nobody else is asking."""
    session.refresh(creator, with_for_update=True)
    now = database_now(session)
    if creator.fetched_at is not None and creator.fetched_at > now - timedelta(days=days):
        return False
    if creator.fetching_until is not None and creator.fetching_until > now:
        return False
    creator.fetching_until = now + LOOKING
    return True


def keep_creator(session: Session, creator: Creator, info: CreatorInfo) -> None:
    """Keep what the service told."""
    session.refresh(creator, with_for_update=True)
    for name, value in told_by(info).items():
        setattr(creator, name, value)
    creator.fetched_at, creator.fetching_until = database_now(session), None


def told_by(info: CreatorInfo) -> dict[str, str | int | None]:
    """Return the columns that a service tells."""
    return {
        "handle": info.handle[:REF_LENGTH],
        "name": (info.name or info.handle)[:REF_LENGTH],
        "url": info.url[:URL_LENGTH],
        "description": info.description,
        "followers": info.followers,
    }
