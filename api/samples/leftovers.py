"""What a job that began with a link leaves behind, and whether another try could help."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.assets.cleanup import delete_objects_after_commit
from api.jobs.models import Job, Step
from tasks.storage.base import Storage

FOR_GOOD = ("media.", "image.", "link.no_sound", "link.too_long", "link.too_large", "link.playlist", "sample.duplicate")
"""How codes begin that blame what the link leads to."""


def is_refused_for_good(job: Job) -> bool:
    """Tell whether a job ended by the fault of what its link leads to."""
    return ((job.error or {}).get("code") or "").startswith(FOR_GOOD)


def drop_leftovers(session: Session, job: Job, *, keep: Iterable[str | None], storage: Storage) -> None:
    """Remove after the commit what the job's steps wrote, but what is kept."""
    kept = set(keep)
    results = session.scalars(select(Step.result).where(Step.job_id == job.id, Step.result.is_not(None)))
    written = [value for result in results for name, value in (result or {}).items() if name.endswith("_key")]
    delete_objects_after_commit(session, storage, [key for key in written if key and key not in kept])
