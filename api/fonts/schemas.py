"""What uploaded fonts look like from outside."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from api.assets.schemas import StrictSchema
from api.fonts.models import FontState
from api.jobs.schemas import JobErrorResponse
from api.pagination import PageResponse
from api.uploads.schemas import TransferResponse


class FontRequest(StrictSchema):
    """What is about to be sent: TTF, OTF, WOFF or WOFF2."""

    filename = fields.String(required=True, validate=validate.Length(1, 255), metadata={"example": "Brand-Bold.woff2"})
    size_bytes = fields.Integer(required=True, strict=True, validate=validate.Range(min=1), metadata={"example": 81920})


class UploadedFontResponse(Schema):
    """A font of the caller's. All but the name of its file is what a worker found in it."""

    id = fields.UUID()
    job_id = fields.UUID(allow_none=True, metadata={"description": "The job that checks it"})
    state = fields.String(validate=validate.OneOf([state.value for state in FontState]))
    filename = fields.String()
    family = fields.String(metadata={"description": "Name it so in a style's fontFamily", "example": "Brand"})
    style = fields.String(metadata={"description": "normal or italic"})
    weight_min = fields.Integer(metadata={"example": 400})
    weight_max = fields.Integer(metadata={"example": 700})
    glyphs = fields.Integer()
    characters = fields.Integer(metadata={"description": "How many characters it draws"})
    size_bytes = fields.Integer(metadata={"description": "Of the safe copy"})
    error = fields.Nested(JobErrorResponse, allow_none=True, metadata={"description": "Why it was refused"})
    created_at = fields.AwareDateTime()


class UploadedFontCreatedResponse(UploadedFontResponse):
    """A new font and where to send its bytes."""

    upload = fields.Nested(TransferResponse)


class UploadedFontPageResponse(PageResponse):
    """A page of fonts."""

    items = fields.List(fields.Nested(UploadedFontResponse))
