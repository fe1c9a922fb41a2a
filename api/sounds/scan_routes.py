"""Endpoints of scans; they add to the blueprint of :mod:`api.sounds.routes`."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask.views import MethodView
from marshmallow import Schema, fields, validate

from api.assets.docs import problems
from api.assets.schemas import StrictSchema
from api.auth import admin_required, current_user
from api.extensions import db, get_settings, get_storage
from api.idempotency import KEY_PARAMETER, after_commit, idempotent
from api.jobs.service import publish_soon
from api.pagination import OwnedPageQuery, PageResponse, filters_of, paginate
from api.sounds import scanning
from api.sounds.models import ScannedFile, ScanState
from api.sounds.routes import KEY_PROBLEMS, blueprint

BELOW = rf"^{scanning.AREA}(?![\s\S]*\.\.)"
STATES = [member.value for member in ScanState]


class ScanRequest(StrictSchema):
    """Where to look."""

    prefix = fields.String(
        load_default=scanning.AREA,
        validate=[validate.Length(1, 300), validate.Regexp(BELOW)],
        metadata={"description": f"Of object keys, below ``{scanning.AREA}``", "example": "imports/horns/"},
    )
    again = fields.Boolean(load_default=False, metadata={"description": "Try bad files once more"})
    organisation_id = fields.UUID(
        load_default=None, allow_none=True, metadata={"description": "Whose the sounds will be; yours if null"}
    )


class ScanResponse(Schema):
    """What a scan found."""

    found = fields.Integer(metadata={"description": "Files with the ending of a sound"})
    ignored = fields.Integer(metadata={"description": "Other files"})
    unchanged = fields.Integer(metadata={"description": "Known from an earlier scan"})
    ordered = fields.Integer(metadata={"description": "New or changed: they become sounds now"})
    more = fields.Boolean(metadata={"description": "There are more new ones: scan again"})


class ScanQuery(OwnedPageQuery):
    """Which files."""

    prefix = fields.String(load_default="", validate=validate.Length(max=300))
    state = fields.String(load_default=None, validate=validate.OneOf(STATES))


class ScanErrorResponse(Schema):
    """Why a file is no sound."""

    code = fields.String()
    message = fields.String(allow_none=True)


class ScannedFileResponse(Schema):
    """One file."""

    id = fields.UUID()
    path = fields.String(metadata={"description": "In the storage", "example": "imports/horns/air horn.wav"})
    size_bytes = fields.Integer()
    state = fields.String(
        validate=validate.OneOf(STATES),
        metadata={"description": "``duplicate``: the same bytes are ``sound_id`` already; ``bad``: see ``error``"},
    )
    error = fields.Nested(ScanErrorResponse, allow_none=True)
    job_id = fields.UUID(allow_none=True)
    sound_id = fields.UUID(allow_none=True)
    title = fields.String(allow_none=True, metadata={"description": "Of the sound"})
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()


class ScanPageResponse(PageResponse):
    """A page of files, newest first."""

    items = fields.List(fields.Nested(ScannedFileResponse))


@blueprint.route("/admin/sounds/scans")
class SoundScans(MethodView):
    """Files that were put into the storage by other means."""

    decorators = [admin_required]

    @blueprint.arguments(ScanQuery, location="query")
    @blueprint.response(200, ScanPageResponse)
    @problems(blueprint, {403: "auth.forbidden", 404: "organisation.not_found"})
    def get(self, query: dict[str, Any]) -> Any:
        """List what scans found, and what became of it"""
        page = paginate(db.session(), scanning.select_files(**filters_of(query)), ScannedFile, query)
        return {**page, "items": list(scanning.describe_files(page["items"]))}

    @idempotent("sounds.scans")
    @blueprint.doc(parameters=[KEY_PARAMETER])
    @blueprint.arguments(ScanRequest)
    @blueprint.response(202, ScanResponse)
    @problems(
        blueprint,
        {403: "auth.forbidden, organisation.forbidden", 404: "organisation.not_found", 409: KEY_PROBLEMS},
    )
    def post(self, body: dict[str, Any]) -> Any:
        """Make sounds of the files below a prefix

        For administrators. Files that an earlier scan saw and that did not change are skipped; folders become tags.
        The files stay where they are.
        """
        told, jobs = scanning.scan(db.session(), current_user(), body, storage=get_storage(), settings=get_settings())
        for job_id in jobs:
            after_commit(partial(publish_soon, job_id))
        return told
