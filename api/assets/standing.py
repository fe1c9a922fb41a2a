"""Rows that stand on an uploaded file (songs, projects): they are there for as long as the file is."""

from __future__ import annotations

from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from api.assets.models import Asset, AssetState
from api.errors import NotFoundError
from api.ids import get_owned, noun_of
from api.ownership import visible_to

T = TypeVar("T")
"""A table whose rows have ``asset_id`` and ``asset``."""


def select_standing(model: type[T], organisation_id: UUID | None) -> Select[tuple[T]]:
    """Select the rows that the caller may see, of files that are not deleted."""
    table: Any = model
    query: Select[Any] = select(table).join(Asset, Asset.id == table.asset_id)
    return query.where(visible_to(model, organisation_id), Asset.state != AssetState.DELETED.value)


def get_standing(model: type[T], row_id: UUID) -> T:
    """Return the caller's row as the request's method may treat it; ``<noun>.not_found`` when its file was deleted."""
    row: Any = get_owned(model, row_id)
    if row.asset.state == AssetState.DELETED:
        noun = noun_of(model)
        raise NotFoundError(f"{noun}.not_found", f"There is no such {noun}")
    found: T = row
    return found


def lock_standing(session: Session, model: type[T], row_id: UUID) -> T:
    """Return the caller's row, locked and as it is now."""
    row = get_standing(model, row_id)
    session.refresh(row, with_for_update={"of": model})
    return row
