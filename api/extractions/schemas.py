"""What extractions look like from outside."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from api.assets.schemas import StrictSchema
from api.extractions.models import ExtractionState
from api.jobs.schemas import JobErrorResponse
from api.pagination import OwnedPageQuery, PageResponse
from api.samples.models import MOST_TAGS, TAG_LENGTH, URL_LENGTH
from api.sounds.models import TITLE_LENGTH
from tasks.fetching.links import SERVICES

STATES = [member.value for member in ExtractionState]


class ExtractionRequest(StrictSchema):
    """A sound to be."""

    url = fields.String(
        required=True,
        validate=validate.Length(1, URL_LENGTH),
        metadata={"description": f"A link to {', '.join(SERVICES)}", "example": "https://youtu.be/dQw4w9WgXcQ"},
    )
    title = fields.String(
        load_default="",
        validate=validate.Length(max=TITLE_LENGTH),
        metadata={"description": "What the service calls it when empty"},
    )
    tags = fields.List(
        fields.String(validate=validate.Length(1, TAG_LENGTH)),
        load_default=list,
        validate=validate.Length(max=MOST_TAGS),
    )
    organisation_id = fields.UUID(load_default=None, metadata={"description": "Whose it shall be; yours if absent"})


class ExtractionQuery(OwnedPageQuery):
    """Which extractions."""

    status = fields.String(load_default=None, validate=validate.OneOf(STATES))
    service = fields.String(load_default=None, validate=validate.OneOf(SERVICES))


class ExtractionLinksResponse(Schema):
    """Where to go on."""

    self = fields.String()
    sound = fields.String(allow_none=True)
    job = fields.String(allow_none=True)
    events = fields.String(allow_none=True)


class ExtractionResponse(Schema):
    """One extraction."""

    id = fields.UUID()
    organisation_id = fields.UUID(allow_none=True)
    job_id = fields.UUID(allow_none=True)
    sound_id = fields.UUID(allow_none=True, metadata={"description": "What came of it, once it is ready"})
    status = fields.String(validate=validate.OneOf(STATES))
    error = fields.Nested(JobErrorResponse, allow_none=True)
    url = fields.String()
    service = fields.String()
    media_ref = fields.String(metadata={"description": "The service's id of it; empty until it was asked"})
    title = fields.String()
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()
    links = fields.Nested(ExtractionLinksResponse)


class ExtractionPageResponse(PageResponse):
    """A page of extractions, newest first."""

    items = fields.List(fields.Nested(ExtractionResponse))


class ServiceCountResponse(Schema):
    """Extractions of a service."""

    service = fields.String()
    waiting = fields.Integer()
    ready = fields.Integer()
    failed = fields.Integer()


class FailureCountResponse(Schema):
    """Extractions that failed for one reason."""

    code = fields.String()
    count = fields.Integer()


class ExtractionStatusResponse(Schema):
    """How extractions are doing, over all users."""

    limit = fields.Integer(metadata={"description": "Steps of extractions that may run at once (REELYARD_LIMITS)"})
    running = fields.Integer(metadata={"description": "Steps of extractions that run now"})
    waiting = fields.Integer(metadata={"description": "Extractions that are neither ready nor failed"})
    services = fields.List(fields.Nested(ServiceCountResponse), metadata={"description": "Of the last day"})
    failures = fields.List(fields.Nested(FailureCountResponse), metadata={"description": "Of the last day"})
