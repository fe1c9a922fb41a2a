"""What the end of an analysis changes; called by the engine inside its finishing transaction."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from api.assets.cleanup import delete_objects_after_commit
from api.credits.prices import Action
from api.credits.work import charge, give_back, hold, price
from api.errors import NotFoundError
from api.extensions import get_storage
from api.jobs.effects import on_job_ended, on_job_retried, on_step_succeeded
from api.jobs.models import Job, Step
from api.songs.models import Song
from api.songs.service import JOB_KIND
from api.uploads.effects import own_key
from tasks.contracts.music import SongHeard
from tasks.names import TaskName


@on_step_succeeded(TaskName.MUSIC_ANALYZE)
def store_analysis(session: Session, job: Job, step: Step, result: dict[str, Any]) -> None:
    """Keep what was heard in place of what was heard before; a second call changes nothing."""
    song = find_song(session, job)
    if song is None or song.job_id != job.id:
        return
    told = SongHeard.from_json(result)
    key = own_key(job, told.waveform_key)
    if song.waveform_key != key:
        delete_objects_after_commit(session, get_storage(), [song.waveform_key])
    song.analysis, song.waveform_key = told.analysis.to_json(), key
    charge(session, job, Action.ANALYSIS, price(Action.ANALYSIS, song.duration_s))


@on_job_ended(JOB_KIND)
def settle_song(session: Session, job: Job) -> None:
    """Give back the credits of what came to nothing; what was charged stays so."""
    give_back(session, job, Action.ANALYSIS)
    give_back(session, job, Action.TRANSCRIPTION)


@on_job_retried(JOB_KIND)
def reopen_song(session: Session, job: Job) -> None:
    """Reserve again what the end gave back; raise ``song.not_found``, ``credits.insufficient``."""
    song = find_song(session, job)
    if song is None:
        raise NotFoundError("song.not_found", "The song was deleted")
    hold(session, job, Action.ANALYSIS, price(Action.ANALYSIS, song.duration_s), again=True)
    if any(step.task == TaskName.SPEECH_TRANSCRIBE.value for step in job.steps):
        hold(session, job, Action.TRANSCRIPTION, price(Action.TRANSCRIPTION, song.duration_s), again=True)


def find_song(session: Session, job: Job) -> Song | None:
    """Return the song of a job, locked, or None when it is gone."""
    return session.get(Song, UUID(job.subject["song_id"]), with_for_update=True)
