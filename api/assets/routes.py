"""Asset endpoints."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import redirect
from flask.views import MethodView
from flask_smorest import Blueprint

from api.assets import service
from api.assets.docs import problems
from api.assets.models import Asset
from api.assets.schemas import AssetPageResponse, AssetQuery, AssetResponse, DownloadQuery, DownloadResponse
from api.auth import login_required
from api.extensions import db, get_settings, get_storage
from api.ids import get_owned
from api.pagination import filters_of, paginate

blueprint = Blueprint("assets", __name__, url_prefix="/api/v1", description="Media files: uploaded and rendered")


def get_asset(asset_id: UUID) -> Asset:
    """Return the caller's asset unless it was deleted."""
    return service.require_there(get_owned(Asset, asset_id))


def hand_out(download: service.Download, query: dict[str, Any]) -> Any:
    """Answer with the URL as JSON, or send the browser there; it may remember the way to a thumbnail."""
    if not query["redirect"]:
        return download
    answer = redirect(download.url)
    if download.cache_s:
        answer.headers["Cache-Control"] = f"private, max-age={download.cache_s}"
    return answer


@blueprint.route("/assets")
class AssetList(MethodView):
    """All assets."""

    decorators = [login_required]

    @blueprint.arguments(AssetQuery, location="query")
    @blueprint.response(200, AssetPageResponse)
    @problems(blueprint, {})
    def get(self, query: dict[str, Any]) -> Any:
        """List assets, newest first"""
        selected = service.select_assets(**filters_of(query))
        return paginate(db.session(), selected, Asset, query)


@blueprint.route("/assets/<uuid:asset_id>")
class AssetItem(MethodView):
    """One asset."""

    decorators = [login_required]

    @blueprint.response(200, AssetResponse)
    @problems(blueprint, {404: "asset.not_found"})
    def get(self, asset_id: UUID) -> Asset:
        """Look at an asset"""
        return get_asset(asset_id)

    @blueprint.response(204)
    @problems(blueprint, {404: "asset.not_found", 409: "asset.in_use: cancel the jobs first"})
    def delete(self, asset_id: UUID) -> None:
        """Delete an asset

        Frees its storage. Transcripts go with it; renders made from it stay. Refused while an unfinished job needs it,
        as source, music or picture.
        """
        service.delete_asset(db.session(), get_asset(asset_id), storage=get_storage())
        db.session.commit()


@blueprint.route("/assets/<uuid:asset_id>/download")
class AssetDownload(MethodView):
    """The bytes of one asset."""

    decorators = [login_required]

    @blueprint.arguments(DownloadQuery, location="query")
    @blueprint.response(200, DownloadResponse)
    @blueprint.alt_response(302, description="With redirect=1: the presigned URL in Location")
    @problems(blueprint, {404: "asset.not_found", 409: "asset.not_ready, asset.refused"})
    def get(self, query: dict[str, Any], asset_id: UUID) -> Any:
        """Get a URL that downloads the asset"""
        download = service.sign_download(get_asset(asset_id), storage=get_storage(), settings=get_settings())
        return hand_out(download, query)


@blueprint.route("/assets/<uuid:asset_id>/poster")
class AssetPoster(MethodView):
    """The still picture of one asset."""

    decorators = [login_required]

    @blueprint.arguments(DownloadQuery, location="query")
    @blueprint.response(200, DownloadResponse)
    @blueprint.alt_response(302, description="With redirect=1: the presigned URL in Location")
    @problems(blueprint, {404: "asset.not_found, asset.no_poster"})
    def get(self, query: dict[str, Any], asset_id: UUID) -> Any:
        """Get a URL that shows the asset's still picture"""
        poster = service.sign_poster(get_asset(asset_id), storage=get_storage(), settings=get_settings())
        return hand_out(poster, query)
