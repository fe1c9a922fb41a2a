"""What the scenario tools look like from outside."""

from __future__ import annotations

from marshmallow import Schema, fields

from api.assets.schemas import StrictSchema


class ScenarioValidateRequest(StrictSchema):
    """A scenario to look at."""

    scenario = fields.Dict(keys=fields.String(), required=True)


class FindingResponse(Schema):
    """One problem."""

    pointer = fields.String(metadata={"description": "JSON Pointer into the scenario", "example": "/tracks/0/cues/3"})
    message = fields.String()
    suggestion = fields.String(allow_none=True, metadata={"example": "did you mean fontSize?"})
    code = fields.String(metadata={"example": "scenario.unknown_key"})
    cue = fields.String(allow_none=True)
    word = fields.String(allow_none=True)


class ScenarioValidateResponse(Schema):
    """Whether a render of the scenario would be accepted."""

    valid = fields.Boolean()
    findings = fields.List(fields.Dict(keys=fields.String()))


class PresetsResponse(Schema):
    """Every preset, as data."""

    items = fields.List(fields.Dict(keys=fields.String()))


class MotionsResponse(Schema):
    """Every named motion, as data."""

    items = fields.List(fields.Dict(keys=fields.String()))


class FontsResponse(Schema):
    """Every font a scenario may name."""

    items = fields.List(fields.Dict(keys=fields.String()))
