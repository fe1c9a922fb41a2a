"""Opening Flower, and Flower's own pages behind it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint as PlainBlueprint
from flask import Response, g, jsonify, request
from flask.views import MethodView
from flask_smorest import Blueprint

from api.assets.docs import problems
from api.audit import record
from api.auth import admin_required
from api.errors import ForbiddenError, NotFoundError
from api.extensions import db, get_settings
from api.flower.proxy import PREFIX, forward
from api.flower.schemas import VisitResponse
from api.flower.visits import COOKIE, VISIT_S, check_visit, sign_visit

blueprint = Blueprint(
    "flower", __name__, url_prefix="/api/v1/admin/flower", description="For administrators: Flower's pages"
)
pages = PlainBlueprint("flower_pages", __name__, url_prefix=PREFIX)


@blueprint.route("")
class Visit(MethodView):
    """A visit to Flower."""

    decorators = [admin_required]

    @blueprint.response(200, VisitResponse)
    @problems(blueprint, {403: "auth.forbidden", 404: "flower.off"})
    def post(self) -> Any:
        """Open Flower

        Answers with a cookie that lets this browser look at ``/flower/`` for an hour, as long as the session lives.
        """
        if not get_settings().flower_url:
            raise NotFoundError("flower.off", "REELYARD_FLOWER_URL is not set: there is no Flower to show")
        if g.session_id is None:
            raise ForbiddenError("token.not_allowed", "API tokens cannot do this; sign in with e-mail and password")
        record(db.session(), "flower.opened")
        db.session.commit()
        answer = jsonify(url=f"{PREFIX}/", expires_in_s=VISIT_S)
        answer.set_cookie(
            COOKIE,
            sign_visit(g.user_id, g.session_id),
            max_age=VISIT_S,
            path=PREFIX,
            secure=request.is_secure,
            httponly=True,
            samesite="Strict",
        )
        return answer


@pages.route("/", defaults={"path": ""}, methods=["GET", "POST"])
@pages.route("/<path:path>", methods=["GET", "POST"])
def flower_page(path: str) -> Response:
    """Show one of Flower's pages to an administrator."""
    check_visit()
    return forward(path)
