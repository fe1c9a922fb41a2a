"""What renders look like from outside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from api.assets.schemas import StrictSchema
from api.jobs.schemas import JobErrorResponse, ProgressResponse
from api.jobs.states import JobState
from api.pagination import OwnedPageQuery, PageResponse
from api.scenarios.findings import QualityFindingResponse, ScenarioFindingResponse
from tasks.contracts.outputs import (
    ASPECTS,
    CODECS,
    ENCODER_NAMES,
    ENCODERS,
    FITS,
    MAX_BIT_RATE,
    MAX_OUTPUTS,
    MAX_SIDE,
    PRESETS,
    QUALITIES,
)
from tasks.names import PRIORITY_NAMES

STATES = [state.value for state in JobState]


def even(value: int) -> None:
    """Refuse odd numbers: video stores colour at half size."""
    if value % 2:
        raise ValidationError("Must be even.")


def uuid_text(value: str) -> None:
    """Refuse what is not a UUID as it is usually written; orders carry ids as text."""
    try:
        is_usual = str(UUID(value)) == value
    except ValueError:
        is_usual = False
    if not is_usual:
        raise ValidationError("Not a valid UUID.")


SIDE: list[Callable[[Any], Any]] = [validate.Range(0, MAX_SIDE), even]


class MusicMixFields(StrictSchema):
    """Music under the source's own sound."""

    asset_id = fields.String(
        required=True, validate=uuid_text, metadata={"format": "uuid", "description": "An asset that holds sound"}
    )
    gain_db = fields.Float(load_default=-12.0, validate=validate.Range(-60, 12))
    duck_db = fields.Float(
        load_default=12.0,
        validate=validate.Range(0, 30),
        metadata={"description": "How far the music gives way while someone speaks; 0 never"},
    )
    loop = fields.Boolean(load_default=True)


class SoundFields(StrictSchema):
    """What happens to the sound; left out, the source's own packets are kept."""

    mute = fields.Boolean(load_default=False)
    loudness_lufs = fields.Float(
        load_default=None, allow_none=True, validate=validate.Range(-40, -8), metadata={"description": "EBU R 128"}
    )
    true_peak_dbtp = fields.Float(load_default=-1.0, validate=validate.Range(-9, 0))
    fade_in_s = fields.Float(load_default=0.0, validate=validate.Range(0, 60))
    fade_out_s = fields.Float(load_default=0.0, validate=validate.Range(0, 60))
    music = fields.Nested(MusicMixFields, load_default=None, allow_none=True)


class RenderOutputRequest(StrictSchema):
    """How the result is encoded; everything has a default."""

    container = fields.String(load_default="mp4", validate=validate.OneOf(list(CODECS)))
    codec = fields.String(
        load_default="auto",
        validate=validate.OneOf(["auto", *ENCODERS]),
        metadata={"description": "auto is the container's own"},
    )
    encoder = fields.String(
        load_default="auto",
        validate=validate.OneOf(ENCODER_NAMES),
        metadata={"description": "auto takes a GPU encoder where one works; naming one makes it strict"},
    )
    width = fields.Integer(load_default=0, strict=True, validate=SIDE, metadata={"description": "0 keeps the source's"})
    height = fields.Integer(load_default=0, strict=True, validate=SIDE)
    aspect = fields.String(
        load_default="", validate=validate.OneOf(["", *ASPECTS]), metadata={"description": "Empty keeps the source's"}
    )
    fit = fields.String(load_default="crop", validate=validate.OneOf(FITS))
    background = fields.String(load_default="#000000", validate=validate.Regexp("^#[0-9A-Fa-f]{6}$"))
    fps = fields.String(
        load_default="",
        metadata={
            "description": "25, 30000/1001, for png down to 1/60; empty keeps the source's times",
            "example": "25",
        },
    )
    crf = fields.Integer(
        load_default=None,
        allow_none=True,
        strict=True,
        validate=validate.Range(0, 63),
        metadata={"description": "Lower is better; at most one of crf, bit_rate and quality"},
    )
    bit_rate = fields.Integer(
        load_default=0, strict=True, validate=validate.Range(0, MAX_BIT_RATE), metadata={"description": "Bits a second"}
    )
    quality = fields.String(load_default="", validate=validate.OneOf(["", *QUALITIES]))
    preset = fields.String(load_default="medium", validate=validate.OneOf(PRESETS))
    bit_depth = fields.Integer(load_default=0, strict=True, validate=validate.OneOf([0, 8, 10]))
    dynamic_range = fields.String(
        load_default="sdr",
        validate=validate.OneOf(["sdr", "keep"]),
        metadata={"description": "sdr tone-maps HDR sources, keep passes them through"},
    )
    layer = fields.String(load_default="video", validate=validate.OneOf(["video", "captions"]))
    alpha = fields.Boolean(
        load_default=None, allow_none=True, metadata={"description": "null is yes for captions alone"}
    )
    sound = fields.Nested(SoundFields, load_default=lambda: SoundFields().load({}))


