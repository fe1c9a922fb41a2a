"""Sign-ins under way at a provider: begun in one browser, finished once in the same one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from api.auth.models import AuthSession
from api.auth.service import TokenPair, issue_tokens
from api.auth.sessions import open_session
from api.errors import ForbiddenError, UnauthenticatedError
from api.extensions import get_settings
from api.identities.accounts import find_or_open, link
from api.identities.models import OauthFlow, OauthGrant
from api.identities.providers import Attempt, Provider
from api.users.models import User
from tasks.errors import InvalidInputError

FLOW_GOOD_FOR, CODE_GOOD_FOR = timedelta(minutes=10), timedelta(minutes=1)
PATH = re.compile(r"/(?![/\\])[^\\#\x00-\x20\x7f]{0,500}")
"""A path on our own host: nothing that a browser could take for another one."""
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True)
class Owner:
    """Who links an identity, and in which session."""

    user_id: UUID
    session_id: UUID


@dataclass(frozen=True)
class Answer:
    """What a provider sent the browser back with."""

    state: str
    code: str
    error: str = ""
    issuer: str = ""


def begin(
    session: Session,
    provider: Provider,
    *,
    browser: str,
    next_path: str,
    challenge: str = "",
    owner: Owner | None = None,
) -> str:
    """Add a flow and return the provider's URL.

    :param browser: secret in the browser's cookie.
    :param challenge: S256 of the verifier that the client shows for its tokens; empty when linking.
    Raises ``request.invalid``, ``identity.unavailable``.
    """
    if not PATH.fullmatch(next_path):
        raise InvalidInputError("request.invalid", "next must be a path of this site, like /projects")
    if owner is None and not CHALLENGE.fullmatch(challenge):
        raise InvalidInputError("request.invalid", "challenge must be the base64url SHA-256 of a verifier")
    attempt = make_attempt(provider, secrets.token_urlsafe(32))
    url = provider.authorization_url(attempt)
    flow = OauthFlow(
        state_sha256=digest(attempt.state),
        browser_sha256=digest(browser),
        provider=provider.name,
        challenge=challenge,
        next_path=next_path,
        user_id=owner.user_id if owner else None,
        session_id=owner.session_id if owner else None,
        expires_at=datetime.now(UTC) + FLOW_GOOD_FOR,
    )
    session.add(flow)
    return url


def make_attempt(provider: Provider, state: str) -> Attempt:
    """Return what belongs to a state; nonce and verifier come from it and our secret, so that no table holds them."""
    settings = get_settings()
    redirect_uri = f"{settings.public_url}/api/v1/auth/oauth/{provider.name}/callback"
    return Attempt(state, derive("nonce", state), derive("verifier", state), redirect_uri)


def derive(purpose: str, state: str) -> str:
    """Return 43 characters that nobody else can know."""
    secret = get_settings().jwt_secret.encode()
    return encode(hmac.new(secret, f"oauth {purpose} {state}".encode(), hashlib.sha256).digest())


def encode(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def digest(text: str) -> str:
    """Return what is stored of a secret."""
    return hashlib.sha256(text.encode()).hexdigest()


def finish(session: Session, provider: Provider, answer: Answer, *, browser: str) -> str:
    """Return the path, with its fragment, where the browser goes on; commits.

    The fragment has ``code`` after a sign-in, ``linked`` after a link. Raises the ``oauth`` codes,
    ``identity.linked_elsewhere``, ``identity.unavailable``, ``auth.disabled``, ``auth.revoked_token``.
    """
    flow = take_flow(session, provider, answer, browser=browser)
    if answer.error or not answer.code:
        denied = answer.error == "access_denied"
        code, message = ("oauth.denied", "You said no") if denied else ("oauth.refused", "The provider refused")
        raise InvalidInputError(code, message)
    if answer.issuer and answer.issuer != provider.issuer:
        raise InvalidInputError("oauth.refused", "Another provider answered")
    profile = provider.fetch_profile(answer.code, make_attempt(provider, answer.state))
    if flow.user_id is not None:
        link(session, live_owner(session, flow), profile)
        session.commit()
        return f"{flow.next_path}#linked={provider.name}"
    code = make_grant(session, find_or_open(session, profile), flow)
    session.commit()
    return f"{flow.next_path}#code={code}"


def take_flow(session: Session, provider: Provider, answer: Answer, *, browser: str) -> OauthFlow:
    """Return the flow of an answer and commit that it is over; raise ``oauth.bad_state``."""
    if not answer.state:
        raise bad_state()
    taken = delete(OauthFlow).where(OauthFlow.state_sha256 == digest(answer.state)).returning(OauthFlow)
    flow: OauthFlow | None = session.scalars(taken).first()
    if flow is None:
        session.rollback()
        raise bad_state()
    session.expunge(flow)
    session.commit()  # whatever happens next, and while the provider is asked, nobody can use it again
    same_browser = hmac.compare_digest(flow.browser_sha256, digest(browser))
    if not same_browser or flow.provider != provider.name or flow.expires_at <= datetime.now(UTC):
        raise bad_state()
    return flow


def bad_state() -> InvalidInputError:
    """Return the one error for every answer that nobody here waits for."""
    return InvalidInputError("oauth.bad_state", "The sign-in was not begun in this browser, or is over")


def live_owner(session: Session, flow: OauthFlow) -> User:
    """Return who began to link, while the session still lives; raise ``auth.revoked_token``."""
    alive = (AuthSession.id == flow.session_id, AuthSession.revoked_at.is_(None), User.enabled.is_(True))
    own = select(User).join(AuthSession, AuthSession.user_id == User.id)
    user: User | None = session.scalar(own.where(User.id == flow.user_id, *alive))
    if user is None:
        raise UnauthenticatedError("auth.revoked_token", "The session was ended; sign in again")
    return user


def make_grant(session: Session, user: User, flow: OauthFlow) -> str:
    """Add a code that becomes tokens once; return it."""
    code = secrets.token_urlsafe(32)
    session.add(
        OauthGrant(
            code_sha256=digest(code),
            user_id=user.id,
            provider=flow.provider,
            challenge=flow.challenge,
            expires_at=datetime.now(UTC) + CODE_GOOD_FOR,
        )
    )
    return code


def redeem(session: Session, code: str, verifier: str) -> TokenPair:
    """Return the tokens of a sign-in and commit; raise ``oauth.bad_code``, ``auth.disabled``.

    A code that is shown with a wrong verifier is lost.
    """
    taken = delete(OauthGrant).where(OauthGrant.code_sha256 == digest(code)).returning(OauthGrant)
    grant: OauthGrant | None = session.scalars(taken).first()
    if grant is not None:
        session.expunge(grant)
    session.commit()
    fits = grant is not None and hmac.compare_digest(
        grant.challenge, encode(hashlib.sha256(verifier.encode()).digest())
    )
    user = session.get(User, grant.user_id) if grant is not None and fits else None
    if grant is None or user is None or grant.expires_at <= datetime.now(UTC):
        raise InvalidInputError("oauth.bad_code", "The code was used, is too old, or the verifier does not fit")
    if not user.enabled:
        raise ForbiddenError("auth.disabled", "The account is disabled")
    tokens = issue_tokens(open_session(session, user, grant.provider))
    session.commit()
    return tokens


def sweep(session: Session) -> int:
    """Remove sign-ins that nobody came back from, and codes that nobody fetched; return how many."""
    now = datetime.now(UTC)
    flows = session.execute(delete(OauthFlow).where(OauthFlow.expires_at < now))
    grants = session.execute(delete(OauthGrant).where(OauthGrant.expires_at < now))
    session.commit()
    return int(flows.rowcount + grants.rowcount)  # type: ignore[attr-defined]
