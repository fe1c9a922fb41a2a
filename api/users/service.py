"""Making users."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from api.auth.passwords import hash_password, require_strong
from api.database import unless_taken
from api.errors import ConflictError, NotFoundError
from api.users.models import Plan, User
from tasks.errors import InvalidInputError

EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@[^@\s.\x00-\x1f\x7f]+(\.[^@\s.\x00-\x1f\x7f]+)+")
ROLES = ("user", "admin")


def create_user(
    session: Session, email: str, password: str, *, role: str = "user", plan: str = "free", verified: bool = False
) -> User:
    """Add a user and flush.

    :param verified: whether somebody vouches that the address is the person's.

    Raises ``user.email_invalid``, ``user.password_weak``, ``user.email_taken``, ``user.role_unknown``,
    ``plan.not_found``.
    """
    address = normalise_email(email)
    require_strong(password, address)
    if role not in ROLES:
        raise InvalidInputError("user.role_unknown", f"A role is one of {', '.join(ROLES)}")
    if session.get(Plan, plan) is None:
        raise NotFoundError("plan.not_found", f"There is no plan {plan}")
    known_since = datetime.now(UTC) if verified else None
    user = User(
        email=address,
        password_hash=hash_password(password),
        role=role,
        plan_code=plan,
        email_verified_at=known_since,
    )
    with unless_taken(session, lambda: ConflictError("user.email_taken", "An account with this e-mail exists")):
        session.add(user)
    return user


def normalise_email(email: str) -> str:
    """Return the address as it is stored: one Unicode form, lower case; raise ``user.email_invalid``."""
    address = unicodedata.normalize("NFKC", email).strip().lower()
    if len(address) > 254 or not EMAIL.fullmatch(address):
        raise InvalidInputError("user.email_invalid", "This is not an e-mail address")
    return address
