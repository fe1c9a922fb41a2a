"""What clip plans look like from outside."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from api.assets.schemas import StrictSchema
from api.songs.models import NOTE_LENGTH
from tasks.contracts.making import PROVIDERS

RATES = {
    "23.976": (24000, 1001),
    "24": (24, 1),
    "25": (25, 1),
    "29.97": (30000, 1001),
    "30": (30, 1),
    "50": (50, 1),
    "60": (60, 1),
}
"""Frames a second, by the name that people use."""


class ClipPlanRequest(StrictSchema):
    """How a song shall be cut."""

    fps = fields.String(load_default="30", validate=validate.OneOf(sorted(RATES)))
    prompt = fields.String(
        load_default="", validate=validate.Length(max=500), metadata={"description": "What all clips shall show"}
    )
    seed = fields.Integer(load_default=0, validate=validate.Range(0, 2**31 - 1))
    provider = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.OneOf(PROVIDERS),
        metadata={"description": "Who makes the clips; null takes the usual one, offline where there is no token"},
    )
    stills = fields.Boolean(
        load_default=False, metadata={"description": "Make a still of each clip first, and wait for approval"}
    )


class PlannedClipResponse(Schema):
    """One clip."""

    number = fields.Integer()
    section = fields.Integer(metadata={"description": "Index of its section"})
    start_frame = fields.Integer()
    frame_count = fields.Integer()
    start = fields.Float(metadata={"description": "Seconds"})
    duration = fields.Float(metadata={"description": "Seconds"})
    prompt = fields.String()
    seed = fields.Integer()
    beat = fields.Float(allow_none=True, attribute="beat_s", metadata={"description": "The nearest beat, in seconds"})
    from_beat_ms = fields.Float(allow_none=True, metadata={"description": "Positive when the cut is after its beat"})
    is_downbeat = fields.Boolean(metadata={"description": "Whether that beat begins a bar"})


class PlannedSectionResponse(Schema):
    """A section that clips were planned for."""

    id = fields.UUID(allow_none=True, metadata={"description": "None for sections that are only suggested"})
    start = fields.Float(attribute="start_s")
    end = fields.Float(attribute="end_s")
    label = fields.String()
    note = fields.String(metadata={"description": f"At most {NOTE_LENGTH} characters"})
    energy = fields.Float()
    frame_count = fields.Integer(metadata={"description": "The sum of its clips"})


class ClipEstimateResponse(Schema):
    """What making the clips would take."""

    provider = fields.String()
    clip_count = fields.Integer()
    billed_s = fields.Float()
    cost_usd = fields.Float(metadata={"description": "US dollars for the clips"})
    stills_usd = fields.Float()
    total_usd = fields.Float()
    time_s = fields.Float()


class ClipPlanResponse(Schema):
    """Where a song would be cut."""

    fps_num = fields.Integer()
    fps_den = fields.Integer()
    frame_count = fields.Integer()
    duration = fields.Float(attribute="duration_s")
    sections = fields.List(fields.Nested(PlannedSectionResponse))
    clips = fields.List(fields.Nested(PlannedClipResponse))
    estimate = fields.Nested(ClipEstimateResponse)
