"""Requests and answers of edits, cuts and searches."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from api.assets.schemas import StrictSchema
from api.pagination import OwnedPageQuery, PageResponse
from api.transcripts.exports import READERS
from api.transcripts.schemas import NAME, TIME_S, DocumentResponse, TranscriptResponse
from tasks.transcripts.formats.cues import MAX_CHARACTERS
from tasks.transcripts.operations import MAX_OPERATIONS, SHAPES

SENT = sorted(set(SHAPES) - {"replace_all"})


class OperationRequest(StrictSchema):
    """One operation; which fields it needs depends on ``op`` (guide *Transcripts*)."""

    op = fields.String(required=True, validate=validate.OneOf(SENT), metadata={"example": "set_text"})
    word = fields.String(validate=NAME)
    words = fields.List(fields.String(validate=NAME), validate=validate.Length(1, 5000))
    segment = fields.String(validate=NAME)
    segments = fields.List(fields.String(validate=NAME), validate=validate.Length(2, 200))
    after = fields.String(validate=NAME)
    before = fields.String(validate=NAME)
    text = fields.String(validate=validate.Length(1, 10000))
    start = fields.Float(validate=TIME_S, metadata={"description": "Seconds"})
    end = fields.Float(validate=TIME_S)
    speaker = fields.String(allow_none=True, validate=NAME)
    speakers = fields.List(fields.String(validate=NAME), validate=validate.Length(1, 100))
    to = fields.String(validate=NAME)


class EditsRequest(StrictSchema):
    """Operations that are all done, in order, or none of them."""

    ops = fields.List(
        fields.Nested(OperationRequest),
        required=True,
        validate=validate.Length(1, MAX_OPERATIONS),
        metadata={"example": [{"op": "set_text", "word": "w000002", "text": "Reelyard"}]},
    )
    note = fields.String(load_default="", validate=validate.Length(max=500))


class RebaseRequest(StrictSchema):
    """On what to do the edits again."""

    onto = fields.UUID(required=True, metadata={"description": "Another transcript of the same asset"})


class CutRequest(StrictSchema):
    """A stretch that is cut away."""

    start = fields.Float(required=True, validate=TIME_S, metadata={"description": "Seconds", "example": 1.5})
    end = fields.Float(required=True, validate=TIME_S, metadata={"example": 2.25})


class CutsRequest(StrictSchema):
    """An edit list: cuts, which may touch and overlap, or an OpenTimelineIO timeline of what is kept."""

    cuts = fields.List(fields.Nested(CutRequest), load_default=list, validate=validate.Length(max=20000))
    timeline = fields.Dict(
        load_default=None, allow_none=True, metadata={"description": "In place of cuts: an .otio document"}
    )


class AnchorResponse(Schema):
    """A word as the engine heard it."""

    id = fields.String()
    text = fields.String()
    start = fields.Float()
    end = fields.Float()


class PatchResponse(Schema):
    """An edit with what finds it again in another pass."""

    op = fields.Dict(metadata={"description": "The operation, in the words it means"})
    anchors = fields.List(fields.Nested(AnchorResponse))
    conflict = fields.String(allow_none=True, metadata={"description": "Why it could not be done on this pass"})


class EditsResponse(Schema):
    """What was done to what an engine heard."""

    version = fields.Integer()
    undo = fields.Integer(allow_none=True, metadata={"description": "The version that undo steps off"})
    redo = fields.Integer(allow_none=True, metadata={"description": "The version that redo brings back"})
    edits = fields.List(fields.Nested(PatchResponse))
    conflicts = fields.List(fields.Nested(PatchResponse), metadata={"description": "Kept, and tried again on a rebase"})


class SpanResponse(Schema):
    """A stretch of the source."""

    start = fields.Float()
    end = fields.Float()


class CutsResponse(Schema):
    """A transcript as it is after cuts; nothing is stored."""

    version = fields.Integer()
    kept = fields.List(fields.Nested(SpanResponse))
    duration_s = fields.Float()
    document = fields.Nested(DocumentResponse)


class SearchQuery(OwnedPageQuery):
    """What to look for, and where."""

    q = fields.String(
        required=True,
        validate=validate.Length(1, 500),
        metadata={"description": 'All words; "a phrase"; or; -without', "example": '"captioned video" -draft'},
    )
    asset_id = fields.UUID()
    speaker = fields.String(validate=NAME)


class HighlightResponse(Schema):
    """Where in a text something was found."""

    offset = fields.Integer(metadata={"description": "Characters from the start of the text"})
    length = fields.Integer()


class HitResponse(Schema):
    """A segment that says what was asked."""

    transcript_id = fields.UUID()
    asset_id = fields.UUID()
    version = fields.Integer()
    language = fields.String()
    segment_id = fields.String()
    start = fields.Float(metadata={"description": "Seconds"})
    end = fields.Float()
    speaker = fields.String(allow_none=True)
    text = fields.String()
    highlights = fields.List(fields.Nested(HighlightResponse))


class SearchResponse(PageResponse):
    """A page of hits: newest transcripts first, each in order of time."""

    items = fields.List(fields.Nested(HitResponse))


class PagingQuery(StrictSchema):
    """What a cue may be."""

    max_characters = fields.Integer(load_default=84, validate=validate.Range(5, 500))
    max_words = fields.Integer(
        load_default=0, validate=validate.Range(0, 100), metadata={"description": "0: as many as fit"}
    )
    max_gap_s = fields.Float(
        load_default=0.7, validate=validate.Range(0.05, 10), metadata={"description": "A pause this long ends a cue"}
    )
    max_cps = fields.Float(
        load_default=17.0, validate=validate.Range(1, 100), metadata={"description": "Characters a second"}
    )
    min_duration_s = fields.Float(load_default=0.8, validate=validate.Range(0, 10))
    max_duration_s = fields.Float(load_default=7.0, validate=validate.Range(0.5, 60))


class CueResponse(Schema):
    """Words that are shown together."""

    start = fields.Float(metadata={"description": "Seconds"})
    end = fields.Float()
    text = fields.String()
    speaker = fields.String(allow_none=True)
    words = fields.List(fields.String(), metadata={"description": "Ids"})
    cps = fields.Float(metadata={"description": "Characters a second"})


class ReadingFindingResponse(Schema):
    """A segment that is hard to read as a cue."""

    code = fields.String(metadata={"example": "cue.too_fast"})
    segment = fields.String()
    start = fields.Float()
    message = fields.String()
    fix = fields.List(fields.Dict(), metadata={"description": "Operations for POST …/edits; empty: none is safe"})


class CuesResponse(Schema):
    """A transcript paged into cues, and what of its own segments is hard to read."""

    version = fields.Integer()
    cues = fields.List(fields.Nested(CueResponse))
    findings = fields.List(fields.Nested(ReadingFindingResponse))


CONTENT = {"description": "The file's text", "example": "1\n00:00:01,000 --> 00:00:02,000\nHello\n"}


class FileRequest(StrictSchema):
    """A caption file."""

    format = fields.String(required=True, validate=validate.OneOf([*sorted(READERS), "txt"]))
    content = fields.String(required=True, validate=validate.Length(1, MAX_CHARACTERS), metadata=CONTENT)


class ImportRequest(FileRequest):
    """A caption file for an asset."""

    asset_id = fields.UUID(required=True)
    language = fields.String(
        required=True, validate=validate.Regexp(r"^[a-z]{2,3}$"), metadata={"description": "ISO 639", "example": "en"}
    )


class NoticeResponse(Schema):
    """What had to be changed to take a file."""

    line = fields.Integer()
    message = fields.String()


class ImportResponse(TranscriptResponse):
    """A transcript from a file."""

    notices = fields.List(fields.Nested(NoticeResponse))
