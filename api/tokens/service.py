"""Use cases of API tokens: create, list, revoke."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from api.audit import record
from api.errors import ConflictError, ForbiddenError, NotFoundError
from api.ids import new_id
from api.tokens.models import ApiToken
from api.tokens.scopes import Scope
from api.tokens.secret import make_secret
from api.users.models import User
from tasks.errors import InvalidInputError

MOST = 50
"""Good tokens that one account may have at a time."""


@dataclass(frozen=True)
class NewToken:
    """What was asked for."""

    name: str
    scopes: list[str]
    expires_at: datetime | None


def create_token(session: Session, user: User, wanted: NewToken, *, live: bool) -> tuple[ApiToken, str]:
    """Make a token; return its row and, for the only time, its text.

    Raises ``token.scope_refused``, ``token.too_many`` and, for an end that is past, ``request.invalid``.
    """
    now = datetime.now(UTC)
    if wanted.expires_at is not None and wanted.expires_at <= now:
        raise InvalidInputError("request.invalid", "expires_at is past")
    if Scope.ADMIN.value in wanted.scopes and user.role != "admin":
        raise ForbiddenError("token.scope_refused", "Only administrators may make tokens with the scope admin")
    session.execute(select(User.id).where(User.id == user.id).with_for_update())  # two at once cannot pass the limit
    if count_good(session, user.id, now) >= MOST:
        raise ConflictError("token.too_many", f"An account may have {MOST} tokens; revoke one first", {"most": MOST})
    secret = make_secret(live=live)
    token = ApiToken(
        id=new_id(),
        user_id=user.id,
        name=wanted.name,
        prefix=secret.prefix,
        token_sha256=secret.sha256,
        scopes=sorted(set(wanted.scopes)),
        expires_at=wanted.expires_at,
    )
    session.add(token)
    session.flush()
    told = {"name": token.name, "scopes": token.scopes, "expires_at": token.expires_at, "prefix": token.prefix}
    record(session, "token.created", target=("token", token.id), after=told)
    return token, secret.text


def count_good(session: Session, user_id: UUID, now: datetime | None = None) -> int:
    """Count the tokens of a user that still let somebody in."""
    alive = (
        ApiToken.revoked_at.is_(None),
        (ApiToken.expires_at.is_(None)) | (ApiToken.expires_at > (now or datetime.now(UTC))),
    )
    return session.scalar(select(func.count()).select_from(ApiToken).where(ApiToken.user_id == user_id, *alive)) or 0


def select_tokens(user_id: UUID, *, prefix: str = "", revoked: bool = False) -> Select[tuple[ApiToken]]:
    """Select a user's tokens: those whose prefix begins so, or is the beginning of a whole token that was found."""
    query = select(ApiToken).where(ApiToken.user_id == user_id)
    if prefix:
        begins = ApiToken.prefix.startswith(prefix, autoescape=True)
        query = query.where(begins | (func.left(prefix, func.length(ApiToken.prefix)) == ApiToken.prefix))
    return query if revoked else query.where(ApiToken.revoked_at.is_(None))


def get_token(session: Session, user: User, token_id: UUID) -> ApiToken:
    """Return one of a user's tokens or raise ``token.not_found``."""
    found: ApiToken | None = session.scalar(
        select(ApiToken).where(ApiToken.id == token_id, ApiToken.user_id == user.id)
    )
    if found is None:
        raise NotFoundError("token.not_found", "There is no such API token")
    return found


def revoke_all(session: Session, user_id: UUID) -> None:
    """Refuse every token of a user from the commit on."""
    good = (ApiToken.user_id == user_id, ApiToken.revoked_at.is_(None))
    for token in session.scalars(select(ApiToken).where(*good).order_by(ApiToken.id)):
        revoke_token(session, token)


def revoke_token(session: Session, token: ApiToken) -> None:
    """Refuse a token from the commit on, on every process; a second call changes nothing."""
    session.refresh(token, with_for_update=True)
    if token.revoked_at is None:
        token.revoked_at = datetime.now(UTC)
        record(session, "token.revoked", target=("token", token.id), before={"prefix": token.prefix})
