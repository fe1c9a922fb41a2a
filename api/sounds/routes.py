"""Sound endpoints."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask.views import MethodView
from flask_smorest import Blueprint

import api.sounds.effects  # noqa: F401  registers what the end of a levelling changes
from api.assets.docs import problems
from api.assets.routes import hand_out
from api.assets.schemas import DownloadQuery, DownloadResponse
from api.auth import current_user, login_required
from api.extensions import db, get_settings, get_storage
from api.idempotency import KEY_PARAMETER, after_commit, idempotent
from api.jobs.service import publish_soon
from api.pagination import filters_of, paginate
from api.playlists.service import forget_sound
from api.sounds import service, speech
from api.sounds.answers import describe_sounds
from api.sounds.models import Sound
from api.sounds.schemas import (
    SoundChange,
    SoundPageResponse,
    SoundQuery,
    SoundRequest,
    SoundResponse,
    SpeechRequest,
    StatisticsQuery,
    StatisticsResponse,
    VoicesResponse,
)
from api.sounds.statistics import read_statistics

blueprint = Blueprint("sounds", __name__, url_prefix="/api/v1", description="The soundboard: sounds at one loudness")

LOCATION = {"Location": {"description": "Path of the sound", "schema": {"type": "string"}}}
KEY_PROBLEMS = "idempotency.key_reused, idempotency.in_progress"


def describe(sound: Sound) -> dict[str, Any]:
    """Return what one sound looks like to the caller."""
    return describe_sounds(db.session(), current_user(), [sound])[0]


@blueprint.route("/sounds")
class SoundList(MethodView):
    """All sounds."""

    decorators = [login_required]

    @blueprint.arguments(SoundQuery, location="query")
    @blueprint.response(200, SoundPageResponse)
    @problems(blueprint, {})
    def get(self, query: dict[str, Any]) -> Any:
        """List sounds, newest first

        ``types`` may be repeated. ``q`` finds whole words of titles and tags; quotes and a minus sign work.
        """
        user = current_user()
        page = paginate(db.session(), service.select_sounds(user, **filters_of(query)), Sound, query)
        return {**page, "items": describe_sounds(db.session(), user, page["items"])}

    @idempotent("sounds")
    @blueprint.doc(parameters=[KEY_PARAMETER])
    @blueprint.arguments(SoundRequest)
    @blueprint.response(202, SoundResponse, headers=LOCATION)
    @problems(
        blueprint,
        {
            404: "asset.not_found",
            409: f"asset.not_ready, asset.refused, sound.duplicate, {KEY_PROBLEMS}",
            422: "sound.not_audio, sound.too_long",
        },
    )
    def post(self, body: dict[str, Any]) -> Any:
        """Make a sound of an uploaded file

        It is brought to the loudness of all sounds (EBU R 128); the original stays. A file that is a sound of yours
        already is refused, and ``details`` names that sound.
        """
        sound, job = service.create_sound(db.session(), current_user(), body, settings=get_settings())
        job_id = job.id
        after_commit(lambda: publish_soon(job_id))
        told = describe(sound)
        return told, 202, {"Location": told["links"]["self"]}


@blueprint.route("/sounds/voices")
class SoundVoices(MethodView):
    """Who may speak."""

    decorators = [login_required]

    @blueprint.response(200, VoicesResponse)
    @problems(blueprint, {})
    def get(self) -> Any:
        """List the voices that say texts"""
        return speech.list_voices()


@blueprint.route("/sounds/tts")
class SoundSpeaking(MethodView):
    """Sounds of texts."""

    decorators = [login_required]

    @idempotent("sounds.tts")
    @blueprint.doc(parameters=[KEY_PARAMETER])
    @blueprint.arguments(SpeechRequest)
    @blueprint.response(202, SoundResponse, headers=LOCATION)
    @blueprint.alt_response(200, schema=SoundResponse, description="It was said before: that sound, free of charge")
    @problems(
        blueprint,
        {
            402: "credits.insufficient",
            403: "organisation.forbidden",
            404: "organisation.not_found",
            409: KEY_PROBLEMS,
            422: "tts.bad_text, tts.unknown_voice",
        },
    )
    def post(self, body: dict[str, Any]) -> Any:
        """Make a sound of a text

        Costs what ``speech`` costs (one credit unless set), once the sound is there. The same text by the same voice
        at the same rate is one sound.
        """
        sound, ordered = speech.ask_speech(db.session(), current_user(), body, settings=get_settings())
        if ordered and (job_id := sound.job_id) is not None:
            after_commit(lambda: publish_soon(job_id))
        told = describe(sound)
        return told, 202 if ordered else 200, {"Location": told["links"]["self"]}


@blueprint.route("/sounds/statistics")
class SoundStatistics(MethodView):
    """What was played."""

    decorators = [login_required]

    @blueprint.arguments(StatisticsQuery, location="query")
    @blueprint.response(200, StatisticsResponse)
    @problems(blueprint, {404: "organisation.not_found"})
    def get(self, query: dict[str, Any]) -> Any:
        """See what was played: by day, type and user, and the top ten"""
        return read_statistics(db.session(), **query)


@blueprint.route("/sounds/<uuid:sound_id>")
class SoundItem(MethodView):
    """One sound."""

    decorators = [login_required]

    @blueprint.response(200, SoundResponse)
    @problems(blueprint, {404: "sound.not_found"})
    def get(self, sound_id: UUID) -> Any:
        """Look at a sound"""
        return describe(service.get_sound(sound_id))

    @blueprint.arguments(SoundChange)
    @blueprint.response(200, SoundResponse)
    @problems(blueprint, {404: "sound.not_found"})
    def patch(self, body: dict[str, Any], sound_id: UUID) -> Any:
        """Rename a sound or give it other tags"""
        sound = service.lock_sound(db.session(), sound_id)
        service.change_sound(sound, body)
        db.session.commit()
        return describe(sound)

    @blueprint.response(204)
    @problems(blueprint, {404: "sound.not_found", 409: "sound.levelling"})
    def delete(self, sound_id: UUID) -> None:
        """Delete a sound

        Players that have it on go to the next; the uploaded file stays.
        """
        sound = service.lock_sound(db.session(), sound_id)
        forget_sound(db.session(), sound.id)
        service.delete_sound(db.session(), sound, storage=get_storage())
        db.session.commit()


@blueprint.route("/sounds/<uuid:sound_id>/file")
class SoundFile(MethodView):
    """The bytes of one sound."""

    decorators = [login_required]

    @blueprint.arguments(DownloadQuery, location="query")
    @blueprint.response(200, DownloadResponse)
    @blueprint.alt_response(302, description="With redirect=1: the presigned URL in Location")
    @problems(blueprint, {404: "sound.not_found", 409: "sound.not_ready"})
    def get(self, query: dict[str, Any], sound_id: UUID) -> Any:
        """Get a URL that plays the sound

        MP3 at the loudness of all sounds; ranges can be asked for.
        """
        sound = service.get_sound(sound_id)
        return hand_out(service.sign_file(sound, storage=get_storage(), settings=get_settings()), query)


@blueprint.route("/sounds/<uuid:sound_id>/favourite")
class SoundLiking(MethodView):
    """Whether you like it."""

    decorators = [login_required]

    @blueprint.response(204)
    @problems(blueprint, {404: "sound.not_found"})
    def put(self, sound_id: UUID) -> None:
        """Make a sound your favourite"""
        service.like(db.session(), current_user(), service.see_sound(sound_id))
        db.session.commit()

    @blueprint.response(204)
    @problems(blueprint, {404: "sound.not_found"})
    def delete(self, sound_id: UUID) -> None:
        """Make it your favourite no more"""
        service.unlike(db.session(), current_user(), service.see_sound(sound_id))
        db.session.commit()
