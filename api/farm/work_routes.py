"""Endpoints for administrators about failed work and many jobs at once; they add to the blueprint of the farm."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from flask.views import MethodView
from redis import RedisError

from api.assets.docs import problems
from api.auth import admin_required
from api.errors import UnavailableError
from api.extensions import db, get_redis
from api.farm import bulk
from api.farm.dead_letters import list_letters
from api.farm.routes import FORBIDDEN, blueprint
from api.farm.schemas import (
    BulkRequest,
    BulkResponse,
    DeadLettersResponse,
    LettersQuery,
    RefusedMessagesResponse,
    RefusedQuery,
)
from tasks.refused import list_refused


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


@blueprint.route("/refused-messages")
class RefusedMessages(MethodView):
    """What came over the broker and was not executed."""

    decorators = [admin_required]

    @blueprint.arguments(RefusedQuery, location="query")
    @blueprint.response(200, RefusedMessagesResponse)
    @problems(blueprint, {**FORBIDDEN, 503: "broker.unavailable"})
    def get(self, query: dict[str, int]) -> Any:
        """List messages that workers refused

        Nobody but this system has a reason to send any: one in this list means that something else reaches the broker,
        or that versions of the system differ. The latest thousand are kept.
        """
        try:
            found = list_refused(get_redis(), limit=query["limit"])
        except RedisError as error:
            raise UnavailableError("broker.unavailable", "Redis does not answer") from error
        return {"items": [{**asdict(one), "at": datetime.fromisoformat(one.at)} for one in found]}


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
        """Cancel the jobs that match, or say what that would do

        Owners get back what their jobs hold, less what is charged for frames and clips that were made.
        """
        return run("cancel", body)


def run(action: str, body: dict[str, Any]) -> dict[str, Any]:
    """Preview or carry out an action."""
    if body["dry_run"]:
        return {"applied": False, **bulk.preview(db.session(), action, body["filter"])}
    done = bulk.apply(db.session(), action, body["filter"], expected=body["expected"])
    return {"applied": True, **done}
