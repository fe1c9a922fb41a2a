"""What sounds look like from outside."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from api.assets.schemas import StrictSchema
from api.fields import NOT_BLANK
from api.jobs.schemas import JobErrorResponse
from api.pagination import OwnedPageQuery, PageResponse
from api.sounds.models import MOST_TAGS, TAG_LENGTH, TITLE_LENGTH, SoundState, SoundType
from tasks.contracts.voices import FASTEST, LONGEST_TEXT, SLOWEST, USUAL

TYPES = [member.value for member in SoundType]
TAGS = validate.Length(max=MOST_TAGS)
TAG = fields.String(validate=validate.Length(1, TAG_LENGTH))


class SoundRequest(StrictSchema):
    """A sound to be."""

    asset_id = fields.UUID(required=True, metadata={"description": "An uploaded file with sound"})
    title = fields.String(
        load_default="",
        validate=validate.Length(max=TITLE_LENGTH),
        metadata={"description": "The file's name when empty", "example": "Air horn"},
    )
    tags = fields.List(TAG, load_default=list, validate=TAGS, metadata={"example": ["horn", "loud"]})


class SpeechRequest(StrictSchema):
    """A text to be said."""

    text = fields.String(
        required=True,
        validate=validate.Length(1, 2 * LONGEST_TEXT),
        metadata={"description": f"At most {LONGEST_TEXT} characters", "example": "Please welcome our guests!"},
    )
    voice = fields.String(
        load_default="en-us",
        validate=validate.Length(1, 40),
        metadata={
            "description": "One of ``GET /sounds/voices``, with a timbre behind a plus or without",
            "example": "en-us+f3",
        },
    )
    rate = fields.Integer(
        load_default=USUAL, validate=validate.Range(SLOWEST, FASTEST), metadata={"description": "Words a minute"}
    )
    title = fields.String(
        load_default="", validate=validate.Length(max=TITLE_LENGTH), metadata={"description": "The text when empty"}
    )
    tags = fields.List(TAG, load_default=list, validate=TAGS)
    organisation_id = fields.UUID(load_default=None, allow_none=True, metadata={"description": "Whose; yours if null"})


class VoiceResponse(Schema):
    """Who speaks."""

    id = fields.String(metadata={"description": "The language (BCP 47), which is the voice's name", "example": "en-us"})
    name = fields.String(metadata={"example": "English (America)"})


class RatesResponse(Schema):
    """How fast, in words a minute."""

    slowest = fields.Integer()
    usual = fields.Integer()
    fastest = fields.Integer()


class VoicesResponse(Schema):
    """Who may speak, and how."""

    voices = fields.List(fields.Nested(VoiceResponse))
    timbres = fields.List(fields.String(), metadata={"description": "Other throats for any voice: ``en-us+f3``"})
    rate = fields.Nested(RatesResponse)
    longest_text = fields.Integer(metadata={"description": "Characters"})


class SpeechResponse(Schema):
    """What is said."""

    text = fields.String()
    voice = fields.String()
    rate = fields.Integer()


class SoundChange(StrictSchema):
    """What to change; what is absent stays."""

    title = fields.String(validate=[validate.Length(1, TITLE_LENGTH), validate.Regexp(NOT_BLANK, error="Not blank.")])
    tags = fields.List(TAG, validate=TAGS)


class SoundQuery(OwnedPageQuery):
    """Which sounds."""

    types = fields.List(
        fields.String(validate=validate.OneOf(TYPES)),
        load_default=list,
        metadata={"description": "Of any of these: uploaded (SDB), spoken (TTS), extracted (EXT); all without"},
    )
    tag = fields.String(load_default=None, validate=validate.Length(1, TAG_LENGTH))
    q = fields.String(
        load_default=None, validate=validate.Length(1, 200), metadata={"description": "Words of the title or the tags"}
    )
    favourite = fields.Boolean(load_default=False, metadata={"description": "Only your favourites"})
    sha256 = fields.String(
        load_default=None,
        validate=validate.Regexp(r"[0-9a-f]{64}\Z"),
        metadata={"description": "Made of the file with these bytes"},
    )


class SoundLoudnessResponse(Schema):
    """EBU R 128; null where there is nothing to measure."""

    integrated_lufs = fields.Float(allow_none=True)
    range_lu = fields.Float(allow_none=True)
    true_peak_dbtp = fields.Float(allow_none=True)


class LevelResponse(Schema):
    """How a sound was brought to its loudness."""

    before = fields.Nested(SoundLoudnessResponse)
    after = fields.Nested(SoundLoudnessResponse, metadata={"description": "Measured in the file that is played"})
    gain_db = fields.Float()
    limited = fields.Boolean(metadata={"description": "Peaks had to be held down"})
    reason = fields.String(metadata={"description": "Why the target was not reached; empty when it was"})


class SoundLinksResponse(Schema):
    """Where to go on."""

    self = fields.String(metadata={"example": "/api/v1/sounds/0190…"})
    file = fields.String(metadata={"description": "What is played"})
    original = fields.String(allow_none=True, metadata={"description": "As it was uploaded; null when it was not"})
    job = fields.String(allow_none=True)


class SoundResponse(Schema):
    """One sound."""

    id = fields.UUID()
    organisation_id = fields.UUID(allow_none=True, metadata={"description": "null: it is its owner's alone"})
    asset_id = fields.UUID(allow_none=True, metadata={"description": "The uploaded file; null without one"})
    job_id = fields.UUID(allow_none=True)
    type = fields.String(validate=validate.OneOf(TYPES))
    title = fields.String()
    tags = fields.List(fields.String())
    duration_s = fields.Float(metadata={"description": "0 until a spoken sound is ready"})
    speech = fields.Nested(SpeechResponse, allow_none=True, metadata={"description": "What a spoken sound says"})
    state = fields.String(validate=validate.OneOf([member.value for member in SoundState]))
    error = fields.Nested(JobErrorResponse, allow_none=True)
    level = fields.Nested(LevelResponse, allow_none=True)
    plays = fields.Integer(metadata={"description": "How often it was heard, by anybody"})
    favourite = fields.Boolean(metadata={"description": "Yours"})
    waveform_url = fields.String(allow_none=True, metadata={"description": "audiowaveform's JSON, version 2"})
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()
    links = fields.Nested(SoundLinksResponse)


class StatisticsQuery(StrictSchema):
    """Over what."""

    days = fields.Integer(
        load_default=30, validate=validate.Range(1, 366), metadata={"description": "Days (UTC), today included"}
    )
    organisation_id = fields.UUID(load_default=None, metadata={"description": "Only of this organisation's sounds"})


class DayPlaysResponse(Schema):
    """Plays of a day."""

    day = fields.Date()
    plays = fields.Integer()


class TypePlaysResponse(Schema):
    """Plays of a type."""

    type = fields.String(validate=validate.OneOf(TYPES))
    plays = fields.Integer()


class UserPlaysResponse(Schema):
    """Plays by a user."""

    user_id = fields.UUID()
    plays = fields.Integer()


class TopSoundResponse(Schema):
    """A sound that was played much."""

    sound_id = fields.UUID()
    title = fields.String()
    plays = fields.Integer()


class StatisticsResponse(Schema):
    """What was played, of the sounds that you may see."""

    since = fields.Date()
    sounds = fields.Integer(metadata={"description": "How many there are"})
    plays = fields.Integer()
    by_day = fields.List(fields.Nested(DayPlaysResponse), metadata={"description": "Every day, oldest first"})
    by_type = fields.List(fields.Nested(TypePlaysResponse))
    by_user = fields.List(fields.Nested(UserPlaysResponse), metadata={"description": "At most ten, most plays first"})
    top = fields.List(fields.Nested(TopSoundResponse), metadata={"description": "At most ten, most plays first"})


class SoundPageResponse(PageResponse):
    """A page of sounds, newest first."""

    items = fields.List(fields.Nested(SoundResponse))
