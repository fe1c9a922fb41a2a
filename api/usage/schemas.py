"""What usage looks like from outside."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from api.assets.schemas import StrictSchema


class QuotaResponse(Schema):
    """One limit and how much of it is used."""

    used = fields.Integer(metadata={"example": 3})
    cap = fields.Integer(metadata={"example": 50})
    remaining = fields.Integer(metadata={"example": 47})
    resets_at = fields.AwareDateTime(allow_none=True)


class UsageResponse(Schema):
    """What is left now."""

    plan = fields.String(metadata={"example": "free"})
    quotas = fields.Dict(
        keys=fields.String(),
        values=fields.Nested(QuotaResponse),
        metadata={"description": "daily_renders, monthly_renders, concurrent_renders, storage_bytes"},
    )


class UsageHistoryQuery(StrictSchema):
    """How to add up."""

    by = fields.String(load_default="day", validate=validate.OneOf(["day", "month"]))
    days = fields.Integer(
        load_default=30, validate=validate.Range(1, 400), metadata={"description": "How many days back to begin"}
    )


class UsagePeriodResponse(Schema):
    """What was used in one day or month (UTC)."""

    start = fields.Date(metadata={"description": "First day of the period"})
    renders_ordered = fields.Integer()
    renders_succeeded = fields.Integer()
    renders_failed = fields.Integer()
    rendered_s = fields.Float(metadata={"description": "Seconds of finished video"})
    uploads = fields.Integer()
    uploaded_bytes = fields.Integer()
    transcripts = fields.Integer()
    transcribed_s = fields.Float(metadata={"description": "Seconds of audio heard"})
    gpu_s = fields.Float(metadata={"description": "Seconds that steps held a GPU"})


class UsageHistoryResponse(Schema):
    """Periods in which something happened, oldest first."""

    by = fields.String()
    items = fields.List(fields.Nested(UsagePeriodResponse))
