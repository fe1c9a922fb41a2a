"""What samples look like from outside."""

from __future__ import annotations

from marshmallow import Schema, fields, validate, validates_schema
from marshmallow.exceptions import ValidationError

from api.assets.schemas import StrictSchema
from api.fields import NOT_BLANK
from api.jobs.schemas import JobErrorResponse
from api.pagination import OwnedPageQuery, PageResponse
from api.samples.models import MOST_TAGS, TAG_LENGTH, TITLE_LENGTH, URL_LENGTH, DownloadForm, SampleState
from api.samples.paging import SORTS

STATES = [member.value for member in SampleState]
FORMS = [member.value for member in DownloadForm]
TAG = fields.String(validate=validate.Length(1, TAG_LENGTH))
TAGS = validate.Length(max=MOST_TAGS)
BPM = validate.Range(1, 1000)


class SampleRequest(StrictSchema):
    """A sample to be."""

    url = fields.String(
        required=True,
        validate=validate.Length(1, URL_LENGTH),
        metadata={"description": "A link to one video or sound", "example": "https://www.tiktok.com/@somebody/video/7"},
    )
    title = fields.String(
        load_default="",
        validate=validate.Length(max=TITLE_LENGTH),
        metadata={"description": "What the service calls it when empty"},
    )
    tags = fields.List(TAG, load_default=list, validate=TAGS, metadata={"example": ["drums"]})
    organisation_id = fields.UUID(load_default=None, metadata={"description": "Whose it shall be; yours if absent"})


class SampleChange(StrictSchema):
    """What to change; what is absent stays."""

    title = fields.String(validate=[validate.Length(1, TITLE_LENGTH), validate.Regexp(NOT_BLANK, error="Not blank.")])
    tags = fields.List(TAG, validate=TAGS)


class SampleQuery(OwnedPageQuery):
    """Which samples, in which order."""

    status = fields.String(load_default=None, validate=validate.OneOf(STATES))
    bpm_min = fields.Float(load_default=None, validate=BPM, metadata={"description": "Beats a minute, at least"})
    bpm_max = fields.Float(load_default=None, validate=BPM, metadata={"description": "Beats a minute, at most"})
    key = fields.String(load_default=None, validate=validate.Length(1, 16), metadata={"example": "A minor"})
    creator = fields.String(
        load_default=None,
        validate=validate.Length(1, 200),
        metadata={"description": "Handle or name of who made it, or the id of a creator"},
    )
    tag = fields.String(load_default=None, validate=validate.Length(1, TAG_LENGTH))
    q = fields.String(
        load_default=None,
        validate=validate.Length(1, 200),
        metadata={"description": "Words of title, description, tags or creator; quotes and a minus sign work"},
    )
    sort = fields.String(
        load_default="-created_at",
        validate=validate.OneOf(SORTS),
        metadata={"description": "A minus sign: largest first. What is not known counts as least"},
    )

    @validates_schema
    def check_range(self, data: dict[str, object], **_: object) -> None:
        """Refuse a range that holds nothing."""
        least, most = data.get("bpm_min"), data.get("bpm_max")
        if isinstance(least, float) and isinstance(most, float) and least > most:
            raise ValidationError("Must not be above bpm_max.", "bpm_min")


class SampleDownloadRequest(StrictSchema):
    """What of a sample to download."""

    form = fields.String(
        load_default=DownloadForm.WAV.value,
        validate=validate.OneOf(FORMS),
        metadata={"description": "WAV of 48 kHz and 24 bits, MP3 of 320 kbit/s, or the best loop as WAV"},
    )


class CreatorResponse(Schema):
    """Who made it."""

    id = fields.UUID()
    service = fields.String()
    handle = fields.String()
    name = fields.String()
    url = fields.String()
    description = fields.String()
    followers = fields.Integer(allow_none=True)
    fetched_at = fields.AwareDateTime(allow_none=True, metadata={"description": "When the service was asked last"})


class SampleSourceResponse(Schema):
    """What the service told; null where it told nothing."""

    url = fields.String()
    title = fields.String()
    description = fields.String()
    published_at = fields.String(metadata={"description": "ISO 8601; empty when it was not told"})
    views = fields.Integer(allow_none=True)
    likes = fields.Integer(allow_none=True)
    comments = fields.Integer(allow_none=True)
    shares = fields.Integer(allow_none=True)
    fetcher = fields.String(metadata={"description": "Who asked, with version"})


