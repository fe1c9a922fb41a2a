"""What validations look like from outside."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from api.assets.schemas import StrictSchema
from api.jobs.schemas import JobErrorResponse
from api.jobs.states import JobState
from api.renders.schemas import RenderOutputRequest
from api.scenarios.findings import QualityFindingResponse
from api.stills.schemas import StillLinksResponse, wait_field
from tasks.contracts.check import MOST_SAMPLES


class ValidationRequest(StrictSchema):
    """What to look at."""

    scenario = fields.Dict(keys=fields.String(), required=True, metadata={"description": "See GET /scenario/schema"})
    source_asset_id = fields.UUID(
        load_default=None, allow_none=True, metadata={"description": "Footage; without it contrast is left out"}
    )
    output = fields.Nested(RenderOutputRequest, load_default=lambda: RenderOutputRequest().load({}))
    safe_area = fields.String(
        load_default="",
        validate=validate.Length(max=64),
        metadata={"description": "A profile of GET /scenario/safe-areas; else the scenario's own, else tv"},
    )
    samples = fields.Integer(
        load_default=16,
        strict=True,
        validate=validate.Range(0, MOST_SAMPLES),
        metadata={"description": "Captions at most whose footage is looked at, evenly spread"},
    )
    wait_s = wait_field()


class LookedAtResponse(Schema):
    """What the findings rest on."""

    width = fields.Integer(metadata={"description": "Of the output, in pixels"})
    height = fields.Integer()
    cues = fields.Integer(metadata={"description": "Captions measured"})
    samples = fields.Integer(metadata={"description": "Captions whose footage was looked at"})
    safe_area = fields.String()


class ValidationResponse(Schema):
    """What is wrong with a scenario."""

    id = fields.UUID(dump_default=None, allow_none=True, metadata={"description": "null: no node had to look"})
    job_id = fields.UUID(dump_default=None, allow_none=True)
    state = fields.String(validate=validate.OneOf([state.value for state in JobState]))
    cached = fields.Boolean(metadata={"description": "It was asked for before"})
    valid = fields.Boolean(dump_default=None, allow_none=True, metadata={"description": "null until looked at"})
    findings = fields.List(
        fields.Nested(QualityFindingResponse),
        dump_default=None,
        allow_none=True,
        metadata={"description": "Errors first, then by time"},
    )
    looked_at = fields.Nested(LookedAtResponse, dump_default=None, allow_none=True)
    error = fields.Nested(JobErrorResponse, dump_default=None, allow_none=True)
    links = fields.Nested(StillLinksResponse, dump_default=None, allow_none=True)
