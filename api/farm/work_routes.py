"""Endpoints for administrators about failed work and many jobs at once; they add to the blueprint of the farm."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView

from api.assets.docs import problems
from api.auth import admin_required
from api.extensions import db
from api.farm import bulk
from api.farm.dead_letters import list_letters
from api.farm.routes import FORBIDDEN, blueprint
from api.farm.schemas import BulkRequest, BulkResponse, DeadLettersResponse, LettersQuery


@blueprint.route("/dead-letters")
class DeadLetters(MethodView):
    """What failed for good."""

    decorators = [admin_required]

    @blueprint.arguments(LettersQuery, location="query")
    @blueprint.response(200, DeadLettersResponse)
    @problems(blueprint, FORBIDDEN)
    def get(self, query: dict[str, int]) -> Any:
        """List failed jobs by how they failed

        One group for each code, task and message without its ids, numbers, names and paths; the most frequent first.
        """
        return {"items": list_letters(db.session(), days=query["days"])}


@blueprint.route("/jobs/retry")
class BulkRetry(MethodView):
    """Retrying many jobs."""

    decorators = [admin_required]

    @blueprint.arguments(BulkRequest)
    @blueprint.response(200, BulkResponse)
    @problems(blueprint, {**FORBIDDEN, 409: "bulk.changed"})
    def post(self, body: dict[str, Any]) -> Any:
        """Retry the jobs that match, or say what that would do

        Each goes on from the step that failed and is paid for by its owner, as if they had retried it.
        """
        return run("retry", body)


@blueprint.route("/jobs/cancel")
class BulkCancel(MethodView):
    """Cancelling many jobs."""

    decorators = [admin_required]

    @blueprint.arguments(BulkRequest)
    @blueprint.response(200, BulkResponse)
    @problems(blueprint, {**FORBIDDEN, 409: "bulk.changed"})
    def post(self, body: dict[str, Any]) -> Any:
        """Cancel the jobs that match, or say what that would do"""
        return run("cancel", body)


def run(action: str, body: dict[str, Any]) -> dict[str, Any]:
    """Preview or carry out an action."""
    if body["dry_run"]:
        return {"applied": False, **bulk.preview(db.session(), action, body["filter"])}
    done = bulk.apply(db.session(), action, body["filter"], expected=body["expected"])
    return {"applied": True, **done}
