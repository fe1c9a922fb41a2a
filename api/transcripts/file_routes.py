"""Endpoints of caption files, edit lists as timelines, and cues."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response
from flask.views import MethodView

from api.assets.docs import problems
from api.auth import login_required
from api.extensions import db
from api.ids import get_visible
from api.transcripts import editing, importing, service
from api.transcripts.edit_routes import expected_version
from api.transcripts.edit_schemas import CuesResponse, CutsRequest, FileRequest, ImportResponse, PagingQuery
from api.transcripts.models import TranscriptRecord
from api.transcripts.routes import EDIT_PROBLEMS, ETAG, FILE_PROBLEMS, IF_MATCH, answer, blueprint, get_transcript

OTIO = "application/vnd.pixar.opentimelineio+json"


@blueprint.route("/transcripts/<uuid:transcript_id>/file")
class TranscriptFile(MethodView):
    """A file in place of the present text."""

    decorators = [login_required]

    @blueprint.doc(parameters=[IF_MATCH])
    @blueprint.arguments(FileRequest)
    @blueprint.response(200, ImportResponse, headers=ETAG)
    @problems(blueprint, {**EDIT_PROBLEMS, **FILE_PROBLEMS})
    def post(self, body: dict[str, Any], transcript_id: UUID) -> Any:
        """Put a caption file in place of the current version

        It becomes a new version; the older ones stay.
        """
        record = get_transcript(transcript_id)
        version, notices = importing.replace_by_file(
            db.session(), record, expected=expected_version(), kind=body["format"], content=body["content"]
        )
        db.session.commit()
        told, status, headers = answer(record, version)
        return {**told, "notices": notices}, status, headers


@blueprint.route("/transcripts/<uuid:transcript_id>/timeline")
class TranscriptTimeline(MethodView):
    """An edit list as a timeline."""

    decorators = [login_required]

    @blueprint.arguments(CutsRequest)
    @blueprint.doc(responses={"200": {"description": "A timeline", "content": {OTIO: {}}}})
    @problems(blueprint, {404: "transcript.not_found", 422: "transcript.cut_invalid, transcript.file_invalid"})
    def post(self, body: dict[str, Any], transcript_id: UUID) -> Response:
        """Write cuts as an OpenTimelineIO timeline

        A clip for each stretch that is kept; segments are markers. Nothing is stored.
        """
        record = service.require_alive(db.session(), get_visible(TranscriptRecord, transcript_id))
        disposition = {"Content-Disposition": 'attachment; filename="cuts.otio"'}
        return Response(editing.write_timeline(db.session(), record, body), content_type=OTIO, headers=disposition)


@blueprint.route("/transcripts/<uuid:transcript_id>/cues")
class TranscriptCues(MethodView):
    """A transcript as it would be read on the screen."""

    decorators = [login_required]

    @blueprint.arguments(PagingQuery, location="query")
    @blueprint.response(200, CuesResponse)
    @problems(blueprint, {404: "transcript.not_found"})
    def get(self, query: dict[str, Any], transcript_id: UUID) -> Any:
        """Page the current version into cues

        Also tells which of its own segments are too long, too fast or too short to read, and what mends them.
        """
        return editing.page_transcript(db.session(), get_transcript(transcript_id), query)
