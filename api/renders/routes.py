"""Render endpoints."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask.views import MethodView
from flask_smorest import Blueprint

import api.renders.effects
import api.renders.metrics  # noqa: F401  registers its gauges
from api.assets.docs import problems
from api.assets.routes import hand_out
from api.assets.schemas import DownloadQuery, DownloadResponse
from api.assets.service import sign_download, sign_poster
from api.auth import current_user, login_required
from api.extensions import db, get_settings, get_storage
from api.idempotency import KEY_PARAMETER, after_commit, idempotent
from api.ids import get_owned
from api.jobs.service import publish_soon, request_cancel
from api.limits import render_limit
from api.pagination import filters_of, paginate
from api.renders import ordering, service
from api.renders.models import Render
from api.renders.schemas import RenderPageResponse, RenderQuery, RenderRequest, RenderResponse

blueprint = Blueprint("renders", __name__, url_prefix="/api/v1", description="Draw a scenario over a source")

LOCATION = {"Location": {"description": "Path of the render", "schema": {"type": "string"}}}
EXAMPLE = {
    "source_asset_id": "7f6c2c1e-8a54-4f0e-9b1e-0d6f6c9f2f11",
    "scenario": {"version": "1", "canvas": {"width": 1080, "height": 1920}, "tracks": []},
    "output": {"crf": 18, "preset": "medium"},
    "priority": "normal",
}
ORDER_PROBLEMS = {
    404: "asset.not_found",
    409: "asset.not_ready, asset.refused, idempotency.key_reused, idempotency.in_progress",
    422: "scenario.* with findings, render.no_video and what is wrong with the output",
    413: "quota.storage_bytes: the result would have no place",
    429: "quota.daily_renders, quota.monthly_renders, quota.concurrent_renders, rate.limited",
}
OUTPUT_PROBLEMS = {
    404: "render.not_found, render.output_not_found",
    409: "render.not_finished, render.result_deleted",
}


@blueprint.route("/renders")
class RenderList(MethodView):
    """All renders."""

    decorators = [login_required]

    @blueprint.arguments(RenderQuery, location="query")
    @blueprint.response(200, RenderPageResponse)
    @problems(blueprint, {})
    def get(self, query: dict[str, Any]) -> Any:
        """List renders, newest first"""
        return paginate(db.session(), service.select_renders(**filters_of(query)), Render, query)

    @idempotent("renders")
    @blueprint.doc(parameters=[KEY_PARAMETER])
    @blueprint.arguments(RenderRequest, example=EXAMPLE)
    @blueprint.response(202, RenderResponse, headers=LOCATION)
    @problems(blueprint, ORDER_PROBLEMS)
    @render_limit
    def post(self, body: dict[str, Any]) -> Any:
        """Order a render

        The scenario is checked (schema, times, fonts, glyphs) before anything is reserved; quota, job and render are
        made in one transaction. Send Idempotency-Key so that a repeated order stays one render. An order whose result
        is there already is answered with it: `cached` is true, the state `succeeded`, nothing is charged; `force`
        renders it anew. One that is still being rendered is not waited for: `twin_id` names it. `outputs` asks for
        several at once: the source is decoded once, and what looks alike is drawn once.
        """
        render = ordering.order_render(db.session(), current_user(), body)
        if not render.cached:
            job_id = render.job_id
            after_commit(lambda: publish_soon(job_id))
        return render, 202, {"Location": render.links["self"]}


@blueprint.route("/renders/<uuid:render_id>")
class RenderItem(MethodView):
    """One render."""

    decorators = [login_required]

    @blueprint.response(200, RenderResponse)
    @problems(blueprint, {404: "render.not_found"})
    def get(self, render_id: UUID) -> Render:
        """Look at a render"""
        return get_owned(Render, render_id)


@blueprint.route("/renders/<uuid:render_id>/cancel")
class RenderCancellation(MethodView):
    """Stopping one render."""

    decorators = [login_required]

    @blueprint.response(202, RenderResponse)
    @problems(blueprint, {404: "render.not_found", 409: "job.finished"})
    def post(self, render_id: UUID) -> Render:
        """Cancel a render

        Its quota goes back.
        """
        render = get_owned(Render, render_id)
        request_cancel(db.session(), render.job)
        db.session.commit()
        return render


@blueprint.route("/renders/<uuid:render_id>/download")
class RenderDownload(MethodView):
    """The finished video."""

    decorators = [login_required]

    @blueprint.arguments(DownloadQuery, location="query")
    @blueprint.response(200, DownloadResponse)
    @blueprint.alt_response(302, description="With redirect=1: the presigned URL in Location")
    @problems(blueprint, {404: "render.not_found", 409: "render.not_finished, render.result_deleted"})
    def get(self, query: dict[str, Any], render_id: UUID) -> Any:
        """Get a URL that downloads the finished video

        Of several outputs the first one.
        """
        return download_result(query, render_id, 0)


@blueprint.route("/renders/<uuid:render_id>/poster")
class RenderPoster(MethodView):
    """A still of the finished video."""

    decorators = [login_required]

    @blueprint.arguments(DownloadQuery, location="query")
    @blueprint.response(200, DownloadResponse)
    @blueprint.alt_response(302, description="With redirect=1: the presigned URL in Location")
    @problems(blueprint, {404: "render.not_found, asset.no_poster", 409: "render.not_finished, render.result_deleted"})
    def get(self, query: dict[str, Any], render_id: UUID) -> Any:
        """Get a URL that shows a still of the finished video"""
        return show_poster(query, render_id, 0)


@blueprint.route("/renders/<uuid:render_id>/outputs/<int:number>/download")
class OutputDownload(MethodView):
    """One finished output."""

    decorators = [login_required]

    @blueprint.arguments(DownloadQuery, location="query")
    @blueprint.response(200, DownloadResponse)
    @blueprint.alt_response(302, description="With redirect=1: the presigned URL in Location")
    @problems(blueprint, OUTPUT_PROBLEMS)
    def get(self, query: dict[str, Any], render_id: UUID, number: int) -> Any:
        """Get a URL that downloads one output"""
        return download_result(query, render_id, number)


@blueprint.route("/renders/<uuid:render_id>/outputs/<int:number>/poster")
class OutputPoster(MethodView):
    """A still of one finished output."""

    decorators = [login_required]

    @blueprint.arguments(DownloadQuery, location="query")
    @blueprint.response(200, DownloadResponse)
    @blueprint.alt_response(302, description="With redirect=1: the presigned URL in Location")
    @problems(blueprint, {**OUTPUT_PROBLEMS, 404: f"{OUTPUT_PROBLEMS[404]}, asset.no_poster"})
    def get(self, query: dict[str, Any], render_id: UUID, number: int) -> Any:
        """Get a URL that shows a still of one output"""
        return show_poster(query, render_id, number)


def download_result(query: dict[str, Any], render_id: UUID, number: int) -> Any:
    """Answer with the URL of a finished output."""
    asset = service.require_result(db.session(), get_owned(Render, render_id), number)
    return hand_out(sign_download(asset, storage=get_storage(), settings=get_settings()), query)


def show_poster(query: dict[str, Any], render_id: UUID, number: int) -> Any:
    """Answer with the URL of a finished output's still."""
    asset = service.require_result(db.session(), get_owned(Render, render_id), number)
    return hand_out(sign_poster(asset, storage=get_storage(), settings=get_settings()), query)
