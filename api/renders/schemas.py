"""What renders look like from outside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from api.assets.schemas import StrictSchema
from api.jobs.schemas import JobErrorResponse, ProgressResponse
from api.jobs.states import JobState
from api.pagination import OwnedPageQuery, PageResponse
from tasks.names import PRIORITY_NAMES

ENCODERS = ("auto", "libx264", "h264_nvenc")
PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
STATES = [state.value for state in JobState]


def even(value: int) -> None:
    """Refuse odd numbers: H.264 stores colour at half size."""
    if value % 2:
        raise ValidationError("Must be even.")


SIDE: list[Callable[[Any], Any]] = [validate.Range(0, 8192), even]


class RenderOutputRequest(StrictSchema):
    """How the result is encoded; everything has a default."""

    container = fields.String(load_default="mp4", validate=validate.OneOf(["mp4"]))
    codec = fields.String(load_default="h264", validate=validate.OneOf(["h264"]))
    encoder = fields.String(
        load_default="auto",
        validate=validate.OneOf(ENCODERS),
        metadata={"description": "auto takes a GPU encoder where one works; naming one makes it strict"},
    )
    width = fields.Integer(load_default=0, strict=True, validate=SIDE, metadata={"description": "0 keeps the source's"})
    height = fields.Integer(load_default=0, strict=True, validate=SIDE)
    crf = fields.Integer(
        load_default=18, strict=True, validate=validate.Range(0, 51), metadata={"description": "Lower is better"}
    )
    preset = fields.String(load_default="medium", validate=validate.OneOf(PRESETS))


class RenderRequest(StrictSchema):
    """An order."""

    source_asset_id = fields.UUID(required=True)
    scenario = fields.Dict(
        keys=fields.String(),
        required=True,
        metadata={"description": "See GET /scenario/schema", "externalDocs": {"url": "/api/v1/scenario/schema"}},
    )
    output = fields.Nested(RenderOutputRequest, load_default=lambda: RenderOutputRequest().load({}))
    priority = fields.String(load_default="normal", validate=validate.OneOf(list(PRIORITY_NAMES)))


class RenderOutputResponse(Schema):
    """How the result is encoded."""

    container = fields.String()
    codec = fields.String()
    encoder = fields.String()
    width = fields.Integer()
    height = fields.Integer()
    crf = fields.Integer()
    preset = fields.String()


class RenderLinksResponse(Schema):
    """Where to go on."""

    self = fields.String(metadata={"example": "/api/v1/renders/0190…"})
    job = fields.String()
    events = fields.String(metadata={"description": "Server-Sent Events of the job"})
    download = fields.String()
    poster = fields.String()


class RenderSummaryResponse(Schema):
    """One render without its scenario."""

    id = fields.UUID()
    organisation_id = fields.UUID(allow_none=True, metadata={"description": "null: it is its owner's alone"})
    job_id = fields.UUID()
    source_asset_id = fields.UUID()
    asset_id = fields.UUID(allow_none=True, metadata={"description": "The result, once succeeded"})
    state = fields.String(validate=validate.OneOf(STATES))
    progress = fields.Nested(ProgressResponse, allow_none=True)
    error = fields.Nested(JobErrorResponse, allow_none=True)
    created_at = fields.AwareDateTime()
    finished_at = fields.AwareDateTime(allow_none=True)
    links = fields.Nested(RenderLinksResponse)


class RenderResponse(RenderSummaryResponse):
    """One render."""

    output = fields.Nested(RenderOutputResponse)
    scenario = fields.Dict(keys=fields.String())
    scenario_hash = fields.String(metadata={"description": "Equal for equal source, scenario and output"})
    receipt = fields.Dict(
        keys=fields.String(), allow_none=True, metadata={"description": "What was really used and checked"}
    )


class RenderPageResponse(PageResponse):
    """A page of renders, newest first."""

    items = fields.List(fields.Nested(RenderSummaryResponse))


class RenderQuery(OwnedPageQuery):
    """Filters of the list of renders."""

    state = fields.String(validate=validate.OneOf(STATES))