class LoopResponse(Schema):
    """A stretch that can be repeated, on the beat grid."""

    start_s = fields.Float()
    end_s = fields.Float()
    start_sample = fields.Integer(metadata={"description": "At 48 kHz"})
    end_sample = fields.Integer(metadata={"description": "One past the last"})
    beats = fields.Integer()
    bars = fields.Float()
    score = fields.Float(metadata={"description": "0 to 1: how well the end leads into the start"})


class SampleLoudnessResponse(Schema):
    """EBU R 128 of the WAV; null where there is nothing to measure."""

    integrated_lufs = fields.Float(allow_none=True)
    range_lu = fields.Float(allow_none=True)
    true_peak_dbtp = fields.Float(allow_none=True)


class DuplicateResponse(Schema):
    """An older sample of yours that is the same sound."""

    sample_id = fields.UUID()
    kind = fields.String(
        validate=validate.OneOf(["exact", "acoustic"]),
        metadata={"description": "exact: the same bytes came; acoustic: it sounds the same"},
    )
    likeness = fields.Float(metadata={"description": "Share of equal bits of the fingerprints; 0.5 is chance"})


class SampleLinksResponse(Schema):
    """Where to go on."""

    self = fields.String()
    download = fields.String(metadata={"description": "POST: counts, and gives a URL"})
    job = fields.String(allow_none=True)
    events = fields.String(allow_none=True)


class SampleResponse(Schema):
    """One sample."""

    id = fields.UUID()
    organisation_id = fields.UUID(allow_none=True, metadata={"description": "null: it is its owner's alone"})
    job_id = fields.UUID(allow_none=True)
    status = fields.String(validate=validate.OneOf(STATES))
    error = fields.Nested(JobErrorResponse, allow_none=True)
    url = fields.String(metadata={"description": "The link that was sent"})
    service = fields.String(metadata={"example": "tiktok"})
    media_ref = fields.String(metadata={"description": "The service's id of it"})
    title = fields.String()
    tags = fields.List(fields.String())
    creator = fields.Nested(CreatorResponse, allow_none=True)
    source = fields.Nested(SampleSourceResponse, allow_none=True)
    duration_s = fields.Float(allow_none=True)
    bpm = fields.Float(allow_none=True, metadata={"description": "null: there is no beat, or it was not heard yet"})
    bpm_confidence = fields.Float(allow_none=True)
    key = fields.String(allow_none=True, metadata={"example": "A minor"})
    key_confidence = fields.Float(allow_none=True)
    loudness = fields.Nested(SampleLoudnessResponse, allow_none=True)
    loops = fields.List(fields.Nested(LoopResponse), metadata={"description": "The best first"})
    duplicate = fields.Nested(DuplicateResponse, allow_none=True)
    sha256 = fields.String(metadata={"description": "Of the media as it came"})
    downloads = fields.Integer(metadata={"description": "How often it was downloaded, by anybody"})
    forms = fields.List(fields.String(), metadata={"description": "What can be downloaded"})
    waveform_url = fields.String(allow_none=True, metadata={"description": "PNG for light and dark ground"})
    peaks_url = fields.String(allow_none=True, metadata={"description": "audiowaveform's JSON, version 2"})
    thumbnail_url = fields.String(allow_none=True)
    listen_url = fields.String(allow_none=True, metadata={"description": "The MP3, to listen to: not counted"})
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()
    links = fields.Nested(SampleLinksResponse)


class SamplePageResponse(PageResponse):
    """A page of samples."""

    items = fields.List(fields.Nested(SampleResponse))


class SampleDownloadResponse(Schema):
    """Somebody downloaded a sample."""

    user_id = fields.UUID()
    form = fields.String(validate=validate.OneOf(FORMS))
    at = fields.AwareDateTime()


class SampleDownloadsResponse(Schema):
    """The newest downloads of a sample."""

    downloads = fields.Integer(metadata={"description": "All there were"})
    users = fields.Integer(metadata={"description": "By so many users"})
    items = fields.List(fields.Nested(SampleDownloadResponse), metadata={"description": "At most a hundred"})
