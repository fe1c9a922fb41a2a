"""Removing what belonged to closed accounts: objects first, then rows, in batches, as often as it takes.

Every table that points at an account is emptied of what is the account's own, those of later features too; what must
stay is listed. What an organisation owns stays the organisation's.
"""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import Column, Table, delete, func, select, tuple_, update
from sqlalchemy.orm import Session

from api.assets.models import Asset
from api.auth.models import AuthSession
from api.extensions import db, get_storage
from api.fonts.models import Font
from api.jobs.models import Job
from api.jobs.states import TERMINAL
from api.uploads.models import Upload, UploadState
from api.users.models import User
from tasks.storage.base import Storage

KEPT = {
    "auth_session": "tells that tokens of the account are over; without address and browser",
    "credit_account": "the last line of the ledger",
    "payment_customer": "the books of payments",
    "payment_subscription": "the books of payments",
    "quota_counter": "numbers alone",
    "quota_reservation": "numbers alone",
    "usage_day": "numbers alone",
    "membership": "ended when the account was closed",
    "invitation": "the organisation's",
}
"""Tables that keep their rows of a closed account, and why."""
BATCH = 500
MOST_ACCOUNTS = 50
"""Accounts in one round."""


def erase_closed(session: Session, *, storage: Storage | None = None) -> int:
    """Remove what closed accounts owned; return how many are done. Commits after each batch.

    An account whose jobs have not ended waits for the next round. Any number of rounds may run at once.
    """
    waiting = select(User.id).where(User.closed_at.is_not(None), User.erased_at.is_(None)).order_by(User.closed_at)
    done = 0
    for user_id in session.scalars(waiting.limit(MOST_ACCOUNTS)).all():
        unfinished = (Job.owner_id == user_id, Job.organisation_id.is_(None))
        open_jobs = Job.state.not_in([state.value for state in TERMINAL])
        if session.scalar(select(func.count()).select_from(Job).where(*unfinished, open_jobs)):
            continue
        erase(session, user_id, storage or get_storage())
        done += 1
    session.commit()
    return done


def erase(session: Session, user_id: UUID, storage: Storage) -> None:
    """Remove one account's own things and what it left in its sessions; commits."""
    remove_objects(session, user_id, storage)
    for table, owner in owned_tables():
        while remove_rows(session, table, owner, user_id):
            session.commit()
    blank = {"address": "", "user_agent": ""}
    session.execute(update(AuthSession).where(AuthSession.user_id == user_id).values(blank))
    session.execute(update(User).where(User.id == user_id).values(erased_at=datetime.now(UTC)))
    session.commit()


def remove_objects(session: Session, user_id: UUID, storage: Storage) -> None:
    """Remove the objects of assets and fonts and give up transfers; what jobs left besides is swept within a day."""
    personal = (Upload.owner_id == user_id, Upload.organisation_id.is_(None))
    pending = select(Upload).where(*personal, Upload.state == UploadState.PENDING.value, Upload.upload_ref != "")
    for upload in session.scalars(pending).all():
        storage.abort_parts(upload.object_key, upload.upload_ref)
    mine = (Asset.owner_id == user_id, Asset.organisation_id.is_(None))
    assets = select(Asset.object_key, Asset.poster_key).where(*mine)
    fonts = select(Font.source_key, Font.object_key).where(Font.owner_id == user_id)
    for query in (assets, fonts):
        keys = [key for row in session.execute(query) for key in row if key]
        for start in range(0, len(keys), BATCH):
            storage.delete(keys[start : start + BATCH])


def owned_tables() -> list[tuple[Table, Column]]:
    """Return the tables to empty with the column that says whose a row is; those that others point at last."""
    found = []
    for table in reversed(db.metadata.sorted_tables):
        owners = [key.parent for key in table.foreign_keys if key.column.table.name == User.__tablename__]
        found += [(table, owner) for owner in owners if table.name not in KEPT]
    return found


def remove_rows(session: Session, table: Table, owner: Column, user_id: UUID) -> int:
    """Delete up to ``BATCH`` rows that are the account's own; return how many."""
    key = tuple_(*table.primary_key.columns)
    chosen = select(*table.primary_key.columns).where(owner == user_id)
    if "organisation_id" in table.c:
        chosen = chosen.where(table.c.organisation_id.is_(None))
    gone = session.execute(delete(table).where(key.in_(chosen.limit(BATCH))))
    return int(gone.rowcount)  # type: ignore[attr-defined]
