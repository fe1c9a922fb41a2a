"""Deleting renders whose time is over, where an installation keeps them for a time only."""

from __future__ import annotations

import logging
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.assets.models import Asset, AssetKind, AssetState
from api.assets.service import delete_asset
from api.errors import ConflictError
from api.extensions import get_storage
from api.jobs.engine import database_now
from tasks.storage.base import Storage

BATCH = 200
logger = logging.getLogger(__name__)


def sweep_renders(session: Session, *, days: int, storage: Storage | None = None) -> int:
    """Delete renders made more than ``days`` ago as their owner would; return how many. Commits; 0 days keep all.

    One that a job still needs waits for a later round.
    """
    if not days:
        return 0
    storage = storage or get_storage()
    before = database_now(session) - timedelta(days=days)
    old = select(Asset.id).where(
        Asset.kind == AssetKind.RENDER.value, Asset.state == AssetState.READY.value, Asset.created_at < before
    )
    found = list(session.scalars(old.order_by(Asset.created_at).limit(BATCH)))
    session.rollback()
    return sum(forget(session, session.get_one(Asset, asset_id), storage) for asset_id in found)


def forget(session: Session, asset: Asset, storage: Storage) -> bool:
    """Delete one render in a transaction of its own; tell whether it could be."""
    try:
        delete_asset(session, asset, storage=storage)
        session.commit()
    except ConflictError as error:
        session.rollback()
        logger.info("render kept", extra={"asset_id": str(asset.id), "code": error.code})
        return False
    return True
