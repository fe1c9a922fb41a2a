"""Links that only the owner of an address gets: made when their letter is written, good once."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from api.mail.models import EmailProof, Purpose
from tasks.errors import InvalidInputError

GOOD_FOR = {
    Purpose.REGISTER: timedelta(hours=24),
    Purpose.RESET: timedelta(hours=1),
    Purpose.CHANGE: timedelta(hours=1),
}


def digest(token: str) -> str:
    """Return what is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def arm(proof: EmailProof) -> str:
    """Give a proof a new token and its time from now; return the token, which nobody else ever knows."""
    token = secrets.token_urlsafe(32)
    proof.token_sha256 = digest(token)
    proof.expires_at = datetime.now(UTC) + GOOD_FOR[Purpose(proof.purpose)]
    return token


def make_proof(session: Session, purpose: Purpose, email: str, user_id: UUID) -> str:
    """Replace what a user was sent for this purpose; return the new token."""
    earlier = (EmailProof.user_id == user_id, EmailProof.purpose == purpose.value)
    session.execute(delete(EmailProof).where(*earlier))
    proof = EmailProof(purpose=purpose.value, email=email, user_id=user_id)
    token = arm(proof)
    session.add(proof)
    return token


def find_proof(session: Session, purpose: Purpose, token: str) -> EmailProof:
    """Return the proof that a token is for, locked; raise ``auth.link_invalid``."""
    proof: EmailProof | None = session.scalar(
        select(EmailProof)
        .where(EmailProof.token_sha256 == digest(token), EmailProof.purpose == purpose.value)
        .with_for_update()
    )
    if proof is None or proof.expires_at <= datetime.now(UTC):
        raise bad_link()
    return proof


def bad_link() -> InvalidInputError:
    """Return the one error for every link that does nothing."""
    return InvalidInputError("auth.link_invalid", "The link is not one of ours, was used, is too old, or does not fit")
