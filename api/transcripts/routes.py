"""Transcript endpoints."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response, jsonify, request
from flask.views import MethodView
from flask_smorest import Blueprint

from api.assets.docs import problems
from api.auth import login_required
from api.extensions import db
from api.files import send_file
from api.ids import get_owned
from api.pagination import filters_of, paginate
from api.transcripts import importing, service
from api.transcripts.edit_schemas import ImportRequest, ImportResponse
from api.transcripts.exports import FORMATS
from api.transcripts.models import TranscriptRecord, TranscriptVersion
from api.transcripts.schemas import (
    ExportQuery,
    ScenarioQuery,
    TranscriptPageResponse,
    TranscriptQuery,
    TranscriptRequest,
    TranscriptResponse,
    TranscriptRevertRequest,
    VersionResponse,
    VersionsResponse,
)

blueprint = Blueprint("transcripts", __name__, url_prefix="/api/v1", description="What was said, with versions")

EDIT_PROBLEMS = {
    404: "transcript.not_found, transcript.version_not_found",
    412: "transcript.version_conflict: somebody else edited it; details tell the current version",
    428: "transcript.version_required: send If-Match",
}
IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "required": True,
    "schema": {"type": "string"},
    "description": "ETag of the version that was edited",
    "example": '"3"',
}
FILE_PROBLEMS = {
    413: "transcript.file_too_large, request.too_large",
    422: "transcript.file_invalid: details tell the line; transcript.invalid",
}
ETAG = {"ETag": {"description": "The version", "schema": {"type": "string"}}}


def get_transcript(transcript_id: UUID) -> TranscriptRecord:
    """Return the caller's transcript unless its asset was deleted."""
    return service.require_alive(db.session(), get_owned(TranscriptRecord, transcript_id))


def answer(record: TranscriptRecord, version: TranscriptVersion) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Return a transcript with its ETag."""
    columns = ("id", "organisation_id", "asset_id", "job_id", "current_version", "language", "created_at", "updated_at")
    body = {name: getattr(record, name) for name in columns}
    return {**body, "document": version.document}, 200, {"ETag": f'"{record.current_version}"'}


@blueprint.route("/transcripts")
class TranscriptList(MethodView):
    """All transcripts."""

    decorators = [login_required]

    @blueprint.arguments(TranscriptQuery, location="query")
    @blueprint.response(200, TranscriptPageResponse)
    @problems(blueprint, {})
    def get(self, query: dict[str, Any]) -> Any:
        """List transcripts, newest first"""
        selected = service.select_transcripts(**filters_of(query))
        return paginate(db.session(), selected, TranscriptRecord, query)

    @blueprint.arguments(ImportRequest)
    @blueprint.response(201, ImportResponse, headers=ETAG)
    @problems(blueprint, {**FILE_PROBLEMS, 404: "asset.not_found", 409: "asset.not_ready"})
    def post(self, body: dict[str, Any]) -> Any:
        """Make a transcript of a caption file

        Its words get the file's times; where a file has none they are spread over the cue and marked as estimated.
        """
        kind = body.pop("format")
        record, version, notices = importing.import_file(db.session(), kind=kind, **body)
        db.session.commit()
        told, _, headers = answer(record, version)
        return {**told, "notices": notices}, 201, headers


@blueprint.route("/transcripts/<uuid:transcript_id>")
class TranscriptItem(MethodView):
    """One transcript."""

    decorators = [login_required]

    @blueprint.response(200, TranscriptResponse, headers=ETAG)
    @problems(blueprint, {404: "transcript.not_found"})
    def get(self, transcript_id: UUID) -> Any:
        """Read a transcript"""
        record = get_transcript(transcript_id)
        return answer(record, service.get_version(db.session(), record, record.current_version))

    @blueprint.doc(parameters=[IF_MATCH])
    @blueprint.arguments(TranscriptRequest)
    @blueprint.response(200, TranscriptResponse, headers=ETAG)
    @problems(blueprint, {**EDIT_PROBLEMS, 422: "transcript.invalid: details.findings have pointer and message"})
    def put(self, body: dict[str, Any], transcript_id: UUID) -> Any:
        """Edit a transcript

        Replaces the whole document and makes a new version. What the engine said about itself is kept.
        """
        record = get_transcript(transcript_id)
        expected = service.read_expected_version(request.headers.get("If-Match"))
        version = service.edit_transcript(db.session(), record, expected=expected, **body)
        db.session.commit()
        return answer(record, version)


@blueprint.route("/transcripts/<uuid:transcript_id>/versions")
class VersionList(MethodView):
    """All versions of one transcript."""

    decorators = [login_required]

    @blueprint.response(200, VersionsResponse)
    @problems(blueprint, {404: "transcript.not_found"})
    def get(self, transcript_id: UUID) -> Any:
        """List the versions of a transcript, newest first"""
        return {"items": service.list_versions(db.session(), get_transcript(transcript_id))}


@blueprint.route("/transcripts/<uuid:transcript_id>/versions/<int:version>")
class VersionItem(MethodView):
    """One version of one transcript."""

    decorators = [login_required]

    @blueprint.response(200, VersionResponse)
    @problems(blueprint, {404: "transcript.not_found, transcript.version_not_found"})
    def get(self, transcript_id: UUID, version: int) -> TranscriptVersion:
        """Read one version of a transcript"""
        return service.get_version(db.session(), get_transcript(transcript_id), version)


@blueprint.route("/transcripts/<uuid:transcript_id>/revert")
class TranscriptReversion(MethodView):
    """Going back."""

    decorators = [login_required]

    @blueprint.doc(parameters=[IF_MATCH])
    @blueprint.arguments(TranscriptRevertRequest)
    @blueprint.response(200, TranscriptResponse, headers=ETAG)
    @problems(blueprint, EDIT_PROBLEMS)
    def post(self, body: dict[str, Any], transcript_id: UUID) -> Any:
        """Bring back an older version

        Its content becomes a new version; nothing is lost.
        """
        record = get_transcript(transcript_id)
        expected = service.read_expected_version(request.headers.get("If-Match"))
        version = service.revert_transcript(db.session(), record, expected=expected, version=body["version"])
        db.session.commit()
        return answer(record, version)


@blueprint.route("/transcripts/<uuid:transcript_id>/scenario")
class TranscriptScenario(MethodView):
    """A transcript as captions."""

    decorators = [login_required]

    @blueprint.arguments(ScenarioQuery, location="query")
    @blueprint.response(200, {"type": "object", "description": "A scenario, ready for POST /renders"})
    @problems(blueprint, {404: "transcript.not_found", 409: "asset.no_video", 422: "scenario.unknown_preset"})
    def get(self, query: dict[str, Any], transcript_id: UUID) -> Response:
        """Build a scenario from the current version"""
        record = get_transcript(transcript_id)
        return jsonify(service.build_scenario(db.session(), record, **query))


@blueprint.route("/transcripts/<uuid:transcript_id>/export")
class TranscriptExport(MethodView):
    """A transcript as a file."""

    decorators = [login_required]

    @blueprint.arguments(ExportQuery, location="query")
    @blueprint.doc(responses={"200": {"description": "A file", "content": {kind: {} for kind, _ in FORMATS.values()}}})
    @problems(blueprint, {404: "transcript.not_found"})
    def get(self, query: dict[str, Any], transcript_id: UUID) -> Response:
        """Export the current version"""
        content_type, write = FORMATS[query["format"]]
        text = write(service.current_document(db.session(), get_transcript(transcript_id)))
        filename = f"transcript.{query['format']}"
        return send_file(text.encode(), filename=filename, content_type=f"{content_type}; charset=utf-8")
