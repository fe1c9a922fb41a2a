"""What songs look like from outside."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from api.assets.schemas import StrictSchema
from api.jobs.schemas import JobErrorResponse
from api.pagination import OwnedPageQuery, PageResponse
from api.songs.models import LABEL_LENGTH, NOTE_LENGTH, TITLE_LENGTH
from api.songs.overrides import NAMES
from api.songs.sections import MOST
from tasks.contracts.music import VIDEO_TYPES

KEY_NAME = r"^([A-G](#|b)? (major|minor)|unknown)$"
MOST_BEATS = 20_000
MOMENT = validate.Range(0, 86_400)


def ascending(times: list[float]) -> None:
    """Refuse times that do not ascend."""
    if any(later <= earlier for earlier, later in pairwise(times)):
        raise ValidationError("Must ascend.")


class SongRequest(StrictSchema):
    """A song to be."""

    asset_id = fields.UUID(required=True, metadata={"description": "An uploaded sound file: MP3, WAV, M4A or FLAC"})
    title = fields.String(
        load_default="",
        validate=validate.Length(max=TITLE_LENGTH),
        metadata={"description": "The file's name when empty", "example": "Night Drive"},
    )


class SongQuery(OwnedPageQuery):
    """Which page of the list of songs."""


class AnalyzeRequest(StrictSchema):
    """How to analyse."""

    lyrics = fields.Boolean(load_default=True, metadata={"description": "Transcribe the words, where nobody has yet"})
    language = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Regexp("^[a-z]{2,3}$"),
        metadata={"description": "Of the words; detected when null", "example": "en"},
    )


class SongLinksResponse(Schema):
    """Where to go on."""

    self = fields.String(metadata={"example": "/api/v1/songs/0190…"})
    analysis = fields.String()
    sections = fields.String()
    job = fields.String(allow_none=True, metadata={"description": "Of the newest analysis"})
    events = fields.String(allow_none=True, metadata={"description": "Server-Sent Events of that job"})


class SongResponse(Schema):
    """One song."""

    id = fields.UUID()
    organisation_id = fields.UUID(allow_none=True, metadata={"description": "null: it is its owner's alone"})
    asset_id = fields.UUID()
    job_id = fields.UUID(allow_none=True)
    title = fields.String()
    duration_s = fields.Float()
    state = fields.String(
        validate=validate.OneOf(["new", "analyzing", "ready", "failed"]),
        metadata={"description": "ready: an analysis is there"},
    )
    error = fields.Nested(JobErrorResponse, allow_none=True, metadata={"description": "Of the newest analysis"})
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()
    links = fields.Nested(SongLinksResponse)


class SongPageResponse(PageResponse):
    """A page of songs, newest first."""

    items = fields.List(fields.Nested(SongResponse))


SHARE = validate.Range(0, 1)


class MoodVectorRequest(StrictSchema):
    """How much of each there is; what is absent stays as heard."""

    valence = fields.Float(validate=SHARE)
    arousal = fields.Float(validate=SHARE)
    danceability = fields.Float(validate=SHARE)
    acousticness = fields.Float(validate=SHARE)
    tension = fields.Float(validate=SHARE)


class MoodRequest(StrictSchema):
    """A mood in the owner's words."""

    primary = fields.String(required=True, validate=validate.Length(1, 40))
    tags = fields.List(fields.String(validate=validate.Length(1, 40)), validate=validate.Length(max=16))
    vector = fields.Nested(MoodVectorRequest)


class AnalysisRequest(StrictSchema):
    """What is so instead of what was heard; null takes what was heard again."""

    bpm = fields.Float(
        allow_none=True,
        validate=validate.Range(20, 400),
        metadata={"description": "Beats follow: thinned or divided where it is a multiple of what was heard"},
    )
    beats = fields.List(
        fields.Float(validate=MOMENT),
        allow_none=True,
        validate=[validate.Length(2, MOST_BEATS), ascending],
        metadata={"description": "Seconds, ascending"},
    )
    downbeats = fields.List(
        fields.Float(validate=MOMENT),
        allow_none=True,
        validate=[validate.Length(1, MOST_BEATS), ascending],
        metadata={"description": "Seconds, ascending"},
    )
    beats_per_bar = fields.Integer(allow_none=True, strict=True, validate=validate.Range(1, 16))
    key = fields.String(allow_none=True, validate=validate.Regexp(KEY_NAME), metadata={"example": "F# minor"})
    genre = fields.String(allow_none=True, validate=validate.Length(1, 40))
    mood = fields.Nested(MoodRequest, allow_none=True)
    video_type = fields.String(allow_none=True, validate=validate.OneOf(VIDEO_TYPES))


class TempoCandidateResponse(Schema):
    """A tempo that the song may be felt in."""

    bpm = fields.Float()
    confidence = fields.Float()


class TempoResponse(Schema):
    """Beats a minute."""

    bpm = fields.Float(allow_none=True, metadata={"description": "null: no pulse; reason says why", "example": 120.0})
    confidence = fields.Float()
    method = fields.String(metadata={"description": "user: the owner said so"})
    candidates = fields.List(fields.Nested(TempoCandidateResponse))
    is_steady = fields.Boolean(metadata={"description": "One tempo from start to end"})
    reason = fields.String()


class MeterResponse(Schema):
    """Beats in a bar."""

    beats_per_bar = fields.Integer(metadata={"description": "0: unknown", "example": 4})
    confidence = fields.Float()
    method = fields.String()
    subdivision = fields.Integer(metadata={"description": "3: each beat falls into thirds"})
    reason = fields.String()


