"""Tickets: what a browser can put into the address of a stream, where it cannot send headers.

One is good once and for half a minute, so that it does no harm in the log of a proxy.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, TypeVar, cast
from uuid import UUID

from flask import g, request
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from api.auth.guard import authenticate
from api.errors import UnauthenticatedError
from api.extensions import db
from api.live.models import LiveTicket
from api.users.models import User

GOOD_FOR = timedelta(seconds=30)
F = TypeVar("F", bound=Callable[..., Any])


def issue_ticket(session: Session, user_id: UUID) -> tuple[str, datetime]:
    """Return a new ticket of a user's and when it ends."""
    ticket = secrets.token_urlsafe(32)
    ends: datetime = session.execute(select(func.clock_timestamp() + GOOD_FOR)).scalar_one()
    session.add(LiveTicket(sha256=hash_ticket(ticket), user_id=user_id, expires_at=ends))
    session.flush()
    return ticket, ends


def take_ticket(session: Session, ticket: str) -> User:
    """Use a ticket up, commit, and return whose it is; raise ``auth.bad_ticket``."""
    named = delete(LiveTicket).where(LiveTicket.sha256 == hash_ticket(ticket))
    used = named.returning(LiveTicket.user_id, LiveTicket.expires_at > func.clock_timestamp())
    found = session.execute(used).one_or_none()
    session.commit()
    user = session.get(User, found[0]) if found is not None and found[1] else None
    if user is None or not user.enabled:
        raise UnauthenticatedError("auth.bad_ticket", "The ticket was used before, or its time is over; get another")
    return user


def hash_ticket(ticket: str) -> str:
    """Return what is kept of a ticket."""
    return hashlib.sha256(ticket.encode()).hexdigest()


def ticket_or_login(view: F) -> F:
    """Let a request in with ``?ticket=``, or with what :func:`api.auth.login_required` takes."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        ticket = request.args.get("ticket")
        if ticket is None:
            authenticate()
        else:
            user = take_ticket(db.session(), ticket)
            g.user, g.user_id, g.session_id = user, user.id, None
        return view(*args, **kwargs)

    guarded.needs_login = True  # type: ignore[attr-defined]  # the OpenAPI document reads it
    return cast(F, guarded)
