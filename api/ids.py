"""Identifiers and the one rule of ownership."""

from __future__ import annotations

import re
import uuid
from typing import Any, TypeVar

T = TypeVar("T")


def new_id() -> uuid.UUID:
    """Return a random identifier."""
    return uuid.uuid4()


def get_owned(model: type[T], row_id: uuid.UUID) -> T:
    """Return a row that the caller may treat as the request's method does; any other is ``<noun>.not_found``.

    It is the caller's own, or belongs to an organisation of the caller's (:mod:`api.ownership`); what members see but
    may not change raises ``organisation.forbidden``.
    """
    from api.ownership import find_visible, wanted_access

    return find_visible(model, row_id, wanted_access())


def get_visible(model: type[T], row_id: uuid.UUID) -> T:
    """Return a row that the caller may read, whatever the request's method: for POSTs that change nothing."""
    from api.ownership import Access, find_visible

    return find_visible(model, row_id, Access.READ)


def noun_of(model: type[Any]) -> str:
    """Return the word that error codes use for a table's rows."""
    return re.sub(r"(_record)$", "", str(model.__tablename__))
