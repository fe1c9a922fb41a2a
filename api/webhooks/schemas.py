"""What webhooks look like from outside."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from api.assets.schemas import StrictSchema
from api.fields import Moment
from api.pagination import PageQuery, PageResponse
from api.webhooks.models import DeliveryState, Disabled
from api.webhooks.names import EVENTS, GROUPS, TEST

URL = [validate.Length(1, 2048), validate.Regexp(r"^[^\x00]+$")]
TEXT = [validate.Length(0, 500), validate.Regexp(r"^[^\x00]*$")]


def wanted_events(**options: object) -> fields.List:
    """Return the field with the events that an endpoint shall get."""
    one = fields.String(validate=validate.OneOf(sorted({*EVENTS, *GROUPS})))
    told = {"description": "Names or groups (job.*); job.progress only by its name", "example": ["job.succeeded"]}
    return fields.List(one, validate=validate.Length(1, 50), metadata=told, **options)  # type: ignore[arg-type]


class WebhookRequest(StrictSchema):
    """A new endpoint."""

    url = fields.String(required=True, validate=URL, metadata={"example": "https://example.com/hooks/reelyard"})
    events = wanted_events()
    description = fields.String(validate=TEXT)
    enabled = fields.Boolean()
    organisation_id = fields.UUID(
        metadata={"description": "Hears what this organisation owns; your own things if absent"}
    )


class WebhookChangeRequest(StrictSchema):
    """What shall be another way; what is absent stays."""

    url = fields.String(validate=URL)
    events = wanted_events()
    description = fields.String(validate=TEXT)
    enabled = fields.Boolean()


class WebhookInfoResponse(Schema):
    """An endpoint, without its secret."""

    id = fields.UUID()
    organisation_id = fields.UUID(allow_none=True)
    url = fields.String()
    events = fields.List(fields.String(), metadata={"description": "Single names"})
    description = fields.String()
    enabled = fields.Boolean()
    disabled_reason = fields.String(
        validate=validate.OneOf(["", *(reason.value for reason in Disabled)]),
        metadata={"description": "gone: it answered 410; failing: nothing was taken for days"},
    )
    failures = fields.Integer(metadata={"description": "Failed tries since the last success"})
    failing_since = fields.AwareDateTime(allow_none=True)
    previous_until = fields.AwareDateTime(
        allow_none=True, metadata={"description": "So long messages are signed with the secret before, too"}
    )
    created_at = fields.AwareDateTime()


class WebhookSecretResponse(WebhookInfoResponse):
    """An endpoint with its secret, shown this once."""

    secret = fields.String(metadata={"example": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="})


class WebhookPageResponse(PageResponse):
    """A page of endpoints."""

    items = fields.List(fields.Nested(WebhookInfoResponse))


class DeliveryQuery(PageQuery):
    """Which part of the log."""

    state = fields.String(load_default=None, validate=validate.OneOf([state.value for state in DeliveryState]))
    type = fields.String(load_default=None, validate=validate.OneOf(sorted({*EVENTS, TEST})))


class WebhookAttemptResponse(Schema):
    """One try."""

    number = fields.Integer()
    at = fields.AwareDateTime()
    status = fields.Integer(allow_none=True, metadata={"description": "What the receiver answered", "example": 503})
    error = fields.String(metadata={"description": "Why there was no answer"})
    took_ms = fields.Integer(metadata={"description": "Milliseconds"})


class DeliveryResponse(Schema):
    """One message and what became of it."""

    id = fields.UUID()
    message_id = fields.String(metadata={"description": "webhook-id: the same at every try, also when sent again"})
    type = fields.String(metadata={"example": "job.succeeded"})
    state = fields.String(validate=validate.OneOf([state.value for state in DeliveryState]))
    attempts = fields.List(fields.Nested(WebhookAttemptResponse), attribute="tried")
    next_try_at = fields.AwareDateTime(allow_none=True)
    body = fields.String(metadata={"description": "The very text that is signed and sent"})
    created_at = fields.AwareDateTime()
    finished_at = fields.AwareDateTime(allow_none=True)


class DeliveryPageResponse(PageResponse):
    """A page of an endpoint's log."""

    items = fields.List(fields.Nested(DeliveryResponse))


class ReplayRequest(StrictSchema):
    """Which messages to send again."""

    since = Moment(required=True, metadata={"description": "All that failed and happened since then"})


class ReplayResponse(Schema):
    """How much is sent again."""

    replayed = fields.Integer()
