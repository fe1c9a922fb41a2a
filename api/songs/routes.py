"""Song endpoints."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask.views import MethodView
from flask_smorest import Blueprint

import api.songs.effects  # noqa: F401  registers what the end of an analysis changes
from api.assets.docs import problems
from api.auth import current_user, login_required
from api.errors import NotFoundError
from api.extensions import db, get_settings, get_storage
from api.idempotency import KEY_PARAMETER, after_commit, idempotent
from api.jobs.service import publish_soon
from api.pagination import filters_of, paginate
from api.songs import sections, service
from api.songs.answers import describe_analysis, describe_song
from api.songs.clip_routes import add_clip_routes
from api.songs.models import Song, SongSection
from api.songs.schemas import (
    AnalysisRequest,
    AnalysisResponse,
    AnalyzeRequest,
    SectionEditRequest,
    SectionResponse,
    SectionsCreatedResponse,
    SectionsRequest,
    SectionsResponse,
    SongPageResponse,
    SongQuery,
    SongRequest,
    SongResponse,
)

blueprint = Blueprint("songs", __name__, url_prefix="/api/v1", description="Songs: heard, corrected, divided")

add_clip_routes(blueprint)

LOCATION = {"Location": {"description": "Path of the song", "schema": {"type": "string"}}}
KEY_PROBLEMS = "idempotency.key_reused, idempotency.in_progress"


@blueprint.route("/songs")
class SongList(MethodView):
    """All songs."""

    decorators = [login_required]

    @blueprint.arguments(SongQuery, location="query")
    @blueprint.response(200, SongPageResponse)
    @problems(blueprint, {})
    def get(self, query: dict[str, Any]) -> Any:
        """List songs, newest first"""
        page = paginate(db.session(), service.select_songs(**filters_of(query)), Song, query)
        return {**page, "items": [describe_song(song) for song in page["items"]]}

    @idempotent("songs")
    @blueprint.doc(parameters=[KEY_PARAMETER])
    @blueprint.arguments(SongRequest)
    @blueprint.response(201, SongResponse, headers=LOCATION)
    @problems(
        blueprint,
        {
            404: "asset.not_found",
            409: f"asset.not_ready, asset.refused, {KEY_PROBLEMS}",
            422: "song.not_audio, song.too_long",
        },
    )
    def post(self, body: dict[str, Any]) -> Any:
        """Make a song of an uploaded sound file

        MP3, WAV, M4A or FLAC, by default of at most five minutes. It belongs where its file does.
        """
        told = describe_song(service.create_song(db.session(), current_user(), body, settings=get_settings()))
        return told, 201, {"Location": told["links"]["self"]}


@blueprint.route("/songs/<uuid:song_id>")
class SongItem(MethodView):
    """One song."""

    decorators = [login_required]

    @blueprint.response(200, SongResponse)
    @problems(blueprint, {404: "song.not_found"})
    def get(self, song_id: UUID) -> Any:
        """Look at a song"""
        return describe_song(service.get_song(song_id))

    @blueprint.response(204)
    @problems(blueprint, {404: "song.not_found", 409: "song.analyzing"})
    def delete(self, song_id: UUID) -> None:
        """Delete a song

        Its analysis and sections go with it; the uploaded file and its transcript stay.
        """
        service.delete_song(db.session(), service.lock_song(db.session(), song_id), storage=get_storage())
        db.session.commit()


@blueprint.route("/songs/<uuid:song_id>/analyze")
class SongAnalyzing(MethodView):
    """Listening to a song."""

    decorators = [login_required]

    @idempotent("songs.{song_id}.analyze")
    @blueprint.doc(parameters=[KEY_PARAMETER])
    @blueprint.arguments(AnalyzeRequest)
    @blueprint.response(202, SongResponse, headers=LOCATION)
    @problems(
        blueprint,
        {
            402: "credits.insufficient",
            404: "song.not_found",
            409: f"song.analyzing, asset.not_ready, asset.refused, {KEY_PROBLEMS}",
        },
    )
    def post(self, body: dict[str, Any], song_id: UUID) -> Any:
        """Analyse a song

        Tempo, beats, bars, key, sections, energy, loudness, genre, mood; and its words where they were not transcribed
        before. May be asked for again: what you corrected is kept.
        """
        song = service.lock_song(db.session(), song_id)
        job_id = service.analyze(db.session(), current_user(), song, **body).id
        after_commit(lambda: publish_soon(job_id))
        told = describe_song(song)
        return told, 202, {"Location": told["links"]["self"]}


@blueprint.route("/songs/<uuid:song_id>/analysis")
class SongAnalysisItem(MethodView):
    """What is known of a song."""

    decorators = [login_required]

    @blueprint.response(200, AnalysisResponse)
    @problems(blueprint, {404: "song.not_found", 409: "song.not_analyzed"})
    def get(self, song_id: UUID) -> Any:
        """Read the analysis of a song, with what was corrected"""
        return describe_analysis(db.session(), service.get_song(song_id), storage=get_storage())

    @blueprint.arguments(AnalysisRequest)
    @blueprint.response(200, AnalysisResponse)
    @problems(blueprint, {404: "song.not_found", 409: "song.not_analyzed", 422: "song.invalid_beats, request.invalid"})
    def patch(self, said: dict[str, Any], song_id: UUID) -> Any:
        """Correct the analysis of a song

        What is given counts instead of what was heard, also after another analysis; null takes what was heard again.
        """
        song = service.lock_song(db.session(), song_id)
        service.correct(db.session(), song, said)
        db.session.commit()
        return describe_analysis(db.session(), song, storage=get_storage())


@blueprint.route("/songs/<uuid:song_id>/sections")
class SectionList(MethodView):
    """All sections of a song."""

    decorators = [login_required]

    @blueprint.response(200, SectionsResponse)
    @problems(blueprint, {404: "song.not_found"})
    def get(self, song_id: UUID) -> Any:
        """List the sections of a song, and before there are any, those that are suggested"""
        song = service.get_song(song_id)
        offered = [] if song.sections or song.analysis is None else sections.suggest(service.current_analysis(song))
        return {"items": song.sections, "suggested": offered}

    @idempotent("songs.{song_id}.sections")
    @blueprint.doc(parameters=[KEY_PARAMETER])
    @blueprint.arguments(SectionsRequest)
    @blueprint.response(201, SectionsCreatedResponse)
    @problems(
        blueprint,
        {
            404: "song.not_found",
            409: f"song.not_analyzed, section.exists, {KEY_PROBLEMS}",
            422: "section.invalid: details.findings have pointer and message",
        },
    )
    def post(self, body: dict[str, Any], song_id: UUID) -> Any:
        """Divide a song into sections

        All at once, in order, without gaps, covering the song; edges snap to the nearest beats. Times are fixed from
        then on; labels and notes can be changed.
        """
        song = service.lock_song(db.session(), song_id)
        wanted = None if body["suggested"] else body["sections"]
        made = sections.create_sections(db.session(), song, service.current_analysis(song), wanted)
        moves = [{"id": row.id, "start_ms": one.moved_ms[0], "end_ms": one.moved_ms[1]} for row, one in made]
        return {"items": [row for row, _ in made], "moved": moves}

    @blueprint.response(204)
    @problems(blueprint, {404: "song.not_found"})
    def delete(self, song_id: UUID) -> None:
        """Delete all sections of a song, to divide it anew"""
        song = service.lock_song(db.session(), song_id)
        song.sections.clear()
        db.session.commit()


@blueprint.route("/songs/<uuid:song_id>/sections/<uuid:section_id>")
class SectionItem(MethodView):
    """One section of a song."""

    decorators = [login_required]

    @blueprint.arguments(SectionEditRequest)
    @blueprint.response(200, SectionResponse)
    @problems(blueprint, {404: "song.not_found, section.not_found", 422: "request.invalid: times cannot be changed"})
    def patch(self, body: dict[str, Any], song_id: UUID, section_id: UUID) -> SongSection:
        """Change the label or note of a section"""
        song = service.lock_song(db.session(), song_id)
        section = next((one for one in song.sections if one.id == section_id), None)
        if section is None:
            raise NotFoundError("section.not_found", "The song has no such section")
        for name, value in body.items():
            setattr(section, name, value.strip())
        db.session.commit()
        return section
