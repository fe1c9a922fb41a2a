"""Identifiers and the one rule of ownership."""

from __future__ import annotations

import re
import uuid
from typing import Any, TypeVar

from api.errors import NotFoundError
from api.extensions import db

T = TypeVar("T")


def new_id() -> uuid.UUID:
    """Return a random identifier."""
    return uuid.uuid4()


def get_owned(model: type[T], row_id: uuid.UUID) -> T:
    """Return the caller's own row; a foreign id and an unknown one are the same ``<noun>.not_found``."""
    from api.auth import current_user

    columns: Any = model
    row = db.session.query(model).filter(columns.id == row_id, columns.owner_id == current_user().id).one_or_none()
    if row is None:
        raise NotFoundError(f"{noun_of(model)}.not_found", f"There is no such {noun_of(model)}")
    return row


def noun_of(model: type[Any]) -> str:
    """Return the word that error codes use for a table's rows."""
    return re.sub(r"(_record)$", "", str(model.__tablename__))
