"""Endpoints for administrators: named limits."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint

from api.assets.docs import problems
from api.auth import admin_required
from api.errors import NotFoundError
from api.extensions import db
from api.turns import limits
from api.turns.schemas import LimitRequest, LimitResponse, LimitsResponse

blueprint = Blueprint(
    "limits", __name__, url_prefix="/api/v1/admin/limits", description="For administrators: what may run at once"
)

LONGEST_NAME = 120


@blueprint.route("")
class LimitList(MethodView):
    """All named limits."""

    decorators = [admin_required]

    @blueprint.response(200, LimitsResponse)
    @problems(blueprint, {403: "auth.forbidden"})
    def get(self) -> Any:
        """List named limits

        Those that have a size of their own, are in use, or are waited for. Names are like ``provider:replicate``,
        ``host:example.org`` and ``user:<id>``.
        """
        return {"items": limits.list_limits(db.session())}


@blueprint.route("/<string:name>")
class LimitItem(MethodView):
    """One named limit."""

    decorators = [admin_required]

    @blueprint.arguments(LimitRequest)
    @blueprint.response(200, LimitResponse)
    @problems(blueprint, {403: "auth.forbidden", 404: "limit.not_found"})
    def put(self, wanted: dict[str, Any], name: str) -> Any:
        """Set the size of a named limit

        What runs already goes on; a smaller size holds as it ends. Steps that wait start within a second.
        """
        if len(name) > LONGEST_NAME or "\0" in name:
            raise NotFoundError("limit.not_found", "No step can have a limit of this name")
        limits.set_size(db.session(), name, wanted["size"])
        db.session.commit()
        return limits.describe(db.session(), name, own=wanted["size"] is not None)
