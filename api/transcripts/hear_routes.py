"""Endpoints that have an asset heard again, or a transcript translated."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask.views import MethodView

from api.assets.docs import problems
from api.assets.models import Asset
from api.auth import current_user, login_required
from api.extensions import db
from api.idempotency import KEY_PARAMETER, after_commit, idempotent
from api.ids import get_owned
from api.jobs.models import Job
from api.jobs.schemas import JobResponse
from api.jobs.service import publish_soon
from api.transcripts import hearing
from api.transcripts.hear_schemas import HearAgainRequest, TranslationRequest
from api.transcripts.routes import blueprint, get_transcript

KEY_PROBLEMS = "idempotency.key_reused, idempotency.in_progress"


def ring(job: Job) -> tuple[Job, int]:
    """Have a job begin as soon as it is committed, and answer with it."""
    job_id = job.id
    after_commit(lambda: publish_soon(job_id))
    return job, 202


@blueprint.route("/assets/<uuid:asset_id>/transcripts")
class AssetHearing(MethodView):
    """Transcriptions of an asset."""

    decorators = [login_required]

    @idempotent("assets.{asset_id}.transcripts")
    @blueprint.doc(parameters=[KEY_PARAMETER])
    @blueprint.arguments(HearAgainRequest)
    @blueprint.response(202, JobResponse)
    @problems(
        blueprint,
        {
            402: "credits.insufficient",
            404: "asset.not_found",
            409: f"asset.not_ready, asset.refused, transcript.busy, {KEY_PROBLEMS}",
            422: "transcript.no_sound",
        },
    )
    def post(self, body: dict[str, Any], asset_id: UUID) -> Any:
        """Have an asset heard again

        Makes a new transcript. The edits of the newest one so far are done again on it; what cannot be done stays as a
        conflict (``GET /transcripts/{id}/edits``).
        """
        return ring(hearing.order_hearing(db.session(), current_user(), get_owned(Asset, asset_id), body))


@blueprint.route("/transcripts/<uuid:transcript_id>/translations")
class TranscriptTranslation(MethodView):
    """Translations of a transcript."""

    decorators = [login_required]

    @idempotent("transcripts.{transcript_id}.translations")
    @blueprint.doc(parameters=[KEY_PARAMETER])
    @blueprint.arguments(TranslationRequest)
    @blueprint.response(202, JobResponse)
    @problems(blueprint, {404: "transcript.not_found", 409: KEY_PROBLEMS, 422: "transcript.same_language"})
    def post(self, body: dict[str, Any], transcript_id: UUID) -> Any:
        """Translate a transcript

        Makes a new transcript of the same asset by the configured translation server: cues keep their times, words get
        estimated ones. Without a server the job fails with ``translation.off``.
        """
        job = hearing.order_translation(db.session(), current_user(), get_transcript(transcript_id), body["to"])
        return ring(job)
