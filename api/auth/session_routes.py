"""Session endpoints: see them, end them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask.views import MethodView

from api.assets.docs import problems
from api.auth import cookies, current_session_id, current_user, login_required, service, sessions
from api.auth.models import AuthSession
from api.auth.routes import blueprint
from api.auth.schemas import SessionsResponse
from api.extensions import db
from api.pagination import PageQuery, paginate

SHOWN = ("id", "method", "address", "user_agent", "created_at", "refreshed_at", "expires_at")


@blueprint.route("/logout")
class Logout(MethodView):
    """End of a session."""

    decorators = [login_required]

    @blueprint.response(204)
    def post(self) -> None:
        """Sign out

        The session's tokens are refused from now on, on every process.
        """
        service.sign_out(db.session(), current_session_id())
        db.session.commit()
        cookies.forget()


@blueprint.route("/logout-all")
class LogoutAll(MethodView):
    """End of all sessions."""

    decorators = [login_required]

    @blueprint.response(204)
    def post(self) -> None:
        """Sign out everywhere

        Ends every session of the account, this one included. API tokens are not sessions and stay.
        """
        sessions.end_all(db.session(), current_user().id, "logout_all")
        db.session.commit()
        cookies.forget()


@blueprint.route("/sessions")
class SessionList(MethodView):
    """Open sessions."""

    decorators = [login_required]

    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, SessionsResponse)
    @problems(blueprint, {422: "request.bad_cursor, request.invalid"})
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List where the account is signed in"""
        page = paginate(db.session(), sessions.select_open(current_user().id), AuthSession, query)
        here = current_session_id()
        return {**page, "items": [describe(row, current=row.id == here) for row in page["items"]]}


@blueprint.route("/sessions/<uuid:session_id>")
class SessionItem(MethodView):
    """One session."""

    decorators = [login_required]

    @blueprint.response(204)
    @problems(blueprint, {404: "session.not_found"})
    def delete(self, session_id: UUID) -> None:
        """End a session"""
        sessions.end_session(db.session(), current_user().id, session_id, "ended_by_owner")
        db.session.commit()


def describe(row: AuthSession, *, current: bool) -> dict[str, Any]:
    """Return what its owner sees of a session."""
    return {**{name: getattr(row, name) for name in SHOWN}, "current": current}
