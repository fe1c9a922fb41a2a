"""Removing objects whose rows are gone: at once after the commit where possible, by the sweep otherwise.

Nothing is removed before the transaction that gave it up has committed; what cannot be removed then (the storage is
away, the process dies) stays until :func:`sweep_objects` finds it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from uuid import UUID

from sqlalchemy import event, or_, select
from sqlalchemy.orm import Session

from api.assets.models import Asset, AssetState
from api.extensions import get_storage
from api.fonts.models import Font, FontState
from api.jobs.models import Job
from api.jobs.states import TERMINAL
from api.samples.models import Sample
from api.songs.models import Song
from api.sounds.models import Sound
from api.uploads.models import Upload, UploadState
from api.videos.models import MusicVideo, VideoClip
from tasks.errors import ReelyardError
from tasks.storage.base import ObjectInfo, Storage

logger = logging.getLogger(__name__)

SWEEP_PREFIXES = ("uploads/", "jobs/")
SWEEP_AGE = timedelta(hours=24)
SWEEP_BATCH = 500
_WAITING = "reelyard.cleanup"


def delete_objects_after_commit(
    session: Session, storage: Storage, keys: Iterable[str | None], *, parts_ref: str = ""
) -> None:
    """Remove objects once the session's transaction has committed; a rollback forgets them.

    :param parts_ref: multipart id to abort on the first key.
    """
    wanted = [key for key in keys if key]

    def remove() -> None:
        if parts_ref and wanted:
            storage.abort_parts(wanted[0], parts_ref)
        storage.delete(wanted)

    if wanted:
        transaction = session.get_transaction() or session.begin()
        session.info.setdefault(_WAITING, []).append((transaction, remove))


@event.listens_for(Session, "after_commit")
def _run_waiting(session: Session) -> None:
    if session.in_nested_transaction():
        return  # only a savepoint: the transaction itself may still be rolled back
    committed = session.get_transaction()
    for transaction, remove in session.info.pop(_WAITING, []):
        if transaction is committed:
            _try(remove)


def _try(remove: Callable[[], None]) -> None:
    try:
        remove()
    except ReelyardError as error:
        logger.warning("objects left for the sweep", extra={"code": error.code})


def sweep_objects(session: Session, *, storage: Storage | None = None, now: datetime | None = None) -> int:
    """Delete objects older than a day that no row needs; return how many.

    Objects of running jobs are left alone whatever their age. Safe beside uploads and other sweeps: a key is never
    given out twice, so what no row needs now no row can need later.
    """
    storage = storage or get_storage()
    limit = (now or datetime.now(UTC)) - SWEEP_AGE
    count = 0
    for prefix in SWEEP_PREFIXES:
        old = (found for found in storage.list(prefix) if found.modified_at < limit)
        while batch := list(islice(old, SWEEP_BATCH)):
            orphans = find_orphans(session, batch)
            session.rollback()
            storage.delete(orphans)
            count += len(orphans)
    return count


def find_orphans(session: Session, objects: list[ObjectInfo]) -> list[str]:
    """Return the keys that no asset, font, song, sound, sample or video needs, no pending upload and no running job."""
    keys = [found.key for found in objects]
    needed: set[str | None] = set()
    named = or_(Asset.object_key.in_(keys), Asset.poster_key.in_(keys))
    for asset in session.scalars(select(Asset).where(named, Asset.state != AssetState.DELETED.value)):
        if not asset.is_refused_for_good:
            needed |= {asset.object_key, asset.poster_key}
    pending = select(Upload.object_key).where(Upload.state == UploadState.PENDING.value, Upload.object_key.in_(keys))
    needed |= set(session.scalars(pending))
    needed |= set(session.scalars(select(Font.object_key).where(Font.object_key.in_(keys))))
    needed |= set(session.scalars(select(Song.waveform_key).where(Song.waveform_key.in_(keys))))
    needed |= set(_of_videos(session, keys))
    needed |= set(_of_sounds(session, keys))
    needed |= set(_of_samples(session, keys))
    waiting = select(Font.source_key).where(Font.source_key.in_(keys), Font.state == FontState.CHECKING.value)
    needed |= set(session.scalars(waiting))
    running = set(_running_jobs(session, keys))
    return [key for key in keys if key not in needed and job_of_key(key) not in running]


def _of_videos(session: Session, keys: list[str]) -> Iterator[str | None]:
    for column in (VideoClip.object_key, VideoClip.still_key, MusicVideo.score_key, MusicVideo.sheet_key):
        yield from session.scalars(select(column).where(column.in_(keys)))


def _of_sounds(session: Session, keys: list[str]) -> Iterator[str | None]:
    for column in (Sound.object_key, Sound.waveform_key):
        yield from session.scalars(select(column).where(column.in_(keys)))


def _of_samples(session: Session, keys: list[str]) -> Iterator[str]:
    """Yield the files of samples, which lie under the jobs that made them."""
    ids = {job_id for job_id in map(job_of_key, keys) if job_id is not None}
    for files in session.scalars(select(Sample.files).where(Sample.job_id.in_(ids))):
        yield from (file["key"] for file in files.values())


def _running_jobs(session: Session, keys: list[str]) -> Iterator[UUID]:
    ids = {job_id for job_id in map(job_of_key, keys) if job_id is not None}
    yield from session.scalars(select(Job.id).where(Job.id.in_(ids), Job.state.not_in([s.value for s in TERMINAL])))


def job_of_key(key: str) -> UUID | None:
    """Return the job under whose prefix an object lies, if any."""
    parts = key.split("/")
    if parts[0] != "jobs" or len(parts) < 3:
        return None
    try:
        return UUID(parts[1])
    except ValueError:
        return None
