"""Opening accounts. Where mail leaves, the address is proven first and the answer is the same for every address.

Until then there is no account: each registration waits with its own password, and only its own link together with its
own password makes an account of it. So a stranger who registers somebody else's address gains nothing, whichever link
the owner follows.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from api.auth.passwords import hash_password, require_strong, verify_password
from api.auth.service import TokenPair, issue_tokens, require_usable
from api.auth.sessions import end_all, open_session
from api.database import unless_taken
from api.errors import ConflictError
from api.extensions import get_settings
from api.identities.models import Identity
from api.ids import new_id
from api.mail.models import EmailProof, Purpose
from api.mail.proofs import GOOD_FOR, bad_link, find_proof
from api.mail.queue import queue_mail
from api.tokens.service import revoke_all
from api.users.models import User
from api.users.service import normalise_email


def require_mail() -> None:
    """Raise ``mail.off`` where no mail leaves."""
    if not get_settings().mail.on:
        raise ConflictError("mail.off", "This installation sends no mail; ask its administrator")


def ask_for_account(session: Session, email: str, password: str) -> None:
    """Keep a registration until its address is proven; raise ``user.email_invalid``, ``user.password_weak``."""
    address = normalise_email(email)
    require_strong(password, address)
    proof = EmailProof(
        id=new_id(),
        purpose=Purpose.REGISTER.value,
        email=address,
        password_hash=hash_password(password),
        expires_at=datetime.now(UTC) + GOOD_FOR[Purpose.REGISTER],
    )
    session.add(proof)
    queue_mail(session, "registration", address, proof_id=str(proof.id))


def ask_again(session: Session, email: str) -> None:
    """Have the link mailed once more; raise ``user.email_invalid``, ``mail.off``."""
    require_mail()
    queue_mail(session, "registration_again", normalise_email(email))


def prove(session: Session, token: str, password: str) -> TokenPair:
    """Make an account of a registration whose link and password came together, and sign in.

    Raises ``auth.link_invalid``, ``auth.disabled``.
    """
    proof = find_proof(session, Purpose.REGISTER, token)
    if not verify_password(proof.password_hash, password):
        raise bad_link()
    user = session.scalar(select(User).where(User.email == proof.email).with_for_update(of=User))
    if user is None:
        user = add_user(session, proof.email, proof.password_hash)
    elif user.email_verified_at is not None:
        raise bad_link()
    elif not verify_password(user.password_hash, password):
        give_way(session, user)
        user.password_hash = proof.password_hash
    user.email_verified_at = datetime.now(UTC)
    forget_registrations(session, proof.email)
    require_usable(user)
    return issue_tokens(open_session(session, user, "password"))


def add_user(session: Session, email: str, password_hash: str | None) -> User:
    """Add an ordinary account and flush; raise ``auth.link_invalid`` when another link was faster."""
    user = User(email=email, password_hash=password_hash, role="user", plan_code="free")
    with unless_taken(session, bad_link):
        session.add(user)
    return user


def forget_registrations(session: Session, email: str) -> None:
    """Drop what waits for an address that is proven now."""
    waiting = (EmailProof.email == email, EmailProof.purpose == Purpose.REGISTER.value)
    session.execute(delete(EmailProof).where(*waiting))


def give_way(session: Session, user: User) -> None:
    """Take every way in from whoever had an account on an address that was never proven to be theirs."""
    end_all(session, user.id, "address_proven_by_owner")
    revoke_all(session, user.id)
    session.execute(delete(Identity).where(Identity.user_id == user.id))
    session.execute(delete(EmailProof).where(EmailProof.user_id == user.id))
    user.password_hash = None
