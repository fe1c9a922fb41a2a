"""Closing an account: nobody gets in from the commit on; its personal things are removed by :mod:`api.closing.erase`.

The row stays, without name and address, since things of organisations and the books of credits point at it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from api.admin.service import require_other_admin
from api.audit import record
from api.auth.models import AuthSession
from api.auth.recovery import require_password
from api.auth.sessions import end_all
from api.errors import ConflictError, ForbiddenError
from api.extensions import get_settings
from api.identities.models import Identity
from api.jobs.models import Job
from api.jobs.service import request_cancel
from api.jobs.states import TERMINAL
from api.mail.models import EmailProof, MailMessage
from api.mail.queue import queue_mail
from api.organisations.models import Invitation, InvitationState, Membership, Organisation
from api.organisations.service import dissolve, remove_member
from api.payments.service import find_subscription
from api.tokens.models import ApiToken
from api.users.models import User

FRESH = timedelta(minutes=15)
"""How young a session must be where there is no password to ask for."""


def close_account(session: Session, user: User, session_id: UUID, *, password: str, address: str) -> None:
    """Close an account for good.

    Raises ``auth.wrong_password``, ``auth.too_many_attempts``, ``auth.not_fresh``, ``user.last_admin``,
    ``user.subscribed``, ``organisation.last_owner``, ``organisation.not_empty``.
    """
    if user.password_hash is not None:
        require_password(session, user, password, address=address)
    else:
        require_fresh(session, session_id)
    session.refresh(user, ["enabled", "role", "email"], with_for_update={"of": User})
    require_other_admin(session, user)
    if find_subscription(session, user.id) is not None:
        raise ConflictError("user.subscribed", "A subscription is running; end it in the customer portal first")
    leave_organisations(session, user)
    cancel_work(session, user.id)
    record(session, "user.closed", target=("user", user.id), actor=user)
    forget(session, user)


def require_fresh(session: Session, session_id: UUID) -> None:
    """Raise ``auth.not_fresh`` unless the session was opened just now."""
    row = session.get_one(AuthSession, session_id)
    if row.created_at < datetime.now(UTC) - FRESH:
        raise ForbiddenError("auth.not_fresh", "Sign in again first; the sign-in must be younger than 15 minutes")


def leave_organisations(session: Session, user: User) -> None:
    """End every membership; an organisation of this user alone is dissolved, which needs it to be empty."""
    mine = select(Membership.organisation_id).where(Membership.user_id == user.id).order_by(Membership.organisation_id)
    for organisation_id in session.scalars(mine).all():
        organisation = session.get_one(Organisation, organisation_id, with_for_update=True)
        members = select(func.count()).select_from(Membership).where(Membership.organisation_id == organisation_id)
        if session.scalar(members) == 1:
            dissolve(session, organisation)
        else:
            member = session.get_one(Membership, (organisation_id, user.id), populate_existing=True)
            remove_member(session, member, left=True)


def cancel_work(session: Session, user_id: UUID) -> None:
    """Cancel the user's own unfinished jobs; those in organisations go on, they are the organisation's."""
    unfinished = (Job.organisation_id.is_(None), Job.state.not_in([state.value for state in TERMINAL]))
    for job in session.scalars(select(Job).where(Job.owner_id == user_id, *unfinished).order_by(Job.id)).all():
        request_cancel(session, job)


def forget(session: Session, user: User) -> None:
    """Take every way in and everything that names the person off the account; its owner is told by mail."""
    email = user.email
    session.execute(delete(MailMessage).where(MailMessage.address == email))
    if get_settings().mail.on:
        queue_mail(session, "account_closed", email)
    pending = Invitation.state == InvitationState.PENDING.value
    session.execute(delete(Invitation).where(Invitation.email == email, pending))
    session.execute(delete(EmailProof).where((EmailProof.email == email) | (EmailProof.user_id == user.id)))
    for model in (Identity, ApiToken):
        session.execute(delete(model).where(model.user_id == user.id))
    end_all(session, user.id, "account_closed")
    user.email, user.email_verified_at = f"{user.id}@closed.invalid", None
    user.password_hash, user.role, user.enabled = None, "user", False
    user.closed_at = datetime.now(UTC)
    session.flush()
