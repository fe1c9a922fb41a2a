"""Use cases of spoken sounds: a text becomes a sound once, whoever of its owners asks how often."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from api.config import ApiSettings
from api.credits.prices import Action
from api.credits.work import hold, price
from api.ids import new_id
from api.jobs.service import create_job
from api.ownership import in_place, placed_in
from api.sounds.models import TITLE_LENGTH, Sound, SoundState, SoundType
from api.sounds.service import clean_tags, searched
from api.users.models import User
from tasks.contracts.voices import (
    FASTEST,
    LONGEST_TEXT,
    SLOWEST,
    TIMBRES,
    USUAL,
    VOICES,
    Speech,
    SpeechOrder,
    clean_text,
    find_voice,
)
from tasks.names import Priority
from tasks.workflows.sounds import build_speech_steps

JOB_KIND = "speech"


def list_voices() -> dict[str, Any]:
    """Return who may speak, and how."""
    return {
        "voices": [{"id": voice, "name": name} for voice, name in VOICES.items()],
        "timbres": list(TIMBRES),
        "rate": {"slowest": SLOWEST, "usual": USUAL, "fastest": FASTEST},
        "longest_text": LONGEST_TEXT,
    }


def ask_speech(session: Session, user: User, body: dict[str, Any], *, settings: ApiSettings) -> tuple[Sound, bool]:
    """Return the sound of a text, and whether it was ordered now rather than there before.

    Raises ``tts.bad_text``, ``tts.unknown_voice``, ``credits.insufficient``, ``organisation.*``.
    """
    find_voice(body["voice"])
    speech = Speech(clean_text(body["text"]), body["voice"], body["rate"])
    organisation_id = placed_in(body["organisation_id"])
    title = (body["title"].strip() or speech.text)[:TITLE_LENGTH]
    tags = clean_tags(body["tags"])
    row = {
        "id": new_id(),
        "owner_id": user.id,
        "organisation_id": organisation_id,
        "type": SoundType.TTS.value,
        "title": title,
        "tags": tags,
        "words": searched(title, tags),
        "sha256": speech.sha256,
        "duration_s": 0.0,
        "speech": speech.to_json(),
    }
    session.execute(insert(Sound).values(row).on_conflict_do_nothing())
    place = in_place(Sound, user.id, organisation_id)
    sound = session.scalars(select(Sound).where(place, Sound.sha256 == speech.sha256).with_for_update()).one()
    session.refresh(sound)
    if sound.state is not SoundState.FAILED:
        return sound, False
    order_speech(session, user, sound, settings=settings)
    return sound, True


def order_speech(session: Session, user: User, sound: Sound, *, settings: ApiSettings) -> None:
    """Order that a sound's text is said; the sound waits for this job from now on."""
    order = SpeechOrder(
        Speech.from_json(sound.speech), settings.sound_lufs, settings.sound_ceiling_dbtp, settings.max_sound_s
    )
    job = create_job(
        session,
        owner_id=user.id,
        organisation_id=sound.organisation_id,
        kind=JOB_KIND,
        steps=build_speech_steps(order),
        priority=Priority.HIGH,
        subject={"sound_id": str(sound.id)},
    )
    hold(session, job, Action.SPEECH, price(Action.SPEECH, 1))
    sound.job_id = job.id
    session.flush()
    session.refresh(sound)
