"""Stored pieces of long videos: kept for as long as a change may come, then removed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice

from tasks.storage.base import Storage

PREFIX = "chunks/"
BATCH = 1000


def sweep_chunks(storage: Storage, *, days: int, now: datetime | None = None) -> int:
    """Remove pieces older than so many days; return how many. No row refers to them, so nothing else need be asked."""
    limit = (now or datetime.now(UTC)) - timedelta(days=days)
    old = (found.key for found in storage.list(PREFIX) if found.modified_at < limit)
    count = 0
    while batch := list(islice(old, BATCH)):
        storage.delete(batch)
        count += len(batch)
    return count
