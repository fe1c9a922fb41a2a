"""Letting requests in by tokens of external issuers, as Clerk, Auth0 or Keycloak sign them.

The first good token opens the account, or finds it by issuer and subject. What the issuer calls a session is a session
here too: it can be listed and ended at once, whatever the issuer goes on signing for it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, UUID, uuid5

from flask import current_app, g, request
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from api.auth.models import AuthSession
from api.auth.sessions import note_opened
from api.auth.throttle import network_of
from api.errors import ForbiddenError, UnauthenticatedError
from api.extensions import db, get_settings
from api.identities.claims import BadTokenError, Claims, Expected, OldTokenError, read_part, verify_token
from api.identities.keys import KeyCache
from api.identities.profiles import Profile
from api.identities.settings import IdentitySettings, Issuer, parse_issuers
from api.users.models import User
from tasks.errors import ReelyardError

BEARER = "bearer "
OUR_CODES = {"oauth.unverified_email", "oauth.account_exists"}


@dataclass(frozen=True)
class Trusted:
    """An issuer and its keys."""

    issuer: Issuer
    keys: KeyCache
    skew_s: int

    def verify(self, text: str) -> Claims:
        """Return the claims; raises as :func:`~api.identities.claims.verify_token`."""
        parties = self.issuer.authorized_parties
        expected = Expected(self.issuer.issuer, self.issuer.audience, parties, skew_s=self.skew_s)
        return verify_token(text, self.keys, expected)


@dataclass(frozen=True)
class External:
    """Who came in by an issuer's token, and in which session."""

    user: User
    session_id: UUID


def make_trusted(settings: IdentitySettings) -> dict[str, Trusted]:
    """Return the configured issuers by their names."""

    def cache(issuer: Issuer) -> KeyCache:
        return KeyCache(lambda: issuer.jwks_url, timeout_s=settings.timeout_s)

    return {one.issuer: Trusted(one, cache(one), settings.skew_s) for one in parse_issuers(settings.issuers)}


def get_trusted() -> dict[str, Trusted]:
    """Return the current application's issuers, which keep their keys."""
    extensions = current_app.extensions
    if "identity-issuers" not in extensions:
        extensions["identity-issuers"] = make_trusted(get_settings().identity)
    found: dict[str, Trusted] = extensions["identity-issuers"]
    return found


def find_trusted() -> tuple[Trusted, str] | None:
    """Return the issuer that the request's token names, believed or not, and the token."""
    header = request.headers.get("Authorization", "")
    trusted = get_trusted()
    if not trusted or header[: len(BEARER)].lower() != BEARER:
        return None
    text = header[len(BEARER) :].strip()
    try:
        named = read_part(text, 1).get("iss")
    except BadTokenError:
        return None
    found = trusted.get(named) if isinstance(named, str) else None
    return (found, text) if found is not None else None


def is_external() -> bool:
    """Tell whether the request's token says that an external issuer has signed it."""
    return find_trusted() is not None


def authenticate_external() -> External | None:
    """Return who a token of an external issuer lets in; None when the token is no such.

    Raises ``auth.bad_token``, ``auth.expired_token``, ``auth.revoked_token``, ``identity.no_account``,
    ``identity.unavailable``. Commits a new account or session.
    """
    found = find_trusted()
    if found is None:
        return None
    trusted, text = found
    claims = read_claims(trusted, text)
    user = find_user(trusted.issuer, claims)
    if user.tokens_after is not None and claims["iat"] < user.tokens_after.timestamp():
        raise UnauthenticatedError("auth.revoked_token", "All sessions from before were ended; get a new token")
    session_id = note_session(user, trusted.issuer, claims, text)
    db.session.commit()
    return External(user, session_id)


def read_claims(trusted: Trusted, text: str) -> Claims:
    """Return the claims of the request's token, checked once a request."""
    known = g.get("external_claims")
    if known is None or known[0] != text:
        try:
            known = g.external_claims = (text, trusted.verify(text))
        except OldTokenError as error:
            raise UnauthenticatedError("auth.expired_token", "The token's time is over; get a new one") from error
        except BadTokenError as error:
            raise UnauthenticatedError("auth.bad_token", "The issuer's token cannot be believed") from error
    claims: Claims = known[1]
    return claims


def peek_external() -> str | None:
    """Return the account of the request's genuine token, None where it has none yet."""
    from api.identities.accounts import find_owner

    found = find_trusted()
    try:
        claims = read_claims(*found) if found else None
    except ReelyardError:
        return None
    if found is None or claims is None:
        return None
    owner = find_owner(db.session(), profile_of(found[0].issuer, claims))
    return str(owner.id) if owner else None


def find_user(issuer: Issuer, claims: Claims) -> User:
    """Return the account of a token's subject; open it when its address is proven and free."""
    from api.identities.accounts import find_or_open

    try:
        return find_or_open(db.session(), profile_of(issuer, claims))
    except ReelyardError as error:
        if error.code in OUR_CODES:
            raise ForbiddenError("identity.no_account", error.detail) from error
        if error.code == "auth.disabled":
            raise UnauthenticatedError("auth.revoked_token", "The account is disabled") from error
        raise


def profile_of(issuer: Issuer, claims: Claims) -> Profile:
    """Return who a token is about; the address only when the issuer has proven it."""
    email = claims.get(issuer.email_claim)
    proven = claims.get(issuer.email_verified_claim) is True and isinstance(email, str)
    return Profile(issuer.issuer, claims["sub"], email if proven else None)


def note_session(user: User, issuer: Issuer, claims: Claims, text: str) -> UUID:
    """Return the session that a token belongs to, added when it is new; raise ``auth.revoked_token``."""
    name = claims.get("sid") or claims.get("jti") or hashlib.sha256(text.encode()).hexdigest()
    session_id = uuid5(NAMESPACE_URL, f"{issuer.issuer} {claims['sub']} {name}")
    expires_at = datetime.fromtimestamp(min(claims["exp"], 253_402_000_000), UTC)
    row = db.session.get(AuthSession, session_id)
    if row is None:
        add_session(session_id, user, issuer, expires_at)
        row = db.session.scalar(select(AuthSession).where(AuthSession.id == session_id))
    if row is None or row.revoked_at is not None or row.user_id != user.id:
        raise UnauthenticatedError("auth.revoked_token", "The session was ended; sign in again")
    if row.expires_at < expires_at:
        row.expires_at, row.refreshed_at = expires_at, datetime.now(UTC)
    return session_id


def add_session(session_id: UUID, user: User, issuer: Issuer, expires_at: datetime) -> None:
    """Add the row unless another request was faster."""
    row = {
        "id": session_id,
        "user_id": user.id,
        "refresh_jti": "",
        "method": issuer.issuer[:255],
        "address": network_of(request.remote_addr or ""),
        "user_agent": request.headers.get("User-Agent", "")[:255],
        "expires_at": expires_at,
        "revoked_reason": "",
    }
    added = insert(AuthSession).values(**row).on_conflict_do_nothing().returning(AuthSession.id)
    if db.session.scalar(added) is not None:
        note_opened(db.session(), user, session_id, issuer.issuer[:255])
