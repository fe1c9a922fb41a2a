"""Decorators that let a request in, and the JWT settings behind them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, NoReturn, TypeVar, cast
from uuid import UUID

from flask import Flask, g, request
from flask_jwt_extended import JWTManager, get_jwt, verify_jwt_in_request
from flask_jwt_extended.exceptions import JWTExtendedException, NoAuthorizationError
from jwt.exceptions import ExpiredSignatureError, PyJWTError
from sqlalchemy import bindparam, select

from api.auth.models import AuthSession
from api.config import ApiSettings
from api.errors import ForbiddenError, UnauthenticatedError
from api.extensions import db
from api.identities.issuers import authenticate_external, is_external, peek_external
from api.prepared import PREPARED
from api.tokens.guard import authenticate_token, find_good, require_admin_scope, sent_token
from api.users.models import User

F = TypeVar("F", bound=Callable[..., Any])
ISSUER, AUDIENCE = "reelyard", "reelyard-api"
COOKIE = "reelyard_refresh"
"""Where a browser's refresh token is kept, see :mod:`api.auth.cookies`."""
SIGNED_IN = (
    select(User, AuthSession)
    .join(AuthSession, AuthSession.user_id == User.id)
    .where(AuthSession.id == bindparam("session"), User.id == bindparam("user"))
    .execution_options(**PREPARED)
)
"""Made once: every request asks it."""
UNREADABLE = (PyJWTError, JWTExtendedException, KeyError, ValueError, TypeError, AttributeError, RecursionError)
"""What decoding a hostile token can end in, besides having expired."""


def configure_jwt(app: Flask, settings: ApiSettings) -> None:
    """Set Flask-JWT-Extended to one algorithm, one issuer, one audience, headers only."""
    app.config.update(
        JWT_SECRET_KEY=settings.jwt_secret,
        JWT_ALGORITHM="HS256",
        JWT_DECODE_ALGORITHMS=["HS256"],
        JWT_ENCODE_ISSUER=ISSUER,
        JWT_DECODE_ISSUER=ISSUER,
        JWT_ENCODE_AUDIENCE=AUDIENCE,
        JWT_DECODE_AUDIENCE=AUDIENCE,
        JWT_TOKEN_LOCATION=["headers"],
        JWT_REFRESH_COOKIE_NAME=COOKIE,
        JWT_COOKIE_CSRF_PROTECT=False,  # the cookie is read for a header alone: api.auth.cookies
        JWT_ACCESS_TOKEN_EXPIRES=timedelta(minutes=settings.access_token_minutes),
        JWT_REFRESH_TOKEN_EXPIRES=timedelta(days=settings.refresh_token_days),
    )
    JWTManager(app)


def login_required(view: F) -> F:
    """Let a request in with a good access token of a live session and an enabled account."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        authenticate()
        return view(*args, **kwargs)

    guarded.needs_login = True  # type: ignore[attr-defined]  # the OpenAPI document reads it
    return cast(F, guarded)


def admin_required(view: F) -> F:
    """Let only administrators in."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        authenticate()
        if current_user().role != "admin":
            raise ForbiddenError("auth.forbidden", "Only administrators may do this")
        require_admin_scope()
        return view(*args, **kwargs)

    guarded.needs_login = True  # type: ignore[attr-defined]
    return cast(F, guarded)


def authenticate() -> None:
    """Find out who is calling, by API token, by an external issuer's token or by the access token of a session.

    Raises the typed 401 otherwise.
    """
    text = sent_token()
    if text is not None:
        user = authenticate_token(text)
        g.user, g.user_id, g.session_id = user, user.id, None
        return
    g.pop("api_token", None)
    external = authenticate_external()
    if external is not None:
        g.user, g.user_id, g.session_id = external.user, external.user.id, external.session_id
        return
    claims = read_token(refresh=False)
    found = db.session.execute(SIGNED_IN, {"session": UUID(claims["sid"]), "user": UUID(claims["sub"])}).first()
    if found is None or found[1].revoked_at is not None:
        raise UnauthenticatedError("auth.revoked_token", "The session was ended; sign in again")
    if not found[0].enabled:
        raise UnauthenticatedError("auth.revoked_token", "The account is disabled")
    g.user, g.user_id, g.session_id = found[0], found[0].id, found[1].id


def read_token(*, refresh: bool, in_cookie: bool = False) -> dict[str, Any]:
    """Return the claims of the request's token, the bearer or the one in the cookie.

    Raises ``auth.missing_token``, ``auth.expired_token``, ``auth.bad_token``.
    """
    peeked = g.pop("peeked_bearer", None)
    try:
        if refresh or in_cookie or peeked is None or peeked != request.headers.get("Authorization"):
            verify_jwt_in_request(refresh=refresh, locations=["cookies" if in_cookie else "headers"])
        claims = cast(dict[str, Any], get_jwt())
        if claims["type"] != ("refresh" if refresh else "access") or not claims["exp"]:  # the library lets both pass
            raise ValueError("another kind of token, or one without an end")
        UUID(claims["sid"])
        UUID(claims["sub"])
    except NoAuthorizationError as error:
        raise UnauthenticatedError("auth.missing_token", "Send Authorization: Bearer <access token>") from error
    except ExpiredSignatureError as error:
        raise UnauthenticatedError("auth.expired_token", "The token's time is over; refresh it") from error
    except UNREADABLE as error:
        refuse_token(error)
    return claims


def peek_subject() -> str | None:
    """Return whose genuine token came with the request; None without one.

    The database is only asked about API tokens.
    """
    text = sent_token()
    if text is not None:
        token = find_good(text)
        return str(token.user_id) if token else None
    if is_external():
        return peek_external()
    try:
        verified = verify_jwt_in_request(optional=True)  # None without a token, and for OPTIONS
        if not verified:
            return None
        g.peeked_bearer = request.headers.get("Authorization")  # it needs not be verified again a moment later
        return str(UUID(verified[1]["sub"]))
    except UNREADABLE:
        return None


def refuse_token(error: Exception) -> NoReturn:
    """Say no more than that the token is not good."""
    raise UnauthenticatedError("auth.bad_token", "The token is not one of ours, or of the wrong kind") from error


def current_user() -> User:
    """Return the caller; raise ``auth.missing_token`` outside a guarded view."""
    user = g.get("user")
    if user is None:
        raise UnauthenticatedError("auth.missing_token", "Send Authorization: Bearer <access token>")
    return cast(User, user)


def current_session_id() -> UUID:
    """Return the id of the caller's session."""
    return cast(UUID, g.session_id)
