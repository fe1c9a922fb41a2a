"""What music videos look like from outside."""

from __future__ import annotations

from marshmallow import Schema, ValidationError, fields, validate

from api.assets.schemas import StrictSchema
from api.pagination import OwnedPageQuery, PageResponse
from api.songs.clip_schemas import ClipPlanRequest, PlannedClipResponse
from tasks.contracts.making import CONTAINERS, SOUNDS, TRANSITIONS
from tasks.contracts.music import VIDEO_TYPES

LARGEST = 3840
MOST_HOURS = 24 * 90


def check_side(value: int) -> bool:
    """Refuse sides that are odd, too small or too large."""
    if value % 2 or not 64 <= value <= LARGEST:
        raise ValidationError(f"Must be even, from 64 to {LARGEST}.")
    return True


def transition(**options: object) -> fields.String:
    """Return the field of a transition."""
    about = {"description": "How clips follow each other; cuts stay on their beats"}
    return fields.String(validate=validate.OneOf(TRANSITIONS), metadata=about, **options)  # type: ignore[arg-type]


def captions(**options: object) -> fields.String:
    """Return the field of captions."""
    about = {"description": "Look in which the lyrics are shown, a preset's name; null shows none", "example": "pop"}
    checks = validate.Length(1, 64)
    return fields.String(allow_none=True, validate=checks, metadata=about, **options)  # type: ignore[arg-type]


def container(**options: object) -> fields.String:
    """Return the field of a container."""
    about = {"description": "mov also holds WAV as it is"}
    return fields.String(validate=validate.OneOf(CONTAINERS), metadata=about, **options)  # type: ignore[arg-type]


def audio(**options: object) -> fields.String:
    """Return the field of what happens to the song."""
    about = {"description": "copy refuses what the container cannot hold as it is; auto makes it AAC. The film tells"}
    return fields.String(validate=validate.OneOf(SOUNDS), metadata=about, **options)  # type: ignore[arg-type]


def cap(**options: object) -> fields.Float:
    """Return the field of a cap."""
    about = {"description": "US dollars that the video may cost in all; nothing that costs more is ordered"}
    return fields.Float(validate=validate.Range(0, 100_000), metadata=about, **options)  # type: ignore[arg-type]


class GenerateRequest(ClipPlanRequest):
    """How a video shall be."""

    width = fields.Integer(load_default=1280, validate=check_side)
    height = fields.Integer(load_default=720, validate=check_side)
    video_type = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.OneOf(VIDEO_TYPES),
        metadata={"description": "What is drawn offline; null takes what the analysis suggests"},
    )
    cap_usd = cap(load_default=0.0)
    transition = transition(load_default="cut")
    captions = captions(load_default=None)
    container = container(load_default="mp4")
    audio = audio(load_default="auto")


class ComposeRequest(StrictSchema):
    """What of the film shall be other than was wished before."""

    transition = transition()
    captions = captions()
    container = container()
    audio = audio()


class RemakeRequest(StrictSchema):
    """How a part shall be made again."""

    prompt = fields.String(validate=validate.Length(1, 1000), metadata={"description": "In place of the planned one"})
    cap_usd = cap()


class VideoQuery(OwnedPageQuery):
    """Which videos."""


class MusicVideoLinks(Schema):
    """Paths on the API that belong to a video."""

    self = fields.String()
    clips = fields.String()
    job = fields.String(allow_none=True)
    events = fields.String(allow_none=True)
    download = fields.String(allow_none=True)


class MusicVideoResponse(Schema):
    """A music video."""

    id = fields.UUID()
    organisation_id = fields.UUID(allow_none=True)
    song_id = fields.UUID(allow_none=True)
    job_id = fields.UUID(allow_none=True, metadata={"description": "The newest job that worked on it"})
    result_asset_id = fields.UUID(allow_none=True)
    title = fields.String()
    state = fields.String(metadata={"description": "working, waiting, made, ready, finalized or failed"})
    percent = fields.Float(metadata={"description": "0 to 80 clips; 80, 90, 95, 100 the film"})
    stage = fields.String(metadata={"description": "stills, clips, compose, captions, ready or finalized"})
    clips_made = fields.Integer()
    clips_total = fields.Integer()
    provider = fields.String()
    cap_usd = fields.Float()
    spent_usd = fields.Float()
    width = fields.Integer()
    height = fields.Integer()
    video_type = fields.String()
    transition = fields.String()
    captions = fields.String(allow_none=True)
    container = fields.String()
    audio = fields.String()
    duration_s = fields.Float()
    frame_count = fields.Integer()
    film = fields.Dict(allow_none=True, metadata={"description": "What was measured on the film, clip by clip"})
    error = fields.Dict(allow_none=True)
    finalized_at = fields.DateTime(allow_none=True)
    created_at = fields.DateTime()
    updated_at = fields.DateTime()
    links = fields.Nested(MusicVideoLinks)


