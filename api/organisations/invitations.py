"""Use cases of invitations: offer, withdraw, accept, decline; each is for one address and good for a week."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from api.errors import ConflictError, ForbiddenError, NotFoundError, QuotaError
from api.ids import new_id
from api.organisations.models import Invitation, InvitationState, Membership, Organisation, Role
from api.organisations.service import add_member, note
from api.users.models import User
from api.users.service import normalise_email

GOOD_FOR = timedelta(days=7)
MOST_A_DAY = 100
"""Invitations of one account within 24 hours, over all organisations: letters go out in our name."""
PENDING = Invitation.state == InvitationState.PENDING.value


class Messenger(Protocol):
    """Brings invitations to people by another way than the inviter's own."""

    def bring(self, session: Session, invitation: Invitation) -> bool:
        """Queue a letter in the caller's transaction; False when there is no way to send one.

        Whoever writes the letter gets its link from :func:`mint_link`, so that no secret waits in a queue.
        """


class NoMessenger:
    """Brings nothing: the inviter is shown the link instead."""

    def bring(self, session: Session, invitation: Invitation) -> bool:
        """Leave it to the inviter."""
        return False


def mint_link(session: Session, invitation: Invitation, public_url: str) -> str:
    """Return a link that accepts the invitation, the only one that does from now on; it is kept nowhere."""
    token = secrets.token_urlsafe(32)
    invitation.token_sha256 = digest(token)
    session.flush()
    return f"{public_url.rstrip('/')}/invitations#token={token}"


def invite(session: Session, organisation: Organisation, inviter: User, *, email: str, role: Role) -> Invitation:
    """Offer somebody a role; a pending offer to the same address is replaced, and its link is dead.

    Nobody has the link yet: :func:`mint_link` makes it.

    The organisation must be locked. Raises ``user.email_invalid``, ``organisation.member_exists``,
    ``invitation.too_many``.
    """
    address = normalise_email(email)
    require_few(session, inviter)
    belongs = select(Membership.user_id).join(Membership.user)
    if session.scalar(belongs.where(Membership.organisation_id == organisation.id, User.email == address)):
        raise ConflictError("organisation.member_exists", "The person is a member already; change the role instead")
    earlier = (Invitation.organisation_id == organisation.id, Invitation.email == address, PENDING)
    session.execute(update(Invitation).where(*earlier).values(state=InvitationState.WITHDRAWN.value))
    invitation = Invitation(
        id=new_id(),
        organisation_id=organisation.id,
        email=address,
        role=role.value,
        token_sha256=digest(secrets.token_urlsafe(32)),
        invited_by=inviter.id,
        state=InvitationState.PENDING.value,
        expires_at=datetime.now(UTC) + GOOD_FOR,
    )
    session.add(invitation)
    session.flush()
    note(session, "invitation.sent", organisation.id, after={"email": address, "role": role.value})
    return invitation


def require_few(session: Session, inviter: User) -> None:
    """Raise ``invitation.too_many`` for who has sent as many as a day allows; others of theirs wait for this one."""
    session.execute(select(User.id).where(User.id == inviter.id).with_for_update())
    now = datetime.now(UTC)
    sent = (Invitation.invited_by == inviter.id, Invitation.created_at > now - timedelta(days=1))
    count, first = session.execute(select(func.count(), func.min(Invitation.created_at)).where(*sent)).one()
    if count >= MOST_A_DAY:
        wait_s = max(1, int((first + timedelta(days=1) - now).total_seconds()) + 1)
        raise QuotaError(
            "invitation.too_many",
            f"{MOST_A_DAY} invitations within a day are allowed",
            {"cap": MOST_A_DAY, "retry_after_s": wait_s},
        )


def digest(token: str) -> str:
    """Return what is stored of an invitation's token."""
    return hashlib.sha256(token.encode()).hexdigest()


def select_pending(organisation_id: UUID) -> Select[tuple[Invitation]]:
    """Select an organisation's invitations that wait for an answer, those too late included."""
    return select(Invitation).where(Invitation.organisation_id == organisation_id, PENDING)


def withdraw(session: Session, organisation_id: UUID, invitation_id: UUID) -> None:
    """Take an offer back; raise ``invitation.not_found``."""
    found: Invitation | None = session.scalar(
        select(Invitation)
        .where(Invitation.id == invitation_id, Invitation.organisation_id == organisation_id, PENDING)
        .with_for_update()
    )
    if found is None:
        raise NotFoundError("invitation.not_found", "There is no such invitation")
    found.state = InvitationState.WITHDRAWN.value
    note(session, "invitation.withdrawn", organisation_id, before={"email": found.email, "role": found.role})


def find_invitation(session: Session, user: User, token: str) -> Invitation:
    """Return the invitation that a token is for, locked.

    Raises ``invitation.not_found``, ``invitation.other_address``, ``invitation.expired``.
    """
    found: Invitation | None = session.scalar(
        select(Invitation).where(Invitation.token_sha256 == digest(token)).with_for_update(of=Invitation)
    )
    if found is None or found.state != InvitationState.PENDING:
        raise NotFoundError("invitation.not_found", "There is no such invitation, or it was answered or withdrawn")
    if found.email != user.email:
        raise ForbiddenError("invitation.other_address", "The invitation is for another e-mail address")
    if found.expires_at <= datetime.now(UTC):
        raise ConflictError("invitation.expired", "The invitation was not accepted in time; ask for a new one")
    return found


def accept(session: Session, user: User, token: str) -> Membership:
    """Join the organisation that the token invites to; who is a member already keeps the role."""
    invitation = find_invitation(session, user, token)
    invitation.state = InvitationState.ACCEPTED.value
    member = session.get(Membership, (invitation.organisation_id, user.id))
    return member or add_member(session, invitation.organisation_id, user, Role(invitation.role))


def decline(session: Session, user: User, token: str) -> None:
    """Refuse the offer; the token is dead."""
    invitation = find_invitation(session, user, token)
    invitation.state = InvitationState.DECLINED.value
    note(session, "invitation.declined", invitation.organisation_id, before={"email": invitation.email})