class OutputFields(StrictSchema):
    """What is to be written: one output, or several of one decoding."""

    output = fields.Nested(
        RenderOutputRequest, metadata={"description": "The only output; left out, it has all its defaults"}
    )
    outputs = fields.List(
        fields.Nested(RenderOutputRequest),
        validate=validate.Length(1, MAX_OUTPUTS),
        metadata={"description": "Several at once, in place of output: decoded once, drawn once for each look"},
    )

    @validates_schema
    def check_one_of_them(self, data: dict[str, Any], **_: Any) -> None:
        """Refuse an order that says it both ways."""
        if "output" in data and "outputs" in data:
            raise ValidationError("Give output or outputs, not both.", "outputs")

    @post_load
    def list_them(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Say it one way: a list."""
        one = data.pop("output", None) or RenderOutputRequest().load({})
        data.setdefault("outputs", [one])
        return data


class RenderRequest(OutputFields):
    """An order."""

    source_asset_id = fields.UUID(required=True)
    scenario = fields.Dict(
        keys=fields.String(),
        required=True,
        metadata={
            "description": "See GET /scenario/schema; MotionText documents (1.3, 2.0) are taken as they are",
            "externalDocs": {"url": "/api/v1/scenario/schema"},
        },
    )
    strict = fields.Boolean(
        load_default=False, metadata={"description": "Refuse a MotionText document of which anything is lost"}
    )
    priority = fields.String(load_default="normal", validate=validate.OneOf(list(PRIORITY_NAMES)))
    mode = fields.String(
        load_default="warn",
        validate=validate.OneOf(["off", "warn", "block"]),
        metadata={
            "description": "warn: tell of captions too fast, too short, overlapping. block: refuse these, and look "
            "deeply, as POST /renders/validate does, before anything is drawn: with any finding the render fails with "
            "render.has_findings, and nothing is charged"
        },
    )
    force = fields.Boolean(load_default=False, metadata={"description": "Render anew what is rendered already"})


class RenderOutputResponse(Schema):
    """How the result is encoded."""

    container = fields.String()
    codec = fields.String()
    encoder = fields.String()
    width = fields.Integer()
    height = fields.Integer()
    aspect = fields.String()
    fit = fields.String()
    background = fields.String()
    fps = fields.String()
    crf = fields.Integer(allow_none=True)
    bit_rate = fields.Integer()
    preset = fields.String()
    bit_depth = fields.Integer()
    dynamic_range = fields.String()
    layer = fields.String()
    alpha = fields.Boolean(allow_none=True)
    sound = fields.Nested(SoundFields)


class RenderLinksResponse(Schema):
    """Where to go on."""

    self = fields.String(metadata={"example": "/api/v1/renders/0190…"})
    job = fields.String()
    events = fields.String(metadata={"description": "Server-Sent Events of the job"})
    download = fields.String()
    poster = fields.String()


class OutputLinksResponse(Schema):
    """Where to fetch one output."""

    download = fields.String(metadata={"example": "/api/v1/renders/0190…/outputs/0/download"})
    poster = fields.String()


class OutputOfRenderResponse(Schema):
    """One of a render's outputs."""

    number = fields.Integer(metadata={"description": "Its place in the order, from 0"})
    state = fields.String(validate=validate.OneOf(STATES))
    output = fields.Nested(RenderOutputResponse)
    asset_id = fields.UUID(allow_none=True, metadata={"description": "The result, once succeeded"})
    receipt = fields.Dict(
        keys=fields.String(), allow_none=True, metadata={"description": "What was really used and checked"}
    )
    links = fields.Nested(OutputLinksResponse)


class RenderSummaryResponse(Schema):
    """One render without its scenario."""

    id = fields.UUID()
    organisation_id = fields.UUID(allow_none=True, metadata={"description": "null: it is its owner's alone"})
    job_id = fields.UUID()
    source_asset_id = fields.UUID()
    asset_id = fields.UUID(allow_none=True, metadata={"description": "The first output's result, once succeeded"})
    state = fields.String(validate=validate.OneOf(STATES))
    progress = fields.Nested(ProgressResponse, allow_none=True)
    error = fields.Nested(JobErrorResponse, allow_none=True)
    created_at = fields.AwareDateTime()
    finished_at = fields.AwareDateTime(allow_none=True)
    links = fields.Nested(RenderLinksResponse)


class PredictionResponse(Schema):
    """How long the work takes once a worker has it."""

    p50_s = fields.Float(metadata={"description": "Seconds; half of all renders are done sooner"})
    p90_s = fields.Float(metadata={"description": "Seconds; nine in ten are done sooner"})
    basis = fields.String(
        validate=validate.OneOf(["history", "default"]),
        metadata={"description": "history: from n renders of this service; default: a guess, there are too few"},
    )
    n = fields.Integer()
    actual_s = fields.Float(
        allow_none=True,
        dump_default=None,
        metadata={"description": "What it took; null before it has succeeded, and in estimates"},
    )


class FirstLookResponse(Schema):
    """What there is to see of a render that runs."""

    poster_url = fields.String(metadata={"description": "A PNG"})
    animatic_url = fields.String(metadata={"description": "A silent mp4 of at most 360 lines, every Nth frame"})


class RenderResponse(RenderSummaryResponse):
    """One render."""

    output = fields.Nested(RenderOutputResponse, metadata={"description": "The first output"})
    outputs = fields.List(fields.Nested(OutputOfRenderResponse))
    scenario = fields.Dict(keys=fields.String())
    scenario_hash = fields.String(metadata={"description": "Equal for equal source, scenario and outputs"})
    first_look = fields.Nested(
        FirstLookResponse, allow_none=True, metadata={"description": "While it runs, once there is something to see"}
    )
    predicted = fields.Nested(
        PredictionResponse, allow_none=True, metadata={"description": "What was estimated as it was ordered"}
    )
    cached = fields.Boolean(metadata={"description": "The result is that of an earlier render of the same order"})
    findings = fields.List(
        fields.Nested(QualityFindingResponse),
        allow_none=True,
        metadata={"description": "What the quick checks at ordering warned of; as in POST /renders/validate"},
    )
    unmapped = fields.List(
        fields.Nested(ScenarioFindingResponse),
        allow_none=True,
        metadata={"description": "What of a MotionText document is not kept, or nearly; null for scenarios"},
    )
    twin_id = fields.UUID(
        allow_none=True, metadata={"description": "As it was ordered, this render of the same order was unfinished"}
    )
    receipt = fields.Dict(
        keys=fields.String(), allow_none=True, metadata={"description": "What was really used for the first output"}
    )


class RenderPageResponse(PageResponse):
    """A page of renders, newest first."""

    items = fields.List(fields.Nested(RenderSummaryResponse))


class RenderQuery(OwnedPageQuery):
    """Filters of the list of renders."""

    state = fields.String(validate=validate.OneOf(STATES))


class EstimateRequest(OutputFields):
    """An order that is only asked about."""

    source_asset_id = fields.UUID(required=True)
    scenario = fields.Dict(keys=fields.String(), required=True, metadata={"description": "See GET /scenario/schema"})


class QueueResponse(Schema):
    """Who is before it."""

    wait_s = fields.Float(metadata={"description": "Seconds until a worker would take it"})
    queued = fields.Integer(metadata={"description": "Renders that wait"})
    running = fields.Integer()
    workers = fields.Integer(metadata={"description": "Render workers heard of within ten minutes"})


class AccuracyResponse(Schema):
    """How good the latest estimates of this service were."""

    n = fields.Integer(metadata={"description": "Finished renders that were looked at"})
    median_error_percent = fields.Float(
        allow_none=True, metadata={"description": "Of p50, either way; null without any"}
    )
    p90_held_percent = fields.Float(allow_none=True, metadata={"description": "How often p90 held; about 90 is right"})


class OutputEstimateResponse(Schema):
    """What one output is."""

    frames = fields.Integer()
    width = fields.Integer()
    height = fields.Integer()


class EstimateResponse(Schema):
    """What a render would take and cost."""

    cached = fields.Boolean(metadata={"description": "The result is there: nothing to wait for or to pay"})
    seconds = fields.Nested(PredictionResponse)
    queue = fields.Nested(QueueResponse)
    credits = fields.Integer(metadata={"description": "The dearest output in full, each other half of its price"})
    frames = fields.Integer(metadata={"description": "Of the first output, like width and height"})
    width = fields.Integer()
    height = fields.Integer()
    outputs = fields.List(fields.Nested(OutputEstimateResponse))
    recent_error = fields.Nested(AccuracyResponse)
