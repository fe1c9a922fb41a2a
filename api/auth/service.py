"""Sign in, refresh with rotation, sign out."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from flask_jwt_extended import create_access_token, create_refresh_token
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from api.auth.models import AuthSession
from api.auth.passwords import verify_password
from api.errors import ForbiddenError, UnauthenticatedError
from api.users.models import User
from api.users.service import normalise_email
from tasks.errors import InvalidInputError


@dataclass(frozen=True)
class TokenPair:
    """What a client keeps: the access token for requests, the refresh token for one exchange."""

    access_token: str
    refresh_token: str
    expires_in_s: int
    token_type: str = "Bearer"  # noqa: S105  not a password


def sign_in(session: Session, email: str, password: str) -> TokenPair:
    """Open a session. Raises ``auth.bad_credentials`` or, for a right password, ``auth.disabled``."""
    try:
        address = normalise_email(email)
    except InvalidInputError:
        address = ""
    user = session.scalar(select(User).where(User.email == address))
    if not verify_password(user.password_hash if user else None, password) or user is None:
        raise UnauthenticatedError("auth.bad_credentials", "E-mail and password do not fit")
    if not user.enabled:
        raise ForbiddenError("auth.disabled", "The account is disabled")
    row = AuthSession(user_id=user.id, refresh_jti=uuid.uuid4().hex)
    session.add(row)
    session.flush()
    return issue_tokens(row)


def refresh(session: Session, session_id: UUID, jti: str) -> TokenPair:
    """Exchange a refresh token for a new pair. One used before ends the whole session: it may have been stolen."""
    row = session.get(AuthSession, session_id, with_for_update=True, populate_existing=True)
    if row is None or row.revoked_at is not None:
        raise UnauthenticatedError("auth.revoked_token", "The session was ended; sign in again")
    if row.refresh_jti != jti:
        end(row, "refresh_reused")
        session.commit()
        raise UnauthenticatedError("auth.refresh_reused", "The refresh token was used before; sign in again")
    if not session.scalar(select(User.enabled).where(User.id == row.user_id)):
        raise UnauthenticatedError("auth.revoked_token", "The account is disabled")
    row.refresh_jti, row.refreshed_at = uuid.uuid4().hex, datetime.now(UTC)
    session.flush()
    return issue_tokens(row)


def sign_out(session: Session, session_id: UUID) -> None:
    """End a session; its tokens are refused everywhere from the commit on."""
    row = session.get(AuthSession, session_id, with_for_update=True)
    if row is not None and row.revoked_at is None:
        end(row, "logout")


def end_all(session: Session, user_id: UUID, reason: str) -> None:
    """End every session of a user."""
    open_rows = (AuthSession.user_id == user_id, AuthSession.revoked_at.is_(None))
    session.execute(update(AuthSession).where(*open_rows).values(revoked_at=datetime.now(UTC), revoked_reason=reason))


def end(row: AuthSession, reason: str) -> None:
    """Mark one session as ended."""
    row.revoked_at, row.revoked_reason = datetime.now(UTC), reason


def issue_tokens(row: AuthSession) -> TokenPair:
    """Sign the pair of a session."""
    from api.extensions import get_settings

    claims = {"sid": str(row.id)}
    access = create_access_token(str(row.user_id), additional_claims=claims)
    renewal = create_refresh_token(str(row.user_id), additional_claims={**claims, "rid": row.refresh_jti})
    return TokenPair(access, renewal, get_settings().access_token_minutes * 60)
