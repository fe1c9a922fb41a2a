"""Sessions: open, list, end, and remove what nobody can use any more."""

from __future__ import annotations

import logging
import uuid
from datetime import UTC, datetime, timedelta
from uuid import UUID

from flask import request
from sqlalchemy import Select, and_, delete, not_, or_, select, update
from sqlalchemy.orm import Session

from api.audit import record
from api.auth.models import AuthSession, SignInAttempt
from api.auth.throttle import network_of
from api.errors import NotFoundError
from api.extensions import get_settings
from api.users.models import User

logger = logging.getLogger(__name__)

KEPT_FOR = timedelta(days=7)
"""How long the row of a session stays after its last token."""
ENDED_KEPT_FOR = timedelta(days=400)
"""The same for a session of an external issuer that was ended here: the issuer may go on signing for it."""


def open_session(session: Session, user: User, method: str) -> AuthSession:
    """Add a session of the request's client to the transaction, and to the audit log; flush."""
    row = AuthSession(
        user_id=user.id,
        refresh_jti=uuid.uuid4().hex,
        method=method,
        address=network_of(request.remote_addr or ""),
        user_agent=request.headers.get("User-Agent", "")[:255],
        expires_at=next_end(datetime.now(UTC)),
    )
    session.add(row)
    session.flush()
    note_opened(session, user, row.id, method)
    return row


def note_opened(session: Session, user: User, session_id: UUID, method: str) -> None:
    """Add a sign-in to the audit log and to the other one."""
    record(session, "session.opened", target=("session", session_id), after={"method": method}, actor=user)
    logger.info("signed in", extra={"user_id": str(user.id), "method": method, "session_id": str(session_id)})


def log_refusal(method: str, code: str, **more: str) -> None:
    """Log a sign-in that was refused. Not in the audit log, which strangers would fill; names only as hashes, since
    people type passwords there.
    """
    logger.warning(
        "sign-in refused", extra={"method": method, "code": code, "address": request.remote_addr or "", **more}
    )


def next_end(created_at: datetime) -> datetime:
    """Return when the last token that is signed now for a session is over."""
    settings = get_settings()
    access, renewal = timedelta(minutes=settings.access_token_minutes), timedelta(days=settings.refresh_token_days)
    return min(datetime.now(UTC) + max(access, renewal), last_moment(created_at))


def last_moment(created_at: datetime) -> datetime:
    """Return when a session is over however often it is refreshed."""
    return created_at + timedelta(days=get_settings().session_days)


def select_open(user_id: UUID) -> Select[AuthSession]:
    """Select a user's sessions that are good for something."""
    good = (AuthSession.revoked_at.is_(None), AuthSession.expires_at > datetime.now(UTC))
    return select(AuthSession).where(AuthSession.user_id == user_id, *good)


def end_session(session: Session, user_id: UUID, session_id: UUID, reason: str) -> None:
    """End one of a user's sessions; raise ``session.not_found``."""
    row = session.scalars(select_open(user_id).where(AuthSession.id == session_id).with_for_update()).first()
    if row is None:
        raise NotFoundError("session.not_found", "There is no such session")
    end(row, reason)


def end_all(session: Session, user_id: UUID, reason: str) -> None:
    """End every session of a user, and refuse what external issuers have signed until now."""
    now = datetime.now(UTC)
    open_rows = (AuthSession.user_id == user_id, AuthSession.revoked_at.is_(None))
    session.execute(update(AuthSession).where(*open_rows).values(revoked_at=now, revoked_reason=reason))
    session.execute(update(User).where(User.id == user_id).values(tokens_after=now))


def end(row: AuthSession, reason: str) -> None:
    """Mark one session as ended."""
    row.revoked_at, row.revoked_reason = datetime.now(UTC), reason


def sweep(session: Session) -> int:
    """Remove sessions whose tokens are all over, and attempts that no longer count; return how many sessions."""
    now = datetime.now(UTC)
    ended_here_only = and_(AuthSession.revoked_at.is_not(None), AuthSession.method.startswith("http"))
    over = and_(AuthSession.expires_at < now - KEPT_FOR, not_(ended_here_only))
    gone = session.execute(delete(AuthSession).where(or_(over, AuthSession.expires_at < now - ENDED_KEPT_FOR)))
    session.execute(delete(SignInAttempt).where(SignInAttempt.created_at < now - timedelta(days=1)))
    session.commit()
    return int(gone.rowcount)  # type: ignore[attr-defined]
