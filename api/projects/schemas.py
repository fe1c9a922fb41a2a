"""What projects and shorts look like from outside."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from api.assets.schemas import StrictSchema
from api.pagination import OwnedPageQuery, PageResponse
from api.projects.models import NAME_LENGTH
from api.publishing.schemas import WordsRequest
from api.transcripts.hear_schemas import HearAgainRequest

NAME = validate.Length(max=NAME_LENGTH)


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


HEARING = ("language", "hotwords", "diarize", "speakers")
WORDS = ("description", "tags", "visibility", "at")
OF_JOBS = {
    "transcription": set(HEARING),
    "analysis": {"count", "shortest_s", "longest_s", "keywords"},
    "cutting": {"shorts"},
    "delivery": {"shorts", "target_id", *WORDS},
}
"""What can be said of each type of job."""


class ProjectJobRequest(WordsRequest, HearAgainRequest):
    """A job on a project's video. Fields of another type of job are refused."""

    type = fields.String(
        required=True,
        validate=validate.OneOf(list(OF_JOBS)),
        metadata={
            "description": "transcription: have the video heard again; analysis: find highlights in what was said; "
            "cutting: make clips of shorts; delivery: send finished shorts to a publish target",
            "example": "analysis",
        },
    )
    count = fields.Integer(load_default=5, validate=validate.Range(1, 100))
    shortest_s = fields.Float(load_default=15.0, validate=validate.Range(1, 600))
    longest_s = fields.Float(load_default=90.0, validate=validate.Range(1, 600))
    keywords = fields.List(
        fields.String(validate=validate.Length(1, 60)), load_default=list, validate=validate.Length(max=20)
    )
    shorts = fields.List(
        fields.UUID(),
        load_default=list,
        validate=validate.Length(max=100),
        metadata={"description": "Which to cut or send; empty: all that are not cut yet, or all that are"},
    )
    target_id = fields.UUID(metadata={"description": "Of a delivery: the publish target"})

    @validates_schema(pass_original=True)
    def check_type(self, data: dict[str, Any], original: Any, **_: Any) -> None:
        """Refuse what the type of job does not know."""
        strange = sorted(set(original) - OF_JOBS.get(data.get("type", ""), set(original)) - {"type"})
        if data.get("type") == "delivery" and "target_id" not in data:
            raise ValidationError("A delivery needs a target.", "target_id")
        if strange:
            raise ValidationError(f"A job of this type takes no such field: {', '.join(strange)}", strange[0])


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


class ProjectOrderedResponse(ProjectResponse):
    """A project with the jobs that were just ordered."""

    job_ids = fields.List(fields.UUID(), metadata={"description": "Jobs of this order; each short is a job"})


class ProjectPageResponse(PageResponse):
    """A page of projects."""

    items = fields.List(fields.Nested(ProjectResponse))