class MusicVideoPageResponse(PageResponse):
    """Videos, and how many one may keep."""

    items = fields.List(fields.Nested(MusicVideoResponse))
    count = fields.Integer(metadata={"description": "All that you may see, on this page or not"})
    limit = fields.Integer(metadata={"description": "How many one user or organisation may keep"})


class VideoSectionResponse(Schema):
    """A section of a video."""

    id = fields.UUID()
    number = fields.Integer()
    label = fields.String()
    note = fields.String()
    start = fields.Float()
    end = fields.Float()
    remakes_left = fields.Integer()


class VideoClipResponse(PlannedClipResponse):
    """A clip of a video: as it was planned, and what is there of it."""

    id = fields.UUID()
    section_id = fields.UUID()
    state = fields.String(metadata={"description": "planned or made"})
    remakes_left = fields.Integer()
    cost_usd = fields.Float(allow_none=True)
    same_as = fields.Integer(allow_none=True, metadata={"description": "Number of a clip that is the very same file"})
    url = fields.String(allow_none=True)
    still_url = fields.String(allow_none=True)


class VideoClipsResponse(Schema):
    """All clips of a video."""

    video_id = fields.UUID()
    sections = fields.List(fields.Nested(VideoSectionResponse))
    items = fields.List(fields.Nested(VideoClipResponse))
    sheet_url = fields.String(allow_none=True, metadata={"description": "One picture of all clips"})


class VideoStatusResponse(Schema):
    """How far a video is."""

    video_id = fields.UUID()
    job_id = fields.UUID(allow_none=True)
    state = fields.String()
    stage = fields.String()
    percent = fields.Float()
    clips_made = fields.Integer()
    clips_total = fields.Integer()
    spent_usd = fields.Float()
    cap_usd = fields.Float()
    left_usd = fields.Float(metadata={"description": "What the clips that are not there would cost"})
    error = fields.Dict(allow_none=True)


class VideoWorkLinks(Schema):
    """Where to look."""

    video = fields.String()
    job = fields.String()
    events = fields.String()


class RemakesLeft(Schema):
    """How often sections and clips may still be made again, by id."""

    sections = fields.Dict(keys=fields.String(), values=fields.Integer())
    clips = fields.Dict(keys=fields.String(), values=fields.Integer())


class VideoWorkResponse(Schema):
    """Work on a video that was ordered."""

    video_id = fields.UUID()
    job_id = fields.UUID()
    remakes_left = fields.Nested(RemakesLeft)
    links = fields.Nested(VideoWorkLinks)


class ComposingResponse(Schema):
    """How far a composition is."""

    job_id = fields.UUID()
    state = fields.String()
    stage = fields.String()
    percent = fields.Float()
    error = fields.Dict(allow_none=True)


class ShareLinkRequest(StrictSchema):
    """For how long a link shall be good."""

    hours = fields.Integer(load_default=24 * 7, validate=validate.Range(1, MOST_HOURS))


class ShareLinkResponse(Schema):
    """A share link; its secret is shown once, when it is made."""

    id = fields.UUID()
    expires_at = fields.DateTime()
    revoked_at = fields.DateTime(allow_none=True)
    created_at = fields.DateTime()


class NewShareLinkResponse(ShareLinkResponse):
    """A new share link."""

    token = fields.String()
    url = fields.String()


class ShareLinksResponse(Schema):
    """All links of a video."""

    items = fields.List(fields.Nested(ShareLinkResponse))


class SharedVideoResponse(Schema):
    """A shared video, for whoever has the link."""

    title = fields.String()
    duration_s = fields.Float()
    width = fields.Integer()
    height = fields.Integer()
    content_type = fields.String()
    url = fields.String()
    expires_at = fields.DateTime(metadata={"description": "End of the link"})


class ToldResponse(Schema):
    """What became of a webhook."""

    outcome = fields.String(metadata={"description": "told, known (came before) or unknown"})
