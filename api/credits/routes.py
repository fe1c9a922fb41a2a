"""Credit endpoints."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response
from flask.views import MethodView
from flask_smorest import Blueprint

from api.assets.docs import problems
from api.audit.service import record
from api.auth import admin_required, current_user, login_required
from api.credits import metrics as metrics  # registers its gauges
from api.credits import service, views
from api.credits.schemas import (
    CreditAdjustment,
    CreditEntryResponse,
    CreditHistoryQuery,
    CreditHistoryResponse,
    CreditsResponse,
)
from api.errors import NotFoundError
from api.events.routes import EVENT, HEADERS, read_position
from api.events.stream import Doorbell, stream_events
from api.extensions import db, get_redis
from api.idempotency import KEY_PARAMETER, idempotent
from api.ids import new_id
from api.users.models import User

blueprint = Blueprint("credits", __name__, url_prefix="/api/v1", description="What work costs and what is there for it")


@blueprint.route("/credits")
class Credits(MethodView):
    """The account."""

    decorators = [login_required]

    @blueprint.response(200, CreditsResponse)
    @problems(blueprint, {})
    def get(self) -> Any:
        """See the balance, what is held, and the prices"""
        account = views.describe_account(db.session(), current_user())
        db.session.commit()
        return account


@blueprint.route("/credits/history")
class CreditHistory(MethodView):
    """The ledger."""

    decorators = [login_required]

    @blueprint.arguments(CreditHistoryQuery, location="query")
    @blueprint.response(200, CreditHistoryResponse)
    @problems(blueprint, {422: "request.bad_cursor, request.invalid"})
    def get(self, query: dict[str, Any]) -> Any:
        """List what changed the balance, newest first"""
        return views.list_history(db.session(), current_user().id, query)


@blueprint.route("/credits/events")
class CreditEvents(MethodView):
    """Changes as they happen."""

    decorators = [login_required]

    @blueprint.response(200, EVENT, content_type="text/event-stream", description="Server-Sent Events")
    @problems(blueprint, {})
    def get(self) -> Response:
        """Follow the balance live

        Server-Sent Events named user_credits_changed, without gap or repeat from after ``Last-Event-ID`` (header, or
        ``last_event_id`` in the query), else from the latest change on. ``data`` has balance, change, debt, kind,
        action, job_id and at.
        """
        user_id, engine = current_user().id, db.engine
        after = read_position() or max(0, views.last_change(db.session(), user_id) - 1)
        db.session.remove()
        stream = stream_events(engine, Doorbell(get_redis(), user_id), user_id, after, read=views.read_changes)
        return Response(stream, mimetype="text/event-stream", headers=HEADERS)


@blueprint.route("/admin/users/<uuid:user_id>/credits")
class UserCredits(MethodView):
    """Somebody's credits, for administrators."""

    decorators = [admin_required]

    @blueprint.arguments(CreditHistoryQuery, location="query")
    @blueprint.response(200, CreditHistoryResponse)
    @problems(blueprint, {403: "auth.forbidden", 404: "user.not_found", 422: "request.bad_cursor, request.invalid"})
    def get(self, query: dict[str, Any], user_id: UUID) -> Any:
        """List what changed a user's balance, newest first"""
        require_user(user_id)
        return views.list_history(db.session(), user_id, query)

    @idempotent("admin.credits")
    @blueprint.doc(parameters=[KEY_PARAMETER])
    @blueprint.arguments(CreditAdjustment)
    @blueprint.response(201, CreditEntryResponse)
    @problems(
        blueprint,
        {402: "credits.insufficient", 403: "auth.forbidden", 404: "user.not_found", 422: "request.invalid"},
    )
    def post(self, body: dict[str, Any], user_id: UUID) -> Any:
        """Give or take credits, with a reason

        Send an ``Idempotency-Key``, so that a repeated request gives once. More than is there is not taken.
        """
        require_user(user_id)
        session, amount = db.session(), body["amount"]
        told = {"reason": body["reason"], "by": str(current_user().id)}
        move = service.grant if amount > 0 else service.deduct
        entry = move(session, user_id, abs(amount), ref=f"admin:{new_id()}", details=told)
        before, after = {"balance": entry.balance_before}, {"balance": entry.balance_after, **body}
        record(session, "credits.adjusted", target=("user", user_id), before=before, after=after)
        return entry


def require_user(user_id: UUID) -> None:
    """Raise ``user.not_found`` unless there is such a user."""
    if db.session.get(User, user_id) is None:
        raise NotFoundError("user.not_found", "There is no such user")
