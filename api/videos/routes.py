"""Music video endpoints: the library, parts made again, finishing, sharing."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import request
from flask.views import MethodView
from flask_smorest import Blueprint
from sqlalchemy import func, select

import api.videos.effects
import api.videos.film_effects
import api.videos.metrics  # noqa: F401  they register what the ends of steps and jobs change, and gauges
from api.assets.docs import problems
from api.assets.routes import hand_out
from api.assets.schemas import DownloadQuery, DownloadResponse
from api.auth import current_user, login_required
from api.errors import ErrorResponse
from api.extensions import db, get_settings, get_storage
from api.idempotency import KEY_PARAMETER, after_commit, idempotent
from api.jobs.models import Job
from api.jobs.service import publish_soon
from api.pagination import filters_of, paginate
from api.videos import service, shares, webhook
from api.videos.answers import describe_clips, describe_video, describe_work, sign_film
from api.videos.models import MusicVideo
from api.videos.remake import remake_clip, remake_section
from api.videos.schemas import (
    MusicVideoPageResponse,
    MusicVideoResponse,
    NewShareLinkResponse,
    RemakeRequest,
    SharedVideoResponse,
    ShareLinkRequest,
    ShareLinksResponse,
    ToldResponse,
    VideoClipsResponse,
    VideoQuery,
    VideoWorkResponse,
)

blueprint = Blueprint("videos", __name__, url_prefix="/api/v1", description="Music videos: made, changed, shared")

KEY_PROBLEMS = "idempotency.key_reused, idempotency.in_progress"
EDIT_PROBLEMS = f"video.busy, video.finalized, {KEY_PROBLEMS}"
REMAKE_PROBLEMS = {
    402: "credits.insufficient",
    404: "video.not_found, song.not_found, section.not_found or clip.not_found",
    409: f"video.no_remakes, video.clips_missing, {EDIT_PROBLEMS}",
    422: "clips.over_budget: details carry cost_usd, spent_usd, cap_usd",
    429: "quota.storage_bytes, quota.daily_renders",
}


def ordered(video: MusicVideo, job: Job) -> tuple[dict[str, Any], int]:
    """Answer that work was ordered, and have it published once committed."""
    job_id = job.id
    after_commit(lambda: publish_soon(job_id))
    return describe_work(video, job), 202


@blueprint.route("/videos")
class VideoList(MethodView):
    """The library."""

    decorators = [login_required]

    @blueprint.arguments(VideoQuery, location="query")
    @blueprint.response(200, MusicVideoPageResponse)
    @problems(blueprint, {})
    def get(self, query: dict[str, Any]) -> Any:
        """List music videos, newest first"""
        session, chosen = db.session(), service.select_videos(**filters_of(query))
        page = paginate(session, chosen, MusicVideo, query)
        count = session.scalar(select(func.count()).select_from(chosen.order_by(None).subquery()))
        items = [describe_video(session, video) for video in page["items"]]
        return {**page, "items": items, "count": count, "limit": get_settings().clips.most_videos}


@blueprint.route("/videos/<uuid:video_id>")
class VideoItem(MethodView):
    """One music video."""

    decorators = [login_required]

    @blueprint.response(200, MusicVideoResponse)
    @problems(blueprint, {404: "video.not_found"})
    def get(self, video_id: UUID) -> Any:
        """Look at a music video"""
        return describe_video(db.session(), service.get_video(video_id))

    @blueprint.response(204)
    @problems(blueprint, {404: "video.not_found", 409: "video.busy, asset.in_use"})
    def delete(self, video_id: UUID) -> None:
        """Delete a music video

        Its film, clips and links go with it and free their storage; the song stays.
        """
        service.delete_video(db.session(), service.lock_video(db.session(), video_id), storage=get_storage())
        db.session.commit()


@blueprint.route("/videos/<uuid:video_id>/clips")
class VideoClips(MethodView):
    """What a video is made of."""

    decorators = [login_required]

    @blueprint.response(200, VideoClipsResponse)
    @problems(blueprint, {404: "video.not_found"})
    def get(self, video_id: UUID) -> Any:
        """List sections and clips of a video, with addresses to look at clips and stills"""
        return describe_clips(service.get_video(video_id))


@blueprint.route("/videos/<uuid:video_id>/download")
class VideoDownload(MethodView):
    """The film."""

    decorators = [login_required]

    @blueprint.arguments(DownloadQuery, location="query")
    @blueprint.response(200, DownloadResponse)
    @blueprint.alt_response(302, description="With redirect=1: the presigned URL in Location")
    @problems(blueprint, {404: "video.not_found", 409: "video.not_composed"})
    def get(self, query: dict[str, Any], video_id: UUID) -> Any:
        """Get a URL that downloads the film"""
        return hand_out(sign_film(service.get_video(video_id)), query)


@blueprint.route("/videos/<uuid:video_id>/approve")
class VideoApproval(MethodView):
    """Stills that were looked at."""

    decorators = [login_required]

    @idempotent("videos.{video_id}.approve")
    @blueprint.doc(parameters=[KEY_PARAMETER])
    @blueprint.response(202, MusicVideoResponse)
    @problems(blueprint, {**REMAKE_PROBLEMS, 409: f"video.not_waiting, {EDIT_PROBLEMS}"})
    def post(self, video_id: UUID) -> Any:
        """Approve the stills of a video: now its clips are made"""
        session = db.session()
        video = service.lock_video(session, video_id)
        job = service.approve(session, current_user(), video)
        if job is not None:
            job_id = job.id
            after_commit(lambda: publish_soon(job_id))
        return describe_video(session, video), 202


@blueprint.route("/videos/<uuid:video_id>/regenerate/section/<uuid:section_id>")
class SectionRemake(MethodView):
    """A section, again."""

    decorators = [login_required]

    @idempotent("videos.section.{section_id}")
    @blueprint.doc(parameters=[KEY_PARAMETER])
    @blueprint.arguments(RemakeRequest)
    @blueprint.response(202, VideoWorkResponse)
    @problems(blueprint, REMAKE_PROBLEMS)
    def post(self, body: dict[str, Any], video_id: UUID, section_id: UUID) -> Any:
        """Make all clips of a section again, once

        Only they are made; then the film, if there was one, is joined anew. Counted when it has succeeded.
        """
        video = service.lock_video(db.session(), video_id)
        return ordered(video, remake_section(db.session(), current_user(), video, section_id, body))


@blueprint.route("/videos/<uuid:video_id>/regenerate/clip/<uuid:clip_id>")
class ClipRemake(MethodView):
    """A clip, again."""

    decorators = [login_required]

    @idempotent("videos.clip.{clip_id}")
    @blueprint.doc(parameters=[KEY_PARAMETER])
    @blueprint.arguments(RemakeRequest)
    @blueprint.response(202, VideoWorkResponse)
    @problems(blueprint, REMAKE_PROBLEMS)
    def post(self, body: dict[str, Any], video_id: UUID, clip_id: UUID) -> Any:
        """Make a clip again, once"""
        video = service.lock_video(db.session(), video_id)
        return ordered(video, remake_clip(db.session(), current_user(), video, clip_id, body))


@blueprint.route("/videos/<uuid:video_id>/finalize")
class VideoFinishing(MethodView):
    """The end of all changes."""

    decorators = [login_required]

    @idempotent("videos.{video_id}.finalize")
    @blueprint.doc(parameters=[KEY_PARAMETER])
    @blueprint.response(200, MusicVideoResponse)
    @problems(blueprint, {404: "video.not_found", 409: f"video.not_composed, asset.in_use, {EDIT_PROBLEMS}"})
    def post(self, video_id: UUID) -> Any:
        """Finish a video: clips, stills and drafts are deleted, nothing changes any more"""
        video = service.lock_video(db.session(), video_id)
        service.finalize(db.session(), video, storage=get_storage())
        return describe_video(db.session(), video)


@blueprint.route("/videos/<uuid:video_id>/shares")
class ShareList(MethodView):
    """Links to a video."""

    decorators = [login_required]

    @blueprint.response(200, ShareLinksResponse)
    @problems(blueprint, {404: "video.not_found"})
    def get(self, video_id: UUID) -> Any:
        """List the share links of a video; their secrets are not kept"""
        return {"items": shares.list_shares(db.session(), service.get_video(video_id))}

    @blueprint.arguments(ShareLinkRequest)
    @blueprint.response(201, NewShareLinkResponse)
    @problems(blueprint, {404: "video.not_found", 409: "video.not_composed, video.too_many_shares"})
    def post(self, body: dict[str, Any], video_id: UUID) -> Any:
        """Make a link by which anybody may watch the film until it ends or is revoked"""
        video = service.lock_video(db.session(), video_id)
        row, secret = shares.share(db.session(), video, hours=body["hours"])
        db.session.commit()
        url = f"{get_settings().public_url}/api/v1/shared/videos/{secret}"
        told = {name: getattr(row, name) for name in ("id", "expires_at", "revoked_at", "created_at")}
        return {**told, "token": secret, "url": url}


@blueprint.route("/videos/<uuid:video_id>/shares/<uuid:share_id>")
class ShareItem(MethodView):
    """One link."""

    decorators = [login_required]

    @blueprint.response(204)
    @problems(blueprint, {404: "video.not_found, video.no_share"})
    def delete(self, video_id: UUID, share_id: UUID) -> None:
        """Revoke a share link; again changes nothing"""
        shares.revoke(db.session(), service.lock_video(db.session(), video_id), share_id)
        db.session.commit()


@blueprint.route("/shared/videos/<share_token>")
class SharedVideo(MethodView):
    """A video for whoever has a link."""

    @blueprint.response(200, SharedVideoResponse)
    @blueprint.alt_response(404, schema=ErrorResponse, description="video.no_share: wrong, ended or revoked")
    def get(self, share_token: str) -> Any:
        """Watch a shared video, without an account"""
        return shares.open_shared(db.session(), share_token)


@blueprint.route("/providers/replicate/webhook")
class ProviderWebhook(MethodView):
    """What the provider tells."""

    @blueprint.response(200, ToldResponse)
    @blueprint.alt_response(400, schema=ErrorResponse, description="provider.bad_signature")
    @blueprint.alt_response(501, schema=ErrorResponse, description="provider.webhooks_off")
    def post(self) -> Any:
        """Hear from Replicate that a prediction is done

        Signed as Standard Webhooks are, at most five minutes old. It only wakes who waits; a repeated one changes
        nothing.
        """
        told = webhook.verify(
            {name.lower(): value for name, value in request.headers.items()}, request.get_data(cache=True)
        )
        outcome = webhook.take(db.session(), told)
        db.session.commit()
        webhook.ring(told["id"])
        return {"outcome": outcome}
