"""Who may look at Flower: a browser whose administrator asked for it lately, by a signed cookie.

A browser sends no bearer token when it follows a link, so signing in to Flower is a request with one, answered by a
cookie that is good for these pages only. It names account and session; both are looked at again with every request.
"""

from __future__ import annotations

from uuid import UUID

from flask import request
from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer
from sqlalchemy import select

from api.auth.models import AuthSession
from api.errors import ForbiddenError, UnauthenticatedError
from api.extensions import db, get_settings
from api.users.models import User

COOKIE = "reelyard_flower"
VISIT_S = 3600


def sign_visit(user_id: UUID, session_id: UUID) -> str:
    """Return the cookie's value."""
    return _serializer().dumps({"user": str(user_id), "session": str(session_id)})


def check_visit() -> None:
    """Let a request in by its cookie.

    Raises ``auth.missing_token``, ``auth.expired_token``, ``auth.bad_token``, ``auth.revoked_token``,
    ``auth.forbidden``.
    """
    text = request.cookies.get(COOKIE)
    if text is None:
        raise UnauthenticatedError("auth.missing_token", "Ask POST /api/v1/admin/flower for a visit first")
    try:
        told = _serializer().loads(text, max_age=VISIT_S)
    except SignatureExpired as error:
        raise UnauthenticatedError("auth.expired_token", "The visit is over; ask for another one") from error
    except BadSignature as error:
        raise UnauthenticatedError("auth.bad_token", "The cookie is not one of ours") from error
    found = db.session.execute(
        select(User, AuthSession)
        .join(AuthSession, AuthSession.user_id == User.id)
        .where(AuthSession.id == UUID(told["session"]), User.id == UUID(told["user"]))
    ).first()
    if found is None or found[1].revoked_at is not None or not found[0].enabled:
        raise UnauthenticatedError("auth.revoked_token", "The session was ended; sign in again")
    if found[0].role != "admin":
        raise ForbiddenError("auth.forbidden", "Only administrators may do this")


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(get_settings().jwt_secret, salt="flower")
