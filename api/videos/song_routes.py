"""From a song to its video: generate, look at clips, status, compose."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask.views import MethodView

from api.assets.docs import problems
from api.assets.routes import hand_out
from api.assets.schemas import DownloadQuery, DownloadResponse
from api.auth import current_user, login_required
from api.errors import NotFoundError
from api.extensions import db
from api.idempotency import KEY_PARAMETER, after_commit, idempotent
from api.jobs.models import Job
from api.jobs.service import publish_soon
from api.songs.models import Song
from api.songs.service import get_song, lock_song
from api.videos import service
from api.videos.answers import (
    describe_clips,
    describe_composing,
    describe_cost,
    describe_video,
    is_composing,
    parts_of,
    sign_film,
    standing_of,
)
from api.videos.models import MusicVideo
from api.videos.routes import EDIT_PROBLEMS, KEY_PROBLEMS, blueprint, ordered
from api.videos.schemas import (
    ComposeRequest,
    ComposingResponse,
    GenerateRequest,
    MusicVideoResponse,
    VideoClipsResponse,
    VideoStatusResponse,
    VideoWorkResponse,
)

LOCATION = {"Location": {"description": "Path of the video", "schema": {"type": "string"}}}


@blueprint.route("/songs/<uuid:song_id>/clips/generate")
class Generation(MethodView):
    """Making clips."""

    decorators = [login_required]

    @idempotent("songs.{song_id}.generate")
    @blueprint.doc(parameters=[KEY_PARAMETER])
    @blueprint.arguments(GenerateRequest)
    @blueprint.response(202, MusicVideoResponse, headers=LOCATION)
    @problems(
        blueprint,
        {
            402: "credits.insufficient",
            404: "song.not_found",
            409: f"song.not_analyzed, asset.not_ready, {KEY_PROBLEMS}",
            422: "clips.over_budget: details carry cost_usd, spent_usd, cap_usd; provider.not_offered, "
            "provider.no_stills, scenario.unknown_preset, clips.invalid_sections",
            429: "quota.videos, quota.storage_bytes",
        },
    )
    def post(self, body: dict[str, Any], song_id: UUID) -> Any:
        """Make the clips of a song's video

        Planned as ``clips/plan`` tells, which also tells what it costs. What would cost more than ``cap_usd`` is not
        ordered. Clips are made side by side; those that were made before with the same content are taken again. With
        ``stills`` a picture of each is made first, and the clips when they are approved.
        """
        session = db.session()
        video = service.generate(session, current_user(), lock_song(session, song_id), body)
        job_id = video.job_id
        if job_id is not None:
            after_commit(lambda: publish_soon(job_id))
        told = describe_video(session, video)
        return told, 202, {"Location": told["links"]["self"]}


@blueprint.route("/songs/<uuid:song_id>/clips")
class SongClips(MethodView):
    """Clips of the newest video."""

    decorators = [login_required]

    @blueprint.response(200, VideoClipsResponse)
    @problems(blueprint, {404: "song.not_found, video.not_found"})
    def get(self, song_id: UUID) -> Any:
        """List the clips of a song's newest video"""
        return describe_clips(service.find_newest(db.session(), get_song(song_id)))


@blueprint.route("/songs/<uuid:song_id>/generation/status")
class GenerationStatus(MethodView):
    """How far a song's newest video is."""

    decorators = [login_required]

    @blueprint.response(200, VideoStatusResponse)
    @problems(blueprint, {404: "song.not_found, video.not_found"})
    def get(self, song_id: UUID) -> Any:
        """See how far a song's newest video is

        0 to 80 percent while clips are made; 80, 90 (joined), 95 (words drawn) and 100 for the film.
        """
        session = db.session()
        video = service.find_newest(session, get_song(song_id))
        standing = standing_of(session, video)
        told = {name: getattr(standing, name) for name in ("percent", "stage", "clips_made", "clips_total")}
        told |= {"video_id": video.id, "job_id": video.job_id, "state": video.state}
        return {**told, **describe_cost(video), "error": video.job.error if video.job else None}


@blueprint.route("/songs/<uuid:song_id>/compose")
class Composition(MethodView):
    """Making the film."""

    decorators = [login_required]

    @idempotent("songs.{song_id}.compose")
    @blueprint.doc(parameters=[KEY_PARAMETER])
    @blueprint.arguments(ComposeRequest)
    @blueprint.response(202, VideoWorkResponse)
    @problems(
        blueprint,
        {
            402: "credits.insufficient",
            404: "song.not_found, video.not_found",
            409: f"video.clips_missing: details.numbers; {EDIT_PROBLEMS}",
            422: "scenario.unknown_preset",
            429: "quota.storage_bytes, quota.daily_renders, quota.concurrent_renders",
        },
    )
    def post(self, body: dict[str, Any], song_id: UUID) -> Any:
        """Join the clips of a song's newest video, lay the song under them, draw its words

        Every cut stays on its planned frame. The song is kept as it is where the container can hold it.
        """
        session = db.session()
        newest = service.find_newest(session, get_song(song_id))
        video = service.lock_video(session, newest.id)
        return ordered(video, service.compose(session, current_user(), video, body))


@blueprint.route("/songs/<uuid:song_id>/compose/<uuid:composition_id>/status")
class CompositionStatus(MethodView):
    """How far a film is."""

    decorators = [login_required]

    @blueprint.response(200, ComposingResponse)
    @problems(blueprint, {404: "song.not_found, job.not_found"})
    def get(self, song_id: UUID, composition_id: UUID) -> Any:
        """See how far a composition is"""
        _, job = find_composition(get_song(song_id), composition_id)
        return describe_composing(job, parts_of(db.session(), job))


@blueprint.route("/songs/<uuid:song_id>/compose/<uuid:composition_id>/result")
class CompositionResult(MethodView):
    """The film."""

    decorators = [login_required]

    @blueprint.arguments(DownloadQuery, location="query")
    @blueprint.response(200, DownloadResponse)
    @blueprint.alt_response(302, description="With redirect=1: the presigned URL in Location")
    @problems(blueprint, {404: "song.not_found, job.not_found", 409: "video.not_composed"})
    def get(self, query: dict[str, Any], song_id: UUID, composition_id: UUID) -> Any:
        """Get a URL that downloads what a composition gave, or what was composed since"""
        video, _ = find_composition(get_song(song_id), composition_id)
        return hand_out(sign_film(video), query)


def find_composition(song: Song, job_id: UUID) -> tuple[MusicVideo, Job]:
    """Return a job that made a film of a song, and the video; raise ``job.not_found``."""
    session = db.session()
    job = session.get(Job, job_id)
    video_id = (job.subject or {}).get("video_id") if job is not None else None
    video = session.get(MusicVideo, UUID(video_id)) if video_id else None
    if job is None or video is None or video.song_id != song.id or not is_composing(session, job):
        raise NotFoundError("job.not_found", "There is no such composition of the song")
    return video, job
