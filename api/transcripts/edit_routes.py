"""Endpoints of edits by operations, of cuts, and of the search."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import request
from flask.views import MethodView

from api.assets.docs import problems
from api.auth import login_required
from api.extensions import db
from api.ids import get_visible
from api.transcripts import editing, lines, service
from api.transcripts.edit_schemas import (
    CutsRequest,
    CutsResponse,
    EditsRequest,
    EditsResponse,
    RebaseRequest,
    SearchQuery,
    SearchResponse,
)
from api.transcripts.models import TranscriptRecord
from api.transcripts.routes import EDIT_PROBLEMS, ETAG, IF_MATCH, answer, blueprint, get_transcript
from api.transcripts.schemas import TranscriptResponse


def expected_version() -> int:
    """Return the version that the request edits."""
    return service.read_expected_version(request.headers.get("If-Match"))


@blueprint.route("/transcripts/<uuid:transcript_id>/edits")
class TranscriptEdits(MethodView):
    """Edits by operations."""

    decorators = [login_required]

    @blueprint.response(200, EditsResponse)
    @problems(blueprint, {404: "transcript.not_found"})
    def get(self, transcript_id: UUID) -> Any:
        """List the edits in force, and those in conflict"""
        return editing.describe_edits(db.session(), get_transcript(transcript_id))

    @blueprint.doc(parameters=[IF_MATCH])
    @blueprint.arguments(EditsRequest)
    @blueprint.response(200, TranscriptResponse, headers=ETAG)
    @problems(
        blueprint, {**EDIT_PROBLEMS, 422: "transcript.operation_invalid: the finding's pointer names the operation"}
    )
    def post(self, body: dict[str, Any], transcript_id: UUID) -> Any:
        """Edit a transcript by operations

        All are done, in order, as one new version; or none.
        """
        record = get_transcript(transcript_id)
        version = editing.edit_by_operations(
            db.session(), record, expected=expected_version(), operations=body["ops"], note=body["note"]
        )
        db.session.commit()
        return answer(record, version)


@blueprint.route("/transcripts/<uuid:transcript_id>/undo")
class TranscriptUndo(MethodView):
    """One step back."""

    decorators = [login_required]

    @blueprint.doc(parameters=[IF_MATCH])
    @blueprint.response(200, TranscriptResponse, headers=ETAG)
    @problems(blueprint, {**EDIT_PROBLEMS, 409: "transcript.nothing_to_undo"})
    def post(self, transcript_id: UUID) -> Any:
        """Undo the last edit"""
        record = get_transcript(transcript_id)
        version = editing.undo_edit(db.session(), record, expected=expected_version())
        db.session.commit()
        return answer(record, version)


@blueprint.route("/transcripts/<uuid:transcript_id>/redo")
class TranscriptRedo(MethodView):
    """One step forward."""

    decorators = [login_required]

    @blueprint.doc(parameters=[IF_MATCH])
    @blueprint.response(200, TranscriptResponse, headers=ETAG)
    @problems(blueprint, {**EDIT_PROBLEMS, 409: "transcript.nothing_to_redo"})
    def post(self, transcript_id: UUID) -> Any:
        """Redo the edit that was undone last"""
        record = get_transcript(transcript_id)
        version = editing.redo_edit(db.session(), record, expected=expected_version())
        db.session.commit()
        return answer(record, version)


@blueprint.route("/transcripts/<uuid:transcript_id>/rebase")
class TranscriptRebase(MethodView):
    """Edits on another pass."""

    decorators = [login_required]

    @blueprint.doc(parameters=[IF_MATCH])
    @blueprint.arguments(RebaseRequest)
    @blueprint.response(200, TranscriptResponse, headers=ETAG)
    @problems(blueprint, {**EDIT_PROBLEMS, 422: "transcript.other_asset"})
    def post(self, body: dict[str, Any], transcript_id: UUID) -> Any:
        """Do the edits again on a newer pass of an engine

        Takes what another transcript of the same asset began with and does this one's edits on it. Edits whose words
        are not there any more stay as conflicts (``GET …/edits``) and are tried again the next time.
        """
        record = get_transcript(transcript_id)
        version = editing.rebase_edits(db.session(), record, expected=expected_version(), onto=body["onto"])
        db.session.commit()
        return answer(record, version)


@blueprint.route("/transcripts/<uuid:transcript_id>/cut")
class TranscriptCut(MethodView):
    """A transcript under an edit list."""

    decorators = [login_required]

    @blueprint.arguments(CutsRequest)
    @blueprint.response(200, CutsResponse)
    @problems(blueprint, {404: "transcript.not_found", 422: "transcript.cut_invalid, transcript.file_invalid"})
    def post(self, body: dict[str, Any], transcript_id: UUID) -> Any:
        """Show the current version with stretches cut away

        Nothing is stored: the edits stay edits of the whole media.
        """
        record = service.require_alive(db.session(), get_visible(TranscriptRecord, transcript_id))
        return editing.cut_transcript(db.session(), record, body)


@blueprint.route("/transcripts/search")
class TranscriptSearch(MethodView):
    """Finding what was said."""

    decorators = [login_required]

    @blueprint.arguments(SearchQuery, location="query")
    @blueprint.response(200, SearchResponse)
    @problems(blueprint, {422: "request.bad_cursor"})
    def get(self, query: dict[str, Any]) -> Any:
        """Search what was said"""
        return lines.search_lines(db.session(), **query)
