"""What stills look like from outside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from api.assets.schemas import StrictSchema
from api.jobs.schemas import JobErrorResponse
from api.jobs.states import JobState
from api.renders.schemas import even
from tasks.contracts.outputs import ASPECTS, FITS, MAX_OUTPUTS
from tasks.contracts.still import MOST_TIMES

SIDE: list[Callable[[Any], Any]] = [validate.Range(0, 4096), even]
MOMENT = validate.Range(0, 86_400)


def wait_field() -> fields.Float:
    """Return the field that says how long a caller would wait."""
    return fields.Float(
        load_default=None,
        allow_none=True,
        validate=validate.Range(0, 60),
        metadata={"description": "Seconds to wait before 202; at most and by default what the server is set to"},
    )


class StillRequest(StrictSchema):
    """A picture, or several on a sheet."""

    scenario = fields.Dict(keys=fields.String(), required=True, metadata={"description": "See GET /scenario/schema"})
    source_asset_id = fields.UUID(
        load_default=None, allow_none=True, metadata={"description": "Footage to draw over; null draws captions alone"}
    )
    t = fields.Float(load_default=None, allow_none=True, validate=MOMENT, metadata={"description": "Seconds"})
    times = fields.List(
        fields.Float(validate=MOMENT),
        load_default=None,
        allow_none=True,
        validate=validate.Length(1, MOST_TIMES),
        metadata={"description": "Instead of t: a contact sheet of these seconds, in this order"},
    )
    width = fields.Integer(load_default=0, strict=True, validate=SIDE, metadata={"description": "0 keeps the source's"})
    height = fields.Integer(load_default=0, strict=True, validate=SIDE)
    aspect = fields.String(load_default="", validate=validate.OneOf(["", *ASPECTS]))
    fit = fields.String(load_default="crop", validate=validate.OneOf(FITS))
    background = fields.String(
        load_default="",
        validate=validate.Regexp("^(#[0-9A-Fa-f]{6})?$"),
        metadata={"description": "Behind captions alone; empty is transparent"},
    )
    columns = fields.Integer(load_default=0, strict=True, validate=validate.Range(0, 16))
    tile_width = fields.Integer(load_default=0, strict=True, validate=validate.Range(0, 1080))
    wait_s = wait_field()

    @validates_schema
    def check_times(self, data: dict[str, Any], **_: Any) -> None:
        """Refuse neither and both of t and times."""
        if (data.get("t") is None) == (data.get("times") is None):
            raise ValidationError("Give either t or times.", "t")


class RenderStillQuery(StrictSchema):
    """Which moment of a render."""

    t = fields.Float(required=True, validate=MOMENT, metadata={"description": "Seconds"})
    width = fields.Integer(load_default=0, validate=SIDE, metadata={"description": "0 is the render's own size"})
    output = fields.Integer(
        load_default=0,
        validate=validate.Range(0, MAX_OUTPUTS - 1),
        metadata={"description": "Which of the render's outputs, counted from 0"},
    )
    redirect = fields.Boolean(load_default=False, metadata={"description": "Answer 302 to the picture instead of JSON"})
    wait_s = wait_field()


class StillLinksResponse(Schema):
    """Where to go on."""

    self = fields.String(metadata={"example": "/api/v1/stills/0190…"})
    job = fields.String()
    events = fields.String(metadata={"description": "Server-Sent Events of the job"})


class StillResponse(Schema):
    """One picture."""

    id = fields.UUID()
    job_id = fields.UUID()
    state = fields.String(validate=validate.OneOf([state.value for state in JobState]))
    cached = fields.Boolean(metadata={"description": "It was asked for before"})
    error = fields.Nested(JobErrorResponse, allow_none=True)
    url = fields.String(dump_default=None, allow_none=True, metadata={"description": "A PNG, once drawn; expires"})
    expires_at = fields.AwareDateTime(dump_default=None, allow_none=True)
    width = fields.Integer(dump_default=None, allow_none=True)
    height = fields.Integer(dump_default=None, allow_none=True)
    size_bytes = fields.Integer(dump_default=None, allow_none=True)
    times = fields.List(
        fields.Float(), dump_default=None, allow_none=True, metadata={"description": "Of the frames really shown"}
    )
    created_at = fields.AwareDateTime()
    links = fields.Nested(StillLinksResponse)
