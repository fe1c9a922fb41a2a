"""Use cases of assets: list, hand out, delete."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import Session

from api.assets.cleanup import delete_objects_after_commit
from api.assets.models import Asset, AssetKind, AssetState
from api.config import ApiSettings
from api.errors import ConflictError, NotFoundError
from api.jobs.inputs import given, refuse_if_used
from api.jobs.models import Job
from api.ownership import visible_to
from api.quotas.service import release
from api.renders.models import Render
from api.uploads.models import Upload, UploadState
from tasks.storage.base import Storage

PICTURE_CACHE_S = 3600
"""How long browsers may show a thumbnail without asking again."""


@dataclass(frozen=True)
class Download:
    """A presigned URL and what it leads to. ``cache_s``: how long whoever was sent there may remember it."""

    url: str
    filename: str
    content_type: str
    size_bytes: int | None
    expires_at: datetime
    cache_s: int = 0


def select_assets(
    *, organisation_id: UUID | None = None, kind: str | None = None, state: str | None = None
) -> Select[tuple[Asset]]:
    """Select the assets that the caller may see and that are not deleted."""
    query = select(Asset).where(visible_to(Asset, organisation_id), Asset.state != AssetState.DELETED.value)
    if kind:
        query = query.where(Asset.kind == kind)
    if state:
        query = query.where(Asset.state == state)
    return query


def require_there(asset: Asset) -> Asset:
    """Return the asset; a deleted one is not found any more."""
    if asset.state == AssetState.DELETED:
        raise NotFoundError("asset.not_found", "There is no such asset")
    return asset


def require_ready(asset: Asset) -> Asset:
    """Return the asset if its bytes may be used; raise ``asset.refused`` or ``asset.not_ready``."""
    require_there(asset)
    if asset.state == AssetState.REFUSED:
        reason = {"code": asset.refused_code, "message": asset.refused_message}
        raise ConflictError("asset.refused", f"The asset was refused: {asset.refused_message}", {"refused": reason})
    if asset.state != AssetState.READY:
        raise ConflictError("asset.not_ready", f"The asset is {asset.state}; wait for it", {"state": asset.state})
    return asset


def sign_download(asset: Asset, *, storage: Storage, settings: ApiSettings) -> Download:
    """Return a URL that downloads the asset under its own file name."""
    require_ready(asset)
    url = storage.presign_get(asset.object_key, filename=asset.filename, content_type=asset.content_type)
    return Download(url, asset.filename, asset.content_type, asset.size_bytes, expiry(settings))


def sign_poster(asset: Asset, *, storage: Storage, settings: ApiSettings) -> Download:
    """Return a URL that shows the asset's still picture; raise ``asset.no_poster`` when it has none."""
    require_there(asset)
    if asset.poster_key is None:
        raise NotFoundError("asset.no_poster", "The asset has no still picture")
    filename = f"{asset.filename.rpartition('.')[0] or asset.filename}.png"
    return sign_picture(asset.poster_key, filename, storage=storage, settings=settings)


def sign_picture(key: str, filename: str, *, storage: Storage, settings: ApiSettings) -> Download:
    """Return a URL that shows a picture of ours (PNG)."""
    url = storage.presign_get(key, filename=filename, content_type="image/png", inline=True, cache_s=PICTURE_CACHE_S)
    expires_at = expiry(settings, cache_s=PICTURE_CACHE_S)
    return Download(url, filename, "image/png", None, expires_at, cache_s=PICTURE_CACHE_S)


def keep_s(content_type: str) -> int:
    """Return how long browsers may show a file of a type without asking again: pictures for an hour."""
    return PICTURE_CACHE_S if content_type.startswith("image/") else 0


def expiry(settings: ApiSettings, *, cache_s: int = 0) -> datetime:
    """Return when a URL that is signed now stops working."""
    return datetime.now(UTC) + timedelta(seconds=max(settings.storage.presign_s, 2 * cache_s))


def delete_asset(session: Session, asset: Asset, *, storage: Storage) -> None:
    """Mark an asset deleted, free its storage and remove its bytes; raise ``asset.in_use`` while a job needs it."""
    upload = session.scalar(select(Upload).where(Upload.asset_id == asset.id).with_for_update())
    session.refresh(asset, with_for_update=True)  # after the upload: the order that completing one locks in
    require_there(asset)
    refuse_if_used(session, "asset.in_use", "asset", is_using(asset))
    if upload is not None and upload.state == UploadState.PENDING:
        upload.state = UploadState.ABORTED.value
        delete_objects_after_commit(session, storage, [upload.object_key], parts_ref=upload.upload_ref)
    asset.mark_deleted()
    release(session, asset.quota_ref)
    delete_objects_after_commit(session, storage, [asset.object_key, asset.poster_key])


def is_using(asset: Asset) -> ColumnElement[bool]:
    """Return the condition that a job reads the asset: its analysis, and whatever it is source, music or picture of."""
    upload_job = select(Upload.job_id).where(Upload.asset_id == asset.id)
    render_jobs = select(Render.job_id).where(Render.source_asset_id == asset.id)
    parts: list[dict[str, Any]] = [{name: asset.object_key} for name in ("source_key", "music_key", "object_key")]
    if asset.kind == AssetKind.IMAGE and asset.poster_key:
        parts.append({"images": [{"object_key": asset.poster_key}]})
    return or_(Job.id.in_(upload_job), Job.id.in_(render_jobs), given(*parts))
