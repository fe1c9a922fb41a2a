"""Bodies of the endpoints for named limits."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from api.assets.schemas import StrictSchema


class LimitResponse(Schema):
    """A named limit."""

    name = fields.String(metadata={"example": "provider:replicate"})
    size = fields.Integer(metadata={"description": "Steps that may run at once under the name"})
    own = fields.Boolean(metadata={"description": "Whether an administrator set the size; else the settings give it"})
    running = fields.Integer()
    waiting = fields.Integer(metadata={"description": "Steps put aside until a slot is free"})


class LimitsResponse(Schema):
    """All limits that are set, in use or waited for."""

    items = fields.List(fields.Nested(LimitResponse))


class LimitRequest(StrictSchema):
    """How many steps may run at once under a name."""

    size = fields.Integer(
        required=True,
        strict=True,
        allow_none=True,
        validate=validate.Range(0, 100_000),
        metadata={"description": "null leaves the size to the settings again; 0 lets nothing run"},
    )
