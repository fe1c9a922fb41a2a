"""New passwords and new addresses: by the owner who is signed in, or by whoever gets the address's mail."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.audit import record
from api.auth.models import SignInAttempt
from api.auth.passwords import hash_password, require_strong, verify_password
from api.auth.registration import forget_registrations, give_way, require_mail
from api.auth.service import TokenPair, issue_tokens
from api.auth.sessions import end_all, open_session
from api.auth.throttle import account_key, forgive, note_attempt
from api.errors import ConflictError, ForbiddenError
from api.extensions import get_settings
from api.mail.models import EmailProof, Purpose
from api.mail.proofs import bad_link, find_proof
from api.mail.queue import queue_mail
from api.users.models import User
from api.users.service import normalise_email


def ask_for_reset(session: Session, email: str) -> None:
    """Have a link for a new password mailed; raise ``user.email_invalid``, ``mail.off``."""
    require_mail()
    queue_mail(session, "password_reset", normalise_email(email))


def reset_password(session: Session, token: str, password: str) -> None:
    """Set a new password and end every session; the link proves the address too.

    Raises ``auth.link_invalid``, ``user.password_weak``.
    """
    proof = find_proof(session, Purpose.RESET, token)
    user = lock_user(session, proof)
    if user is None or user.email != proof.email or not user.enabled:
        raise bad_link()
    require_strong(password, user.email)
    if user.email_verified_at is None:
        give_way(session, user)
        user.email_verified_at = datetime.now(UTC)
        forget_registrations(session, user.email)
    set_password(session, user, password, "password_reset")
    session.execute(delete(SignInAttempt).where(SignInAttempt.account_sha256 == account_key(user.email)))


def change_password(session: Session, user: User, current: str, password: str, *, address: str) -> TokenPair:
    """Set a new password, end every session and open one for the caller.

    Raises ``auth.no_password``, ``auth.wrong_password``, ``auth.too_many_attempts``, ``user.password_weak``.
    """
    require_password(session, user, current, address=address)
    require_strong(password, user.email)
    set_password(session, user, password, "password_changed")
    return issue_tokens(open_session(session, user, "password"))


def set_password(session: Session, user: User, password: str, reason: str) -> None:
    """Store a new password; sessions and links that were sent are dead, the owner is told."""
    user.password_hash = hash_password(password)
    end_all(session, user.id, reason)
    session.execute(delete(EmailProof).where(EmailProof.user_id == user.id))
    record(session, f"user.{reason}", target=("user", user.id), actor=user)
    if get_settings().mail.on:
        queue_mail(session, "password_changed", user.email)


def change_email(session: Session, user: User, email: str, password: str, *, address: str) -> None:
    """Move the account to another address, once that is proven; at once where no mail leaves.

    Raises ``auth.no_password``, ``auth.wrong_password``, ``auth.too_many_attempts``, ``user.email_invalid`` and,
    where no mail leaves, ``user.email_taken``.
    """
    wanted = normalise_email(email)
    require_password(session, user, password, address=address)
    if get_settings().mail.on:
        queue_mail(session, "email_change", wanted, user_id=str(user.id))
        return
    if not move(session, user, wanted):
        raise ConflictError("user.email_taken", "An account with this e-mail exists")


def confirm_email(session: Session, token: str) -> None:
    """Move the account whose owner followed the link; raise ``auth.link_invalid``."""
    proof = find_proof(session, Purpose.CHANGE, token)
    user = lock_user(session, proof)
    if user is None or not user.enabled or not move(session, user, proof.email):
        raise bad_link()
    user.email_verified_at = datetime.now(UTC)
    forget_registrations(session, user.email)
    session.execute(delete(EmailProof).where(EmailProof.user_id == user.id))


def move(session: Session, user: User, email: str) -> bool:
    """Give the account the address unless another one has it; tell the old address."""
    before = user.email
    try:
        with session.begin_nested():
            user.email = email
    except IntegrityError:
        return False
    record(
        session,
        "user.email_changed",
        target=("user", user.id),
        before={"email": before},
        after={"email": email},
        actor=user,
    )
    if get_settings().mail.on:
        queue_mail(session, "email_changed", before, new_email=email)
    return True


def lock_user(session: Session, proof: EmailProof) -> User | None:
    """Return whose proof it is, locked."""
    found: User | None = session.scalar(select(User).where(User.id == proof.user_id).with_for_update(of=User))
    return found


def require_password(session: Session, user: User, password: str, *, address: str) -> None:
    """Raise unless it is the user's password; failures count as failed sign-ins."""
    if user.password_hash is None:
        raise ConflictError("auth.no_password", "The account has no password; ask for a mail to set one")
    name, stored = user.email, user.password_hash
    note_attempt(session, name, address)
    if not verify_password(stored, password):
        raise ForbiddenError("auth.wrong_password", "The present password is another one")
    forgive(session, name, address)
