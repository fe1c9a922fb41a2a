"""What transcripts look like from outside."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from api.assets.schemas import StrictSchema
from api.pagination import OwnedPageQuery, PageResponse
from api.transcripts.exports import FORMATS

TIME_S = validate.Range(min=0)
NAME = validate.Length(1, 64)
SIDE = validate.Range(0, 8192)


class WordRequest(StrictSchema):
    """One word."""

    id = fields.String(validate=NAME, metadata={"description": "Kept when given; a free one is taken otherwise"})
    text = fields.String(required=True, validate=validate.Length(1, 200), metadata={"example": "times"})
    start = fields.Float(required=True, validate=TIME_S, metadata={"description": "Seconds", "example": 1.24})
    end = fields.Float(required=True, validate=TIME_S, metadata={"example": 1.52})
    score = fields.Float(load_default=1.0, validate=validate.Range(0, 1), metadata={"description": "Confidence"})
    speaker = fields.String(load_default=None, allow_none=True, validate=NAME)
    estimated = fields.Boolean(load_default=False, metadata={"description": "Times were spread by length, not heard"})


SETTINGS = r"^[^\x00-\x20:\x7f-\xa0]+:[^\x00-\x20\x7f-\xa0]+( [^\x00-\x20:\x7f-\xa0]+:[^\x00-\x20\x7f-\xa0]+)*$"
"""Cue settings; the characters are spelled out, since languages differ in what they call white space."""


class SegmentRequest(StrictSchema):
    """Words spoken together, or text with a start and an end where word times are not known."""

    id = fields.String(validate=NAME)
    text = fields.String(validate=validate.Length(max=10000), metadata={"description": "Made from the words if stale"})
    start = fields.Float(validate=TIME_S, metadata={"description": "Taken from the words where there are any"})
    end = fields.Float(validate=TIME_S)
    words = fields.List(fields.Nested(WordRequest), load_default=list, validate=validate.Length(max=5000))
    speaker = fields.String(load_default=None, allow_none=True, validate=NAME)
    placement = fields.String(
        load_default=None,
        allow_none=True,
        validate=[validate.Length(1, 200), validate.Regexp(SETTINGS)],
        metadata={"description": "WebVTT cue settings", "example": "line:10% align:start"},
    )


class DocumentRequest(StrictSchema):
    """A whole transcript. What the engine said about itself may be sent back but is never changed."""

    version = fields.Integer(validate=validate.Equal(1))
    language = fields.String(validate=validate.Regexp(r"^[a-z]{2,3}$"), metadata={"example": "en"})
    segments = fields.List(fields.Nested(SegmentRequest), required=True, validate=validate.Length(max=20000))
    language_probability = fields.Raw(metadata={"readOnly": True})
    duration_s = fields.Raw(metadata={"readOnly": True})
    engine = fields.Raw(metadata={"readOnly": True})
    engine_version = fields.Raw(metadata={"readOnly": True})
    model = fields.Raw(metadata={"readOnly": True})
    model_sha256 = fields.Raw(metadata={"readOnly": True})
    alignment_method = fields.Raw(metadata={"readOnly": True})
    diarization = fields.Raw(allow_none=True, metadata={"readOnly": True})


class TranscriptRequest(StrictSchema):
    """An edit: the whole document as it shall be."""

    document = fields.Nested(DocumentRequest, required=True)
    note = fields.String(load_default="", validate=validate.Length(max=500), metadata={"example": "Fixed names"})


class TranscriptRevertRequest(StrictSchema):
    """Which version to bring back."""

    version = fields.Integer(required=True, strict=True, validate=validate.Range(min=1))


class WordResponse(Schema):
    """One word."""

    id = fields.String(metadata={"example": "w1"})
    text = fields.String()
    start = fields.Float()
    end = fields.Float()
    score = fields.Float()
    speaker = fields.String(allow_none=True)
    estimated = fields.Boolean(metadata={"description": "Times were spread by length, not heard"})


class SegmentResponse(Schema):
    """Words spoken together."""

    id = fields.String(metadata={"example": "s1"})
    text = fields.String()
    start = fields.Float()
    end = fields.Float()
    words = fields.List(fields.Nested(WordResponse))
    speaker = fields.String(allow_none=True)
    placement = fields.String(allow_none=True, metadata={"description": "WebVTT cue settings"})


class DiarizationResponse(Schema):
    """How speakers were told apart."""

    method = fields.String(metadata={"example": "resemblyzer"})
    speakers = fields.Integer()
    is_certain = fields.Boolean(metadata={"description": "The number was given, or left no doubt"})


class DocumentResponse(Schema):
    """A whole transcript with how it came to be."""

    version = fields.Integer(metadata={"description": "Version of this format", "example": 1})
    language = fields.String(metadata={"example": "en"})
    language_probability = fields.Float()
    duration_s = fields.Float()
    engine = fields.String(metadata={"example": "faster"})
    engine_version = fields.String()
    model = fields.String(metadata={"example": "tiny.en"})
    model_sha256 = fields.String()
    alignment_method = fields.String(metadata={"example": "dtw"})
    diarization = fields.Nested(
        DiarizationResponse, allow_none=True, metadata={"description": "null: nobody asked who speaks"}
    )
    segments = fields.List(fields.Nested(SegmentResponse))


class TranscriptSummaryResponse(Schema):
    """A transcript without its text."""

    id = fields.UUID()
    organisation_id = fields.UUID(allow_none=True, metadata={"description": "null: it is its owner's alone"})
    asset_id = fields.UUID()
    job_id = fields.UUID(allow_none=True)
    version = fields.Integer(
        attribute="current_version", metadata={"description": "Also the ETag; raised by each edit"}
    )
    language = fields.String()
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()


class TranscriptResponse(TranscriptSummaryResponse):
    """A transcript as it is now."""

    document = fields.Nested(DocumentResponse)


class TranscriptPageResponse(PageResponse):
    """A page of transcripts, newest first."""

    items = fields.List(fields.Nested(TranscriptSummaryResponse))


class TranscriptQuery(OwnedPageQuery):
    """Filters of the list of transcripts."""

    asset_id = fields.UUID()


class VersionSummaryResponse(Schema):
    """One version without its text."""

    version = fields.Integer()
    author = fields.String(metadata={"description": "engine or user"})
    note = fields.String()
    created_at = fields.AwareDateTime()


class VersionResponse(VersionSummaryResponse):
    """One version."""

    document = fields.Nested(DocumentResponse)


class VersionsResponse(Schema):
    """All versions, newest first."""

    items = fields.List(fields.Nested(VersionSummaryResponse))


class ExportQuery(StrictSchema):
    """Which form to export."""

    format = fields.String(load_default="srt", validate=validate.OneOf(sorted(FORMATS)))


class ScenarioQuery(StrictSchema):
    """How to caption the transcript."""

    preset = fields.String(load_default="pop", validate=validate.Length(1, 64), metadata={"example": "pop"})
    max_words = fields.Integer(load_default=4, validate=validate.Range(1, 20), metadata={"description": "Per caption"})
    width = fields.Integer(
        load_default=0, validate=SIDE, metadata={"description": "Pixels; 0 takes the asset's own, as shown"}
    )
    height = fields.Integer(load_default=0, validate=SIDE)
