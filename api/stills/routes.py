"""Still endpoints."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import redirect
from flask.views import MethodView
from flask_smorest import Blueprint

import api.stills.effects  # noqa: F401  registers what the end of a still changes
from api.assets.docs import problems
from api.assets.models import Asset
from api.assets.service import require_ready
from api.auth import current_user, login_required
from api.extensions import db, get_settings, get_storage
from api.idempotency import KEY_PARAMETER, idempotent
from api.ids import get_owned
from api.jobs.service import publish_soon
from api.jobs.waiting import wait_for_end
from api.limits import still_limit
from api.renders.models import Render
from api.renders.ordering import find_reframing, shape_of
from api.renders.service import require_output
from api.stills import service
from api.stills.answers import read_source, require_success
from api.stills.schemas import RenderStillQuery, StillRequest, StillResponse
from tasks.contracts import RenderOutput
from tasks.contracts.still import StillOrder
from tasks.fonts.accept import accept

blueprint = Blueprint("stills", __name__, url_prefix="/api/v1", description="Single pictures, before or after a render")

PROBLEMS = {
    402: "credits.insufficient",
    404: "asset.not_found",
    409: "asset.not_ready, asset.refused, still.failed, idempotency.key_reused, idempotency.in_progress",
    422: "scenario.* with findings, render.no_video",
    429: "rate.limited",
}
EXAMPLE = {"scenario": {"version": "1", "canvas": {"width": 1080, "height": 1920}, "tracks": []}, "t": 1.5}


def ask(order: StillOrder, source: Asset | None, wait_s: float | None) -> dict[str, Any]:
    """Return the picture, waiting for it a while; raise ``still.failed``."""
    settings, storage = get_settings(), get_storage()
    still, is_new = service.ask_still(db.session(), current_user(), order, source, storage=storage)
    db.session.commit()
    still_id, job_id = still.id, still.job_id
    if is_new:
        publish_soon(job_id)
    longest = settings.still_wait_s
    wait_for_end(job_id, longest if wait_s is None else min(wait_s, longest))
    still = service.get_still(still_id)
    require_success(still, "still.failed")
    return service.describe(still, cached=not is_new, storage=storage, settings=settings)


def status_of(told: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """Return the answer with 200 once there is a picture, 202 before."""
    return told, 200 if told.get("url") else 202


@blueprint.route("/stills")
class StillList(MethodView):
    """All stills."""

    decorators = [login_required]

    @blueprint.doc(parameters=[KEY_PARAMETER])
    @blueprint.arguments(StillRequest, example=EXAMPLE)
    @blueprint.response(200, StillResponse)
    @blueprint.alt_response(202, schema=StillResponse, description="It is being drawn; look again, or follow its job")
    @problems(blueprint, PROBLEMS)
    @still_limit
    @idempotent("stills")
    def post(self, body: dict[str, Any]) -> Any:
        """Draw a still or a contact sheet

        Any scenario at any time, over footage or alone: the very picture that a render would have there. Waits some
        seconds; the same request again is answered at once, or joins what is being drawn.
        """
        source = read_source(body["source_asset_id"])
        order = service.build_order(
            accept(body["scenario"], aspect=shape_of(source) if source else None).scenario,
            source,
            times=body["times"] or [body["t"]],
            output=RenderOutput(**{name: body[name] for name in ("width", "height", "aspect", "fit")}),
            background=body["background"],
            columns=body["columns"],
            tile_width=body["tile_width"],
        )
        return status_of(ask(order, source, body["wait_s"]))


@blueprint.route("/stills/<uuid:still_id>")
class StillItem(MethodView):
    """One still."""

    decorators = [login_required]

    @blueprint.response(200, StillResponse)
    @problems(blueprint, {404: "still.not_found"})
    def get(self, still_id: UUID) -> Any:
        """Look at a still"""
        still = service.get_still(still_id)
        return service.describe(still, cached=True, storage=get_storage(), settings=get_settings())


@blueprint.route("/renders/<uuid:render_id>/still")
class RenderStill(MethodView):
    """A moment of a render."""

    decorators = [login_required]

    @blueprint.arguments(RenderStillQuery, location="query")
    @blueprint.response(200, StillResponse)
    @blueprint.alt_response(202, schema=StillResponse, description="It is being drawn; ask again, or follow its job")
    @blueprint.alt_response(302, description="With redirect=1: the presigned URL in Location")
    @problems(blueprint, {**PROBLEMS, 404: "render.not_found, render.output_not_found, asset.not_found"})
    @still_limit
    def get(self, query: dict[str, Any], render_id: UUID) -> Any:
        """See one moment of a render

        Whatever the render's state: its scenario over its source at ``t`` seconds, as it is or will be. An output of
        captions alone is shown without its source, transparent where it is.
        """
        render = get_owned(Render, render_id)
        source = require_ready(db.session.get_one(Asset, render.source_asset_id))
        seen = service.seen_of(require_output(render, query["output"]), width=query["width"])
        order = service.build_order(
            render.scenario, source, times=[query["t"]], output=seen, reframing=find_reframing(render)
        )
        told, status = status_of(ask(order, source, query["wait_s"]))
        return redirect(told["url"]) if query["redirect"] and status == 200 else (told, status)
