"""Use cases of scans: what lies under a prefix of the storage becomes sounds, each file once."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from api.assets.cleanup import delete_objects_after_commit
from api.config import ApiSettings
from api.extensions import get_storage
from api.ids import new_id
from api.jobs.effects import on_job_ended, on_step_succeeded
from api.jobs.models import Job, Step
from api.jobs.service import create_job
from api.jobs.states import JobState
from api.ownership import in_place, placed_in, visible_to
from api.sounds.models import TAG_LENGTH, TITLE_LENGTH, ScannedFile, ScanState, Sound, SoundType
from api.sounds.service import clean_tags, searched
from api.uploads.effects import own_key
from api.users.models import User
from tasks.contracts.sounds import SoundTaken, TakeOrder
from tasks.names import Priority, TaskName
from tasks.storage.base import ObjectInfo, Storage
from tasks.workflows.sounds import build_take_steps

JOB_KIND = "sound_scan"
AREA = "imports/"
"""Where files lie that somebody put into the storage by other means; nothing of ours does."""
MOST_NEW = 500
"""The most files that one scan orders; whoever scans again goes on."""
MOST_FOUND = 100_000
SUFFIXES = frozenset(
    (".aac", ".aif", ".aiff", ".flac", ".m4a", ".mka", ".mp3", ".mp4", ".oga", ".ogg", ".opus", ".wav", ".webm")
)


def scan(
    session: Session, user: User, body: dict[str, Any], *, storage: Storage, settings: ApiSettings
) -> tuple[dict[str, int | bool], list[UUID]]:
    """Order the taking of every file that is new or changed; return what was found, and the jobs.

    Bad files are left alone until they change, or ``again`` is asked for. Raises ``organisation.*``.
    """
    organisation_id = placed_in(body["organisation_id"])
    told: dict[str, int | bool] = {"found": 0, "ignored": 0, "unchanged": 0, "ordered": 0, "more": False}
    jobs: list[UUID] = []
    for found in islice(storage.list(body["prefix"]), MOST_FOUND):
        if PurePosixPath(found.key).suffix.lower() not in SUFFIXES:
            told["ignored"] += 1
            continue
        told["found"] += 1
        row = note_file(session, user, organisation_id, found)
        if not is_due(row, found, again=body["again"]):
            told["unchanged"] += 1
        elif len(jobs) == MOST_NEW:
            told["more"] = True
            break
        else:
            jobs.append(order_file(session, row, found, settings=settings))
    told["ordered"] = len(jobs)
    return told, jobs


def note_file(session: Session, user: User, organisation_id: UUID | None, found: ObjectInfo) -> ScannedFile:
    """Return the locked row of an object; the first time it is made."""
    fresh = {
        "id": new_id(),
        "owner_id": user.id,
        "organisation_id": organisation_id,
        "object_key": found.key,
        "etag": "",
        "size_bytes": found.size_bytes,
        "state": ScanState.BAD.value,
    }
    session.execute(insert(ScannedFile).values(fresh).on_conflict_do_nothing())
    place = in_place(ScannedFile, user.id, organisation_id)
    chosen = select(ScannedFile).where(place, ScannedFile.object_key == found.key)
    return session.scalars(chosen.with_for_update(of=ScannedFile)).one()


def is_due(row: ScannedFile, found: ObjectInfo, *, again: bool) -> bool:
    """Tell whether an object is to be taken: it is new, changed, without its sound now, or shall be tried again."""
    if row.etag != found.etag:
        return True
    gone = row.state in (ScanState.TAKEN, ScanState.DUPLICATE) and row.sound_id is None
    return gone or (again and row.state == ScanState.BAD)


def order_file(session: Session, row: ScannedFile, found: ObjectInfo, *, settings: ApiSettings) -> UUID:
    """Order that an object becomes a sound; return the job's id."""
    order = TakeOrder(
        found.key, found.size_bytes, settings.sound_lufs, settings.sound_ceiling_dbtp, settings.max_sound_s
    )
    job = create_job(
        session,
        owner_id=row.owner_id,
        organisation_id=row.organisation_id,
        kind=JOB_KIND,
        steps=build_take_steps(order),
        priority=Priority.LOW,
        subject={"file_id": str(row.id)},
    )
    row.etag, row.size_bytes, row.state = found.etag, found.size_bytes, ScanState.TAKING.value
    row.code = row.message = row.sound_id = None
    row.job_id = job.id
    session.flush()
    return job.id


@on_step_succeeded(TaskName.SOUNDS_TAKE)
def store_taken(session: Session, job: Job, step: Step, result: dict[str, Any]) -> None:
    """Make a sound of what was taken, or name the one that is the same."""
    row = find_file(session, job)
    if row is None or row.job_id != job.id:
        return
    told = SoundTaken.from_json(result)
    keys = own_key(job, told.ready.object_key), own_key(job, told.ready.waveform_key)
    path = PurePosixPath(row.object_key.removeprefix(AREA))
    title = (path.stem or path.name)[:TITLE_LENGTH]
    tags = clean_tags([part[:TAG_LENGTH] for part in path.parent.parts])
    values = {
        "id": new_id(),
        "owner_id": row.owner_id,
        "organisation_id": row.organisation_id,
        "type": SoundType.SDB.value,
        "title": title,
        "tags": tags,
        "words": searched(title, tags),
        "sha256": told.sha256,
        "duration_s": told.ready.duration_s,
        "levelled": told.ready.to_json(),
        "object_key": keys[0],
        "waveform_key": keys[1],
        "job_id": job.id,
    }
    made = session.execute(insert(Sound).values(values).on_conflict_do_nothing().returning(Sound.id)).scalar()
    if made is not None:
        row.state, row.sound_id = ScanState.TAKEN.value, made
        return
    place = in_place(Sound, row.owner_id, row.organisation_id)
    row.sound_id = session.scalars(select(Sound.id).where(place, Sound.sha256 == told.sha256)).one()
    row.state = ScanState.DUPLICATE.value
    delete_objects_after_commit(session, get_storage(), keys)


@on_job_ended(JOB_KIND)
def settle_scan(session: Session, job: Job) -> None:
    """Write down why a file is no sound."""
    row = find_file(session, job)
    if row is None or row.job_id != job.id or job.state == JobState.SUCCEEDED:
        return
    row.state = ScanState.BAD.value
    row.code = (job.error_code or "job.cancelled")[:64]
    row.message = (job.error_message or "It was cancelled")[:1000]


def find_file(session: Session, job: Job) -> ScannedFile | None:
    """Return the file of a job, locked, or None when its owner is gone."""
    chosen = select(ScannedFile).where(ScannedFile.id == UUID(job.subject["file_id"]))
    return session.scalars(chosen.with_for_update(of=ScannedFile)).one_or_none()


def select_files(
    *, organisation_id: UUID | None = None, prefix: str = "", state: str | None = None
) -> Select[tuple[ScannedFile]]:
    """Select the files that the caller's scans found."""
    query = select(ScannedFile).where(visible_to(ScannedFile, organisation_id))
    if prefix:
        query = query.where(ScannedFile.object_key.startswith(prefix, autoescape=True))
    return query.where(ScannedFile.state == state) if state else query


def describe_files(files: list[ScannedFile]) -> Iterator[dict[str, Any]]:
    """Yield what files look like from outside."""
    for one in files:
        columns = ("id", "size_bytes", "state", "job_id", "sound_id", "error", "created_at", "updated_at")
        told = {name: getattr(one, name) for name in columns}
        yield {**told, "path": one.object_key, "title": one.sound.title if one.sound else None}
