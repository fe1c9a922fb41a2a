"""What the scenario tools look like from outside."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from api.assets.schemas import StrictSchema
from api.scenarios.findings import ScenarioFindingResponse


class ScenarioValidateRequest(StrictSchema):
    """A scenario to look at."""

    scenario = fields.Dict(
        keys=fields.String(), required=True, metadata={"description": "Version 1, or MotionText 1.3 or 2.0"}
    )
    strict = fields.Boolean(
        load_default=False, metadata={"description": "Refuse a MotionText document of which anything is lost"}
    )


class ScenarioValidateResponse(Schema):
    """Whether a render of the scenario would be accepted."""

    valid = fields.Boolean()
    findings = fields.List(fields.Nested(ScenarioFindingResponse))
    unmapped = fields.List(
        fields.Nested(ScenarioFindingResponse),
        metadata={"description": "What of a MotionText document is not kept, or only nearly"},
    )


class StageRequest(StrictSchema):
    """A scenario that a page wants to draw itself."""

    scenario = fields.Dict(
        keys=fields.String(), required=True, metadata={"description": "Version 1, or MotionText 1.3 or 2.0"}
    )
    have = fields.List(
        fields.String(validate=validate.Length(1, 64)),
        load_default=list,
        validate=validate.Length(max=200),
        metadata={"description": "Keys of fonts that the page holds; they are left out of the answer"},
    )


class StageFontResponse(Schema):
    """A font with the characters that the scenario needs, or where to fetch it whole."""

    key = fields.String()
    family = fields.String(metadata={"example": "Montserrat"})
    weight = fields.String(metadata={"example": "100 900"})
    style = fields.String(metadata={"example": "normal"})
    data = fields.String(allow_none=True, metadata={"description": "The file, base64"})
    url = fields.String(allow_none=True, metadata={"description": "Presigned, for fonts that somebody uploaded"})


class StageResponse(Schema):
    """What the stage module takes."""

    stage = fields.Dict(keys=fields.String(), metadata={"description": "The scenario, resolved"})
    fonts = fields.List(fields.Nested(StageFontResponse))
    images = fields.Dict(
        keys=fields.String(), values=fields.String(), metadata={"description": "Name to presigned URL of the picture"}
    )


class PresetsResponse(Schema):
    """Every preset, as data."""

    items = fields.List(fields.Dict(keys=fields.String()))


class MotionsResponse(Schema):
    """Every named motion, as data."""

    items = fields.List(fields.Dict(keys=fields.String()))


class FontsResponse(Schema):
    """Every font a scenario may name."""

    items = fields.List(fields.Dict(keys=fields.String()))


class SafeAreaResponse(Schema):
    """What a platform covers; margins are fractions of the picture's width or height."""

    name = fields.String(metadata={"example": "tiktok"})
    title = fields.String()
    aspect = fields.List(fields.Integer(), metadata={"example": [9, 16]})
    top = fields.Float()
    right = fields.Float()
    bottom = fields.Float()
    left = fields.Float()
    as_of = fields.Date(metadata={"description": "When the sources said so: platforms move their buttons"})
    sources = fields.List(fields.String())
    note = fields.String()


class SafeAreasResponse(Schema):
    """Every safe area, as data."""

    items = fields.List(fields.Nested(SafeAreaResponse))
