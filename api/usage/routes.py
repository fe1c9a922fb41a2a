"""Usage endpoints."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint

from api.assets.docs import problems
from api.auth import current_user, login_required
from api.extensions import db
from api.usage import service
from api.usage.schemas import UsageHistoryQuery, UsageHistoryResponse, UsageResponse

blueprint = Blueprint("usage", __name__, url_prefix="/api/v1", description="What is left and what was used")


@blueprint.route("/usage")
class Usage(MethodView):
    """Quotas now."""

    decorators = [login_required]

    @blueprint.response(200, UsageResponse)
    @problems(blueprint, {})
    def get(self) -> Any:
        """See what is left of each quota"""
        return service.describe_quotas(db.session(), current_user())


@blueprint.route("/usage/history")
class UsageHistory(MethodView):
    """Usage over time."""

    decorators = [login_required]

    @blueprint.arguments(UsageHistoryQuery, location="query")
    @blueprint.response(200, UsageHistoryResponse)
    @problems(blueprint, {})
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """See what was used, per day or month"""
        return {"by": query["by"], "items": service.list_history(db.session(), current_user().id, **query)}
