"""Sign-ins under way at a provider: begun in one browser, finished once in the same one."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from api.identities.models import OauthFlow, OauthGrant


def sweep(session: Session) -> int:
    """Remove sign-ins that nobody came back from, and codes that nobody fetched; return how many."""
    now = datetime.now(UTC)
    flows = session.execute(delete(OauthFlow).where(OauthFlow.expires_at < now))
    grants = session.execute(delete(OauthGrant).where(OauthGrant.expires_at < now))
    session.commit()
    return int(flows.rowcount + grants.rowcount)  # type: ignore[attr-defined]
