"""Extraction endpoints."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask.views import MethodView
from flask_smorest import Blueprint

import api.extractions.effects  # noqa: F401  registers what the steps of an extraction change
from api.assets.docs import problems
from api.auth import admin_required, current_user, login_required
from api.extensions import db, get_settings
from api.extractions import service
from api.extractions.models import Extraction
from api.extractions.schemas import (
    ExtractionPageResponse,
    ExtractionQuery,
    ExtractionRequest,
    ExtractionResponse,
    ExtractionStatusResponse,
)
from api.idempotency import KEY_PARAMETER, after_commit, idempotent
from api.jobs.service import publish_soon
from api.pagination import filters_of, paginate

blueprint = Blueprint("extractions", __name__, url_prefix="/api/v1", description="Sounds behind links, for the board")

LOCATION = {"Location": {"description": "Path of the extraction", "schema": {"type": "string"}}}
KEY_PROBLEMS = "idempotency.key_reused, idempotency.in_progress"
COLUMNS = (
    "id",
    "organisation_id",
    "job_id",
    "sound_id",
    "url",
    "service",
    "media_ref",
    "title",
    "created_at",
    "updated_at",
)


def describe(extraction: Extraction) -> dict[str, Any]:
    """Return what an extraction looks like from outside."""
    job = f"/api/v1/jobs/{extraction.job_id}" if extraction.job_id else None
    return {
        **{name: getattr(extraction, name) for name in COLUMNS},
        "status": extraction.state,
        "error": extraction.job.error if extraction.job is not None else None,
        "links": {
            "self": f"/api/v1/extractions/{extraction.id}",
            "sound": f"/api/v1/sounds/{extraction.sound_id}" if extraction.sound_id else None,
            "job": job,
            "events": f"{job}/events" if job else None,
        },
    }


@blueprint.route("/extractions")
class ExtractionList(MethodView):
    """All extractions."""

    decorators = [login_required]

    @blueprint.arguments(ExtractionQuery, location="query")
    @blueprint.response(200, ExtractionPageResponse)
    @problems(blueprint, {404: "organisation.not_found"})
    def get(self, query: dict[str, Any]) -> Any:
        """List extractions, newest first"""
        page = paginate(db.session(), service.select_extractions(**filters_of(query)), Extraction, query)
        return {**page, "items": [describe(extraction) for extraction in page["items"]]}

    @idempotent("extractions")
    @blueprint.doc(parameters=[KEY_PARAMETER])
    @blueprint.arguments(ExtractionRequest)
    @blueprint.response(202, ExtractionResponse, headers=LOCATION)
    @problems(
        blueprint,
        {
            402: "credits.insufficient",
            403: "organisation.forbidden",
            404: "organisation.not_found",
            409: f"extraction.duplicate, {KEY_PROBLEMS}",
            422: "url.refused, link.unsupported",
        },
    )
    def post(self, body: dict[str, Any]) -> Any:
        """Make a sound of what a link leads to

        Answers at once; at most a few are worked on at a time. The sound is brought to the loudness of all sounds and
        has the type EXT. Credits are charged once it is there.
        """
        extraction = service.create_extraction(db.session(), current_user(), body, settings=get_settings())
        job_id = extraction.job_id
        assert job_id is not None
        after_commit(lambda: publish_soon(job_id))
        told = describe(extraction)
        return told, 202, {"Location": told["links"]["self"]}


@blueprint.route("/extractions/<uuid:extraction_id>")
class ExtractionItem(MethodView):
    """One extraction."""

    decorators = [login_required]

    @blueprint.response(200, ExtractionResponse)
    @problems(blueprint, {404: "extraction.not_found"})
    def get(self, extraction_id: UUID) -> Any:
        """Look at an extraction"""
        return describe(service.get_extraction(extraction_id))

    @blueprint.response(204)
    @problems(blueprint, {404: "extraction.not_found", 409: "extraction.running"})
    def delete(self, extraction_id: UUID) -> None:
        """Forget an extraction

        Its sound stays.
        """
        service.delete_extraction(db.session(), service.get_extraction(extraction_id))
        db.session.commit()


@blueprint.route("/admin/extractions/status")
class ExtractionStatus(MethodView):
    """How extractions are doing."""

    decorators = [admin_required]

    @blueprint.response(200, ExtractionStatusResponse)
    @problems(blueprint, {403: "auth.forbidden"})
    def get(self) -> Any:
        """See how many extractions wait, run and failed, and of what"""
        return service.read_status(db.session())
