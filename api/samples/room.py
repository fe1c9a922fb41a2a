"""Counting what came of links to the storage of their owners."""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

from sqlalchemy.orm import Session

from api.errors import QuotaError
from api.quotas.service import reserve_storage
from api.users.models import User


def count_storage(session: Session, owner_id: UUID, size_bytes: int, ref: str) -> None:
    """Count bytes up to the limit: work that is done is not thrown away for want of space."""
    owner = session.get_one(User, owner_id)
    try:
        reserve_storage(session, owner, size_bytes, ref)
    except QuotaError as error:
        room = int(error.extra["cap"]) - int(error.extra["used"])
        if room > 0:
            with suppress(QuotaError):  # another result took the room meanwhile
                reserve_storage(session, owner, room, ref)
