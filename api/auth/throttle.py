"""How often sign-in may fail, without letting strangers lock an owner out.

Every attempt is written, in a transaction of its own, before its password is looked at, so that attempts at the same
moment count each other. One address gets a few tries at an account. Many addresses together get some more; then only
those get on from which the owner has signed in before. A success forgets the address's attempts. Whether there is such
an account makes no difference.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from api.auth.models import AuthSession, SignInAttempt
from api.errors import QuotaError
from api.users.models import User

PER_ADDRESS, PER_ACCOUNT = 10, 100
WINDOW = timedelta(minutes=15)
KNOWN_FOR = timedelta(days=90)


def note_attempt(session: Session, email: str, address: str) -> None:
    """Write an attempt and commit; raise ``auth.too_many_attempts`` when there were too many before."""
    account, place = account_key(email), network_of(address)
    session.add(SignInAttempt(account_sha256=account, address=place))
    session.commit()
    since = datetime.now(UTC) - WINDOW
    recent = (SignInAttempt.account_sha256 == account, SignInAttempt.created_at > since)
    here = SignInAttempt.address == place
    counted = select(func.count(), func.count().filter(here), func.min(SignInAttempt.created_at).filter(here))
    total, from_here, first = session.execute(counted.where(*recent)).one()
    if from_here > PER_ADDRESS or (total > PER_ACCOUNT and not is_known(session, email, place)):
        wait_s = max(1, int((first + WINDOW - datetime.now(UTC)).total_seconds()) + 1)
        raise QuotaError(
            "auth.too_many_attempts", "Too many sign-ins with this name have failed", {"retry_after_s": wait_s}
        )


def forgive(session: Session, email: str, address: str) -> None:
    """Forget the attempts of an address that has succeeded."""
    theirs = (SignInAttempt.account_sha256 == account_key(email), SignInAttempt.address == network_of(address))
    session.execute(delete(SignInAttempt).where(*theirs))


def is_known(session: Session, email: str, place: str) -> bool:
    """Tell whether the account's owner has signed in from there lately."""
    seen = select(AuthSession.id).join(User, User.id == AuthSession.user_id)
    since = datetime.now(UTC) - KNOWN_FOR
    found: UUID | None = session.scalar(
        seen.where(User.email == email, AuthSession.address == place, AuthSession.created_at > since).limit(1)
    )
    return found is not None


def account_key(email: str) -> str:
    """Name an account, or what is no account, by a hash: the table must not collect strangers' typing."""
    return hashlib.sha256(email.encode()).hexdigest()


def network_of(address: str) -> str:
    """Return the address, or the /64 network of an IPv6 one: its owner has all of that."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ip_network(f"{parsed}/64", strict=False).network_address) + "/64"
    return str(parsed)
