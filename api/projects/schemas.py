"""What projects and shorts look like from outside."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from api.assets.schemas import StrictSchema
from api.fields import Flag
from api.pagination import OwnedPageQuery, PageResponse
from api.projects.models import NAME_LENGTH, TITLE_LENGTH

NAME = validate.Length(max=NAME_LENGTH)
MOMENT = validate.Range(0, 86_400)


class ProjectRequest(StrictSchema):
    """A project to be."""

    asset_id = fields.UUID(required=True, metadata={"description": "An uploaded video"})
    name = fields.String(
        load_default="", validate=NAME, metadata={"description": "The file's name when empty", "example": "Episode 12"}
    )


class ProjectEditRequest(StrictSchema):
    """A new name."""

    name = fields.String(required=True, validate=validate.Length(min=1, max=NAME_LENGTH))


class ProjectQuery(OwnedPageQuery):
    """Which page of the list of projects."""


class ProjectJobRequest(StrictSchema):
    """A job on a project's video."""

    type = fields.String(
        required=True,
        validate=validate.OneOf(["analysis"]),
        metadata={"description": "analysis: find highlights, in what was transcribed"},
    )
    count = fields.Integer(load_default=5, validate=validate.Range(1, 100))
    shortest_s = fields.Float(load_default=15.0, validate=validate.Range(1, 600))
    longest_s = fields.Float(load_default=90.0, validate=validate.Range(1, 600))
    keywords = fields.List(
        fields.String(validate=validate.Length(1, 60)), load_default=list, validate=validate.Length(max=20)
    )


class ProjectLinksResponse(Schema):
    """Where to go on."""

    self = fields.String(metadata={"example": "/api/v1/projects/0190…"})
    shorts = fields.String()
    job = fields.String(allow_none=True, metadata={"description": "Of the newest analysis"})


class ProjectResponse(Schema):
    """One project."""

    id = fields.UUID()
    organisation_id = fields.UUID(allow_none=True, metadata={"description": "null: it is its owner's alone"})
    asset_id = fields.UUID()
    job_id = fields.UUID(allow_none=True)
    name = fields.String()
    shorts_count = fields.Integer(data_key="shortsCount")
    has_transcription = fields.Boolean(data_key="hasTranscription")
    is_busy = fields.Boolean(data_key="isBusy", metadata={"description": "A job is at work on the video"})
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()
    links = fields.Nested(ProjectLinksResponse)


class ProjectPageResponse(PageResponse):
    """A page of projects."""

    items = fields.List(fields.Nested(ProjectResponse))


class EvidenceResponse(Schema):
    """Why a stretch was chosen; numbers are 0..1."""

    hook = fields.Float()
    payoff = fields.Float()
    energy = fields.Float()
    novelty = fields.Float()
    boundary = fields.Float()
    cuts = fields.Float()
    reasons = fields.List(fields.String())
    scorer = fields.String()


class ShortResponse(Schema):
    """One stretch of a project's video."""

    id = fields.UUID()
    start_s = fields.Float()
    end_s = fields.Float()
    score = fields.Float(allow_none=True)
    title = fields.String()
    state = fields.String(validate=validate.OneOf(["found", "cutting", "cut", "failed"]))
    evidence = fields.Nested(EvidenceResponse, allow_none=True)


class ShortsResponse(Schema):
    """All shorts of a project, in order of time."""

    items = fields.List(fields.Nested(ShortResponse))


class ShortEditRequest(StrictSchema):
    """What is to be otherwise."""

    start_s = fields.Float(validate=MOMENT)
    end_s = fields.Float(validate=MOMENT)
    title = fields.String(validate=validate.Length(max=TITLE_LENGTH))
    snap = Flag(load_default=True, metadata={"description": "Move ends that cut a word into the nearest pause"})
