"""From a queued message to its letter: here it is found out who an address belongs to, never in a request."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.mail.letters import Letter
from api.mail.models import EmailProof, MailMessage, Purpose
from api.mail.proofs import arm, make_proof
from api.organisations.invitations import mint_link
from api.organisations.models import Invitation, InvitationState, Organisation
from api.users.models import User

Writer = Callable[[Session, MailMessage], Letter | None]
VERIFY, RESET, CHANGE = "/verify-email", "/reset-password", "/confirm-email"
FORGOT, SIGN_IN, JOIN = "/forgot-password", "/sign-in", "/invitations"


def find_user(session: Session, email: str) -> User | None:
    """Return whose address it is."""
    found: User | None = session.scalar(select(User).where(User.email == email))
    return found


def write_registration(session: Session, message: MailMessage) -> Letter | None:
    """Send the link that opens the account, or say that there is one already."""
    proof = session.get(EmailProof, UUID(message.params["proof_id"]), with_for_update=True)
    user = find_user(session, message.address)
    if user is not None and user.email_verified_at is not None:
        if proof is not None:
            session.delete(proof)
        return Letter("known", "You have an account already", FORGOT)
    return write_verification(proof) if proof is not None else None


def write_again(session: Session, message: MailMessage) -> Letter | None:
    """Send the link of the newest registration again, or one for an account that was never proven."""
    user = find_user(session, message.address)
    if user is not None and user.email_verified_at is not None:
        return None
    waiting = (EmailProof.email == message.address, EmailProof.purpose == Purpose.REGISTER.value)
    newest = select(EmailProof).where(*waiting, EmailProof.expires_at > datetime.now(UTC))
    proof = session.scalar(newest.order_by(EmailProof.created_at.desc()).limit(1).with_for_update())
    if proof is None and user is not None and user.password_hash is not None:
        proof = EmailProof(
            purpose=Purpose.REGISTER.value, email=user.email, user_id=user.id, password_hash=user.password_hash
        )
        session.add(proof)
    return write_verification(proof) if proof is not None else None


def write_verification(proof: EmailProof) -> Letter:
    """Return the letter with the link that proves the address."""
    return Letter("verify", "Prove your address", VERIFY, arm(proof))


def write_reset(session: Session, message: MailMessage) -> Letter | None:
    """Send a link for a new password; nobody, and who is banned, gets none."""
    user = find_user(session, message.address)
    if user is None or not user.enabled:
        return None
    return Letter("reset", "Set a new password", RESET, make_proof(session, Purpose.RESET, user.email, user.id))


def write_change(session: Session, message: MailMessage) -> Letter | None:
    """Send the new address a link, or say that it is taken."""
    user = session.get(User, UUID(message.params["user_id"]))
    if user is None or not user.enabled or is_outdated(user, message):
        return None
    if find_user(session, message.address) is not None:
        return Letter("taken", "The address has an account already", SIGN_IN)
    return Letter(
        "change", "Prove your new address", CHANGE, make_proof(session, Purpose.CHANGE, message.address, user.id)
    )


def is_outdated(user: User, message: MailMessage) -> bool:
    """Tell whether the account was secured anew after the message was asked for."""
    return user.tokens_after is not None and user.tokens_after > message.created_at


def write_changed(session: Session, message: MailMessage) -> Letter:
    """Tell the old address about the new one."""
    return Letter(
        "changed", "Your address was changed", SIGN_IN, values={"new_email": str(message.params["new_email"])}
    )


def write_password(session: Session, message: MailMessage) -> Letter:
    """Tell of a new password."""
    return Letter("password", "Your password was changed", FORGOT)


def write_closed(session: Session, message: MailMessage) -> Letter:
    """Tell that the account is closed."""
    return Letter("closed", "Your account was closed", SIGN_IN)


def write_webhook_disabled(session: Session, message: MailMessage) -> Letter:
    """Tell that nothing more is sent to an endpoint."""
    values = {"url": without_links(str(message.params["url"])), "gone": message.params["reason"] == "gone"}
    return Letter("webhook", "A webhook was disabled", SIGN_IN, values=values)


def write_linked(session: Session, message: MailMessage) -> Letter:
    """Tell of a new way to sign in."""
    return Letter("linked", "A way to sign in was added", SIGN_IN, values={"provider": str(message.params["provider"])})


def without_links(text: str) -> str:
    """Return the text so that no mail program makes a link of it: strangers choose it, and we send it."""
    return text.replace("://", " ").replace(".", " ").replace("@", " ")


def write_invitation(session: Session, message: MailMessage) -> Letter | None:
    """Send the link that joins an organisation, unless the invitation was withdrawn or answered meanwhile."""
    invitation = session.get(Invitation, UUID(message.params["invitation_id"]), with_for_update=True)
    if invitation is None or invitation.state != InvitationState.PENDING:
        return None
    organisation = session.get_one(Organisation, invitation.organisation_id)
    inviter = session.get(User, invitation.invited_by) if invitation.invited_by else None
    token = mint_link(session, invitation, "").partition("#token=")[2]
    values = {
        "organisation": without_links(organisation.name),
        "role": invitation.role,
        "inviter": inviter.email if inviter else "Somebody",
    }
    return Letter("invitation", "You are invited", JOIN, token, values)


WRITERS: dict[str, Writer] = {
    "registration": write_registration,
    "registration_again": write_again,
    "password_reset": write_reset,
    "email_change": write_change,
    "email_changed": write_changed,
    "password_changed": write_password,
    "account_closed": write_closed,
    "identity_linked": write_linked,
    "webhook_disabled": write_webhook_disabled,
    "invitation": write_invitation,
}
PER_HOUR = {"registration": 5, "registration_again": 5, "password_reset": 5, "email_change": 5, "invitation": 20}
"""Letters of these kinds that one address gets in an hour: strangers can ask for them."""
