"""Sign in, refresh with rotation, sign out."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from flask_jwt_extended import create_access_token, create_refresh_token
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.auth.models import AuthSession
from api.auth.passwords import verify_password
from api.auth.sessions import end, end_all, last_moment, log_refusal, next_end, open_session
from api.auth.throttle import account_key, forgive, note_attempt
from api.errors import ForbiddenError, UnauthenticatedError
from api.extensions import get_settings
from api.users.models import User
from api.users.service import normalise_email
from tasks.errors import InvalidInputError, ReelyardError

__all__ = ["TokenPair", "end_all", "issue_tokens", "refresh", "sign_in", "sign_out"]


@dataclass(frozen=True)
class TokenPair:
    """What a client keeps: the access token for requests, the refresh token for one exchange."""

    access_token: str
    refresh_token: str
    expires_in_s: int
    token_type: str = "Bearer"  # noqa: S105  not a password


def sign_in(session: Session, email: str, password: str, *, address: str) -> TokenPair:
    """Open a session; what is refused is a line in the log.

    Raises ``auth.bad_credentials``, ``auth.too_many_attempts`` or, for a right password, ``auth.disabled``,
    ``auth.unverified``.
    """
    try:
        name = normalise_email(email)
    except InvalidInputError:
        name = ""
    try:
        return open_with_password(session, name, password, address=address)
    except ReelyardError as error:
        log_refusal("password", error.code, account=account_key(name))
        raise


def open_with_password(session: Session, name: str, password: str, *, address: str) -> TokenPair:
    """Open the session of the account with this address, counted as an attempt first."""
    note_attempt(session, name, address)
    user = session.scalar(select(User).where(User.email == name))
    if not verify_password(user.password_hash if user else None, password) or user is None:
        raise UnauthenticatedError("auth.bad_credentials", "E-mail and password do not fit")
    require_usable(user)
    forgive(session, name, address)
    return issue_tokens(open_session(session, user, "password"))


def require_usable(user: User) -> None:
    """Raise ``auth.disabled`` or, where mail can prove addresses, ``auth.unverified``."""
    if not user.enabled:
        raise ForbiddenError("auth.disabled", "The account is disabled")
    if user.email_verified_at is None and get_settings().mail.on:
        raise ForbiddenError("auth.unverified", "Prove the address first: ask for a mail with a link")


def refresh(session: Session, session_id: UUID, jti: str) -> TokenPair:
    """Exchange a refresh token for a new pair. One used before ends the whole session: it may have been stolen.

    Raises ``auth.revoked_token``, ``auth.refresh_reused``, and ``auth.session_over`` once the session is too old.
    """
    row = session.get(AuthSession, session_id, with_for_update=True, populate_existing=True)
    if row is None or row.revoked_at is not None:
        raise UnauthenticatedError("auth.revoked_token", "The session was ended; sign in again")
    if row.refresh_jti != jti:
        end(row, "refresh_reused")
        session.commit()
        log_refusal(row.method, "auth.refresh_reused", user_id=str(row.user_id), session_id=str(row.id))
        raise UnauthenticatedError("auth.refresh_reused", "The refresh token was used before; sign in again")
    if last_moment(row.created_at) <= datetime.now(UTC):
        raise UnauthenticatedError("auth.session_over", "The session is as old as sessions get here; sign in again")
    if not session.scalar(select(User.enabled).where(User.id == row.user_id)):
        raise UnauthenticatedError("auth.revoked_token", "The account is disabled")
    row.refresh_jti, row.refreshed_at, row.expires_at = (
        uuid.uuid4().hex,
        datetime.now(UTC),
        next_end(row.created_at),
    )
    session.flush()
    return issue_tokens(row)


def sign_out(session: Session, session_id: UUID) -> None:
    """End a session; its tokens are refused everywhere from the commit on."""
    row = session.get(AuthSession, session_id, with_for_update=True)
    if row is not None and row.revoked_at is None:
        end(row, "logout")


def issue_tokens(row: AuthSession) -> TokenPair:
    """Sign the pair of a session."""
    claims = {"sid": str(row.id)}
    left_s = int((last_moment(row.created_at) - datetime.now(UTC)).total_seconds())
    lives_s = max(1, min(get_settings().access_token_minutes * 60, left_s))  # none would mean: without an end
    access = create_access_token(str(row.user_id), additional_claims=claims, expires_delta=timedelta(seconds=lives_s))
    renewal = create_refresh_token(str(row.user_id), additional_claims={**claims, "rid": row.refresh_jti})
    return TokenPair(access, renewal, lives_s)