class KeyResponse(Schema):
    """A key."""

    name = fields.String(metadata={"example": "A minor"})
    confidence = fields.Float()
    method = fields.String()
    reason = fields.String()


class KeySpanResponse(Schema):
    """A stretch in one key."""

    start = fields.Float()
    end = fields.Float()
    name = fields.String()
    confidence = fields.Float()


class HeardSectionResponse(Schema):
    """A stretch of the song as it was heard."""

    start = fields.Float()
    end = fields.Float()
    label = fields.String()
    group = fields.Integer(metadata={"description": "Equal for stretches that sound alike"})
    energy = fields.Float()


class CurveResponse(Schema):
    """Values from 0 to 1."""

    step_s = fields.Float()
    values = fields.List(fields.Float())


class LoudnessResponse(Schema):
    """EBU R 128."""

    integrated_lufs = fields.Float(allow_none=True)
    range_lu = fields.Float(allow_none=True)
    true_peak_dbtp = fields.Float(allow_none=True)
    reason = fields.String()


class GenreResponse(Schema):
    """A genre; method says what decided."""

    name = fields.String()
    confidence = fields.Float()
    method = fields.String(metadata={"description": "signal-rules/1: an estimate, no trained model"})
    scores = fields.Dict(keys=fields.String(), values=fields.Float())
    reason = fields.String()


class MoodResponse(Schema):
    """A mood; method says what decided."""

    primary = fields.String()
    method = fields.String()
    tags = fields.List(fields.String())
    vector = fields.Dict(keys=fields.String(), values=fields.Float())
    reason = fields.String()


class VideoTypeResponse(Schema):
    """The kind of video that would fit."""

    name = fields.String(validate=validate.OneOf(VIDEO_TYPES))
    reason = fields.String()


class SongAnalysisResponse(Schema):
    """All that was heard, with what the owner says instead."""

    duration_s = fields.Float()
    engine = fields.String()
    engine_version = fields.String()
    tempo = fields.Nested(TempoResponse)
    meter = fields.Nested(MeterResponse)
    key = fields.Nested(KeyResponse)
    key_spans = fields.List(fields.Nested(KeySpanResponse))
    beats = fields.List(fields.Float(), metadata={"description": "Seconds"})
    downbeats = fields.List(fields.Float())
    sections = fields.List(fields.Nested(HeardSectionResponse))
    energy = fields.Nested(CurveResponse)
    loudness = fields.Nested(LoudnessResponse)
    genre = fields.Nested(GenreResponse)
    mood = fields.Nested(MoodResponse)
    video_type = fields.Nested(VideoTypeResponse)


class LyricsResponse(Schema):
    """Words with times: a transcript, edited where transcripts are."""

    transcript_id = fields.UUID()
    language = fields.String()
    segments = fields.List(fields.Dict(keys=fields.String()), metadata={"description": "As in the transcript"})


class AnalysisResponse(Schema):
    """What is known of a song."""

    song_id = fields.UUID()
    overridden = fields.List(
        fields.String(validate=validate.OneOf(NAMES)), metadata={"description": "Values that the owner set"}
    )
    analysis = fields.Nested(SongAnalysisResponse)
    lyrics = fields.Nested(LyricsResponse, allow_none=True)
    waveform_url = fields.String(
        allow_none=True, metadata={"description": "audiowaveform's JSON, version 2; presigned, expires"}
    )


class SectionRequest(StrictSchema):
    """A section to be; its edges snap to the nearest beats."""

    start = fields.Float(required=True, validate=MOMENT)
    end = fields.Float(required=True, validate=MOMENT)
    label = fields.String(required=True, validate=validate.Length(1, LABEL_LENGTH), metadata={"example": "chorus"})
    note = fields.String(load_default="", validate=validate.Length(max=NOTE_LENGTH))


class SectionsRequest(StrictSchema):
    """All sections of a song at once, in order; or those that are suggested."""

    sections = fields.List(fields.Nested(SectionRequest), load_default=None, validate=validate.Length(1, MOST))
    suggested = fields.Boolean(load_default=False, metadata={"description": "Take the suggested sections as they are"})

    @validates_schema
    def check_one(self, data: dict[str, Any], **_: Any) -> None:
        """Refuse neither and both."""
        if (data.get("sections") is None) == (not data.get("suggested")):
            raise ValidationError("Give either sections or suggested.", "sections")


class SectionEditRequest(StrictSchema):
    """What of a section can be changed; its times are fixed."""

    label = fields.String(validate=validate.Length(1, LABEL_LENGTH))
    note = fields.String(validate=validate.Length(max=NOTE_LENGTH))


class SectionResponse(Schema):
    """One section."""

    id = fields.UUID()
    start = fields.Float(attribute="start_s")
    end = fields.Float(attribute="end_s")
    label = fields.String()
    note = fields.String()


class SuggestedSectionResponse(Schema):
    """A section that the analysis suggests."""

    start = fields.Float()
    end = fields.Float()
    label = fields.String()
    note = fields.String()


class SnapResponse(Schema):
    """How far a section's edges were moved to lie on beats."""

    id = fields.UUID()
    start_ms = fields.Float(metadata={"description": "Positive: later than asked for"})
    end_ms = fields.Float()


class SectionsResponse(Schema):
    """A song's sections, in order."""

    items = fields.List(fields.Nested(SectionResponse))
    suggested = fields.List(
        fields.Nested(SuggestedSectionResponse), metadata={"description": "Empty once there are sections"}
    )


class SectionsCreatedResponse(Schema):
    """Sections that were written, and what snapping did."""

    items = fields.List(fields.Nested(SectionResponse))
    moved = fields.List(fields.Nested(SnapResponse))
