"""Letting a request in by its API token; :func:`api.auth.guard.authenticate` calls this for bearers that are one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NoReturn

from flask import g, request
from sqlalchemy import or_, select, update

from api.errors import ForbiddenError, UnauthenticatedError
from api.extensions import db
from api.tokens.models import ApiToken
from api.tokens.scopes import Scope, scope_of
from api.tokens.secret import MARK, digest, is_well_formed
from api.users.models import User

BEARER = "Bearer "
SEEN_EVERY = timedelta(minutes=1)
"""The last use is written at most this often."""


def sent_token() -> str | None:
    """Return the API token that came with the request, None when something else or nothing did."""
    header = request.headers.get("Authorization", "")
    text = header[len(BEARER) :].strip() if header[: len(BEARER)].lower() == BEARER.lower() else ""
    return text if text.startswith(MARK) else None


def authenticate_token(text: str) -> User:
    """Return whose token it is, once the operation is found to be within its scopes.

    Raises ``token.invalid``, ``auth.revoked_token``, ``token.not_allowed``, ``token.scope_missing``.
    """
    token = find_good(text)
    if token is None:
        raise UnauthenticatedError("token.invalid", "The API token is not one of ours, was revoked, or is too old")
    user = db.session.get(User, token.user_id)
    if user is None or not user.enabled:
        raise UnauthenticatedError("auth.revoked_token", "The account is disabled")
    require_scope(token)
    note_use(token)
    g.api_token = token
    return user


def find_good(text: str) -> ApiToken | None:
    """Return the token's row unless it is unknown, revoked or expired."""
    if not is_well_formed(text):
        return None
    token: ApiToken | None = db.session.scalar(select(ApiToken).where(ApiToken.token_sha256 == digest(text)))
    if token is None or token.revoked_at is not None:
        return None
    return None if token.expires_at is not None and token.expires_at <= datetime.now(UTC) else token


def require_scope(token: ApiToken) -> None:
    """Raise unless the token's scopes cover the operation that is asked for."""
    wanted = scope_of(request.method, request.endpoint or "")
    if wanted is None:
        raise ForbiddenError("token.not_allowed", "API tokens cannot do this; sign in with e-mail and password")
    if wanted.value not in token.scopes:
        refuse_scope(token, wanted)


def require_admin_scope() -> None:
    """Raise unless the caller came without an API token, or with one for administrators: whatever the table says."""
    token: ApiToken | None = g.get("api_token")
    if token is not None and Scope.ADMIN.value not in token.scopes:
        refuse_scope(token, Scope.ADMIN)


def refuse_scope(token: ApiToken, wanted: Scope) -> NoReturn:
    """Raise ``token.scope_missing`` with what a program needs to know."""
    raise ForbiddenError(
        "token.scope_missing",
        f"The API token lacks the scope {wanted.value}",
        {"scope": wanted.value, "scopes": list(token.scopes)},
    )


def note_use(token: ApiToken) -> None:
    """Write that the token is in use, at most once a minute, before the request's own work begins."""
    now = datetime.now(UTC)
    if token.last_used_at is not None and now - token.last_used_at < SEEN_EVERY:
        return
    stale = or_(ApiToken.last_used_at.is_(None), ApiToken.last_used_at < now - SEEN_EVERY)
    db.session.execute(
        update(ApiToken)
        .where(ApiToken.id == token.id, stale)
        .values(last_used_at=now)
        .execution_options(synchronize_session=False)
    )
    db.session.commit()
