"""Rows that stand on an uploaded file (songs, projects): they are there for as long as the file is."""

from __future__ import annotations

from typing import Protocol, TypeVar
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Mapped, Session

from api.assets.models import Asset, AssetState
from api.errors import NotFoundError
from api.ids import get_owned, noun_of
from api.ownership import visible_to


class Standing(Protocol):
    """A row with its file."""

    asset_id: Mapped[UUID]
    asset: Mapped[Asset]


T = TypeVar("T", bound=Standing)


def select_standing(model: type[T], organisation_id: UUID | None) -> Select[tuple[T]]:
    """Select the rows that the caller may see, of files that are not deleted."""
    query = select(model).join(Asset, Asset.id == model.asset_id)
    return query.where(visible_to(model, organisation_id), Asset.state != AssetState.DELETED.value)


def get_standing(model: type[T], row_id: UUID) -> T:
    """Return the caller's row as the request's method may treat it; ``<noun>.not_found`` when its file was deleted."""
    row = get_owned(model, row_id)
    if row.asset.state == AssetState.DELETED:
        noun = noun_of(model)
        raise NotFoundError(f"{noun}.not_found", f"There is no such {noun}")
    return row


def lock_standing(session: Session, model: type[T], row_id: UUID) -> T:
    """Return the caller's row, locked and as it is now."""
    row = get_standing(model, row_id)
    session.refresh(row, with_for_update={"of": model})
    return row
