"""What the end of a levelling or a speech changes; called by the engine inside its finishing transaction."""

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
from api.jobs.states import JobState
from api.player.service import retime_sound
from api.sounds.models import Sound
from api.sounds.service import JOB_KIND
from api.sounds.speech import JOB_KIND as SPEECH_KIND
from api.uploads.effects import own_key
from tasks.contracts.sounds import SoundReady
from tasks.names import TaskName


@on_step_succeeded(TaskName.SOUNDS_SPEAK)
@on_step_succeeded(TaskName.SOUNDS_LEVEL)
def store_level(session: Session, job: Job, step: Step, result: dict[str, Any]) -> None:
    """Make the sound ready with what was written; a second call changes nothing."""
    sound = find_sound(session, job)
    if sound is None or sound.job_id != job.id:
        return
    told = SoundReady.from_json(result)
    keys = own_key(job, told.object_key), own_key(job, told.waveform_key)
    gone = [key for key in (sound.object_key, sound.waveform_key) if key not in keys]
    delete_objects_after_commit(session, get_storage(), gone)
    changed = sound.duration_s != told.duration_s
    sound.levelled, sound.duration_s = told.to_json(), told.duration_s
    sound.object_key, sound.waveform_key = keys
    if changed:
        session.flush()
        retime_sound(session, sound.id)


@on_job_ended(SPEECH_KIND)
def settle_speech(session: Session, job: Job) -> None:
    """Charge what was said, give back the credits of what was not."""
    if job.state == JobState.SUCCEEDED:
        charge(session, job, Action.SPEECH, price(Action.SPEECH, 1))
    else:
        give_back(session, job, Action.SPEECH)


@on_job_retried(SPEECH_KIND)
def reopen_speech(session: Session, job: Job) -> None:
    """Let a text be said again; raise ``sound.not_found``, ``credits.insufficient``."""
    reopen_sound(session, job)
    hold(session, job, Action.SPEECH, price(Action.SPEECH, 1), again=True)


@on_job_retried(JOB_KIND)
def reopen_sound(session: Session, job: Job) -> None:
    """Let a levelling start again; raise ``sound.not_found``."""
    if find_sound(session, job) is None:
        raise NotFoundError("sound.not_found", "The sound was deleted")


def find_sound(session: Session, job: Job) -> Sound | None:
    """Return the sound of a job, locked, or None when it is gone."""
    return session.get(Sound, UUID(job.subject["sound_id"]), with_for_update=True)
