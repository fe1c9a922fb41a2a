"""From an identity to an account: by provider and subject, never by address alone."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.audit import record
from api.auth.registration import forget_registrations, give_way
from api.errors import ConflictError, ForbiddenError
from api.extensions import get_settings
from api.identities.models import Identity
from api.identities.profiles import Profile
from api.mail.queue import queue_mail
from api.users.models import User
from api.users.service import normalise_email
from tasks.errors import InvalidInputError


def find_or_open(session: Session, profile: Profile) -> User:
    """Return the identity's account; open one for a proven address that has none.

    Raises ``oauth.unverified_email``, ``oauth.account_exists``, ``auth.disabled``.
    """
    user = find_owner(session, profile) or open_for(session, profile)
    if not user.enabled:
        raise ForbiddenError("auth.disabled", "The account is disabled")
    return user


def find_owner(session: Session, profile: Profile) -> User | None:
    """Return whose identity it is."""
    owned = select(User).join(Identity, Identity.user_id == User.id)
    found: User | None = session.scalar(
        owned.where(Identity.provider == profile.provider, Identity.subject == profile.subject)
    )
    return found


def open_for(session: Session, profile: Profile) -> User:
    """Open an account for a new identity, or take over one whose address was never proven.

    Two first sign-ins at the same moment come to one account.
    """
    email = proven_email(profile)
    try:
        with session.begin_nested():
            user = session.scalar(select(User).where(User.email == email).with_for_update(of=User))
            if user is None:
                user = User(email=email, password_hash=None, role="user", plan_code="free")
                session.add(user)
                session.flush()
            elif user.email_verified_at is not None:
                owner = find_owner(session, profile)  # another request may have opened it since we looked
                if owner is not None:
                    return owner
                raise ConflictError("oauth.account_exists", "The address has an account; sign in and link it there")
            else:
                give_way(session, user)
                user.tokens_after = None  # what was signed before was for identities that are gone
            user.email_verified_at = datetime.now(UTC)
            forget_registrations(session, email)
            add_identity(session, user, profile)
    except IntegrityError:
        user = find_owner(session, profile)
        if user is None:
            raise ConflictError("oauth.account_exists", "The address got an account just now") from None
    return user


def proven_email(profile: Profile) -> str:
    """Return the address as accounts have it; raise ``oauth.unverified_email``.

    Only the case of its letters may differ: what other letters become one of ours is not what the provider has proven.
    """
    try:
        email = normalise_email(profile.email or "")
    except InvalidInputError:
        email = ""
    if not email or profile.email is None or email != profile.email.lower():
        raise InvalidInputError("oauth.unverified_email", "The provider has not proven the address")
    return email


def add_identity(session: Session, user: User, profile: Profile) -> Identity:
    """Give an account an identity and flush; the database refuses one that somebody has."""
    identity = Identity(
        user_id=user.id, provider=profile.provider, subject=profile.subject, email=(profile.email or "")[:254]
    )
    session.add(identity)
    session.flush()
    record(session, "identity.linked", target=("user", user.id), after={"provider": profile.provider}, actor=user)
    return identity


def link(session: Session, user: User, profile: Profile) -> None:
    """Give the signed-in owner's account one more identity; raise ``identity.linked_elsewhere``."""
    try:
        with session.begin_nested():
            if find_owner(session, profile) is None:
                add_identity(session, user, profile)
                if get_settings().mail.on:
                    queue_mail(session, "identity_linked", user.email, provider=profile.provider)
    except IntegrityError:
        session.expire_all()
    owner = find_owner(session, profile)
    if owner is None or owner.id != user.id:
        raise ConflictError("identity.linked_elsewhere", "The identity belongs to another account")
