"""What assets look like from outside. Object keys never leave the API."""

from __future__ import annotations

from typing import Any

from marshmallow import RAISE, Schema, fields, pre_load, validate

from api.assets.models import AssetKind, AssetState
from api.fields import hold_to_types
from api.pagination import OwnedPageQuery, PageResponse

SHA256 = validate.Regexp(r"^[0-9a-f]{64}$", error="Must be 64 lower-case hexadecimal digits.")


class StrictSchema(Schema):
    """Base of every request: an unknown field is an error, never silently dropped."""

    class Meta:
        unknown = RAISE

    @pre_load
    def read_json(self, data: Any, **_: Any) -> Any:
        """Take JSON at its word, where marshmallow takes ``"1"`` for 1 and 0 for false; a query string is all text."""
        if type(data) is not dict:
            return data
        named = {field.data_key or name: field for name, field in self.load_fields.items()}
        return {key: hold_to_types(named[key], value) if key in named else value for key, value in data.items()}


class VideoResponse(Schema):
    """The video stream that counts."""

    codec = fields.String(metadata={"example": "h264"})
    width = fields.Integer(metadata={"description": "Coded pixels, before rotation"})
    height = fields.Integer()
    display_width = fields.Integer(metadata={"description": "Pixels as shown, after rotation", "example": 1080})
    display_height = fields.Integer(metadata={"example": 1920})
    rotation = fields.Integer(metadata={"description": "Degrees clockwise: 0, 90, 180 or 270"})
    fps_num = fields.Integer(metadata={"description": "Frame rate as a fraction", "example": 30000})
    fps_den = fields.Integer(metadata={"example": 1001})
    frame_count = fields.Integer()
    pixel_format = fields.String()
    color_space = fields.String()
    color_range = fields.String()
    color_transfer = fields.String()
    bit_rate = fields.Integer()
    variable_frame_rate = fields.Boolean()


class AudioResponse(Schema):
    """The audio stream that counts."""

    codec = fields.String(metadata={"example": "aac"})
    sample_rate = fields.Integer(metadata={"example": 48000})
    channels = fields.Integer(metadata={"example": 2})
    bit_rate = fields.Integer()


class ImageResponse(Schema):
    """A still picture."""

    format = fields.String(metadata={"example": "png"})
    width = fields.Integer(metadata={"description": "Pixels", "example": 512})
    height = fields.Integer()
    has_alpha = fields.Boolean()


class MediaResponse(Schema):
    """What probing the file told."""

    container = fields.String(metadata={"example": "mov,mp4"})
    duration_s = fields.Float(metadata={"example": 44.1})
    video = fields.Nested(VideoResponse, allow_none=True)
    audio = fields.Nested(AudioResponse, allow_none=True)
    image = fields.Nested(ImageResponse, allow_none=True)


class RefusalResponse(Schema):
    """Why an asset cannot be used."""

    code = fields.String(attribute="refused_code", metadata={"example": "media.unsupported"})
    message = fields.String(attribute="refused_message")


class AssetResponse(Schema):
    """One asset."""

    id = fields.UUID()
    organisation_id = fields.UUID(allow_none=True, metadata={"description": "null: it is its owner's alone"})
    kind = fields.String(validate=validate.OneOf([kind.value for kind in AssetKind]))
    state = fields.String(validate=validate.OneOf([state.value for state in AssetState]))
    filename = fields.String(metadata={"example": "holiday.mp4"})
    content_type = fields.String(metadata={"example": "video/mp4"})
    size_bytes = fields.Integer()
    sha256 = fields.String(metadata={"description": "Empty until probed"})
    media = fields.Nested(MediaResponse, attribute="media_info", allow_none=True)
    has_poster = fields.Boolean()
    source_asset_id = fields.UUID(allow_none=True, metadata={"description": "What a render was drawn over"})
    refused = fields.Nested(RefusalResponse, attribute="refusal", allow_none=True)
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()


class AssetPageResponse(PageResponse):
    """A page of assets, newest first."""

    items = fields.List(fields.Nested(AssetResponse))


class AssetQuery(OwnedPageQuery):
    """Filters of the list of assets."""

    kind = fields.String(validate=validate.OneOf([kind.value for kind in AssetKind]))
    state = fields.String(
        validate=validate.OneOf([state.value for state in AssetState if state is not AssetState.DELETED])
    )


class DownloadQuery(StrictSchema):
    """How to hand out a download."""

    redirect = fields.Boolean(load_default=False, metadata={"description": "Answer 302 to the URL instead of JSON"})


class DownloadResponse(Schema):
    """A presigned URL."""

    url = fields.String(metadata={"description": "Good for a plain GET, with Range, until it expires"})
    filename = fields.String(metadata={"example": "holiday-captioned.mp4"})
    content_type = fields.String(metadata={"example": "video/mp4"})
    size_bytes = fields.Integer(allow_none=True)
    expires_at = fields.AwareDateTime()
