"""What uploads look like from outside."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from api.assets.schemas import SHA256, AssetResponse, StrictSchema
from api.jobs.schemas import JobResponse
from api.transcripts.hear_schemas import LANGUAGE, HearingRequest
from api.uploads.models import UploadState
from api.uploads.types import ACCEPTED_TYPES, CAPTIONS, PURPOSES


class UploadRequest(StrictSchema):
    """What is about to be sent."""

    filename = fields.String(required=True, validate=validate.Length(1, 1024), metadata={"example": "holiday.mp4"})
    content_type = fields.String(
        required=True, validate=validate.Length(1, 127), metadata={"example": "video/mp4", "enum": list(ACCEPTED_TYPES)}
    )
    size_bytes = fields.Integer(
        required=True, strict=True, validate=validate.Range(min=1), metadata={"example": 73400320}
    )
    sha256 = fields.String(
        load_default="", validate=SHA256, metadata={"description": "Checked against what arrived when given"}
    )
    language = fields.String(
        load_default=None,
        allow_none=True,
        validate=LANGUAGE,
        metadata={"description": "Spoken language; detected when not given", "example": "en"},
    )
    organisation_id = fields.UUID(
        load_default=None,
        allow_none=True,
        metadata={"description": "The organisation that shall own it; you must be editor or owner there"},
    )


class CompletionRequest(HearingRequest):
    """What is to be done with what was sent."""

    purpose = fields.String(
        load_default=CAPTIONS,
        validate=validate.OneOf(PURPOSES),
        metadata={"description": "What sound is taken for songs, sounds and music is not transcribed, nor charged"},
    )


class UploadCompleteRequest(CompletionRequest):
    """Which upload has been sent whole."""

    upload_id = fields.UUID(required=True)


class PartResponse(Schema):
    """One PUT."""

    number = fields.Integer(metadata={"example": 1})
    url = fields.String(metadata={"description": "Presigned; PUT exactly these bytes to it"})
    offset_bytes = fields.Integer(metadata={"example": 0})
    size_bytes = fields.Integer(metadata={"example": 73400320})


class TransferResponse(Schema):
    """How to send the bytes: one PUT per part, with the headers, before the URLs expire."""

    method = fields.String(metadata={"example": "PUT"})
    parts = fields.List(fields.Nested(PartResponse))
    part_size_bytes = fields.Integer()
    headers = fields.Dict(
        keys=fields.String(), values=fields.String(), metadata={"description": "Send each with every PUT, exactly"}
    )
    expires_at = fields.AwareDateTime()


class UploadResponse(Schema):
    """One upload."""

    id = fields.UUID()
    organisation_id = fields.UUID(allow_none=True, metadata={"description": "null: it is its owner's alone"})
    asset_id = fields.UUID()
    job_id = fields.UUID(allow_none=True, metadata={"description": "The job started by completing it"})
    state = fields.String(validate=validate.OneOf([state.value for state in UploadState]))
    content_type = fields.String()
    size_bytes = fields.Integer()
    expires_at = fields.AwareDateTime(metadata={"description": "Complete it by then"})
    created_at = fields.AwareDateTime()
    completed_at = fields.AwareDateTime(allow_none=True)


class UploadCreatedResponse(Schema):
    """A new upload and where to send its bytes."""

    id = fields.UUID()
    asset_id = fields.UUID()
    state = fields.String(metadata={"example": "pending"})
    expires_at = fields.AwareDateTime(metadata={"description": "Complete it by then"})
    upload = fields.Nested(TransferResponse)


class UploadCompletedResponse(UploadResponse):
    """A completed upload, the asset it became and the job that probes and transcribes it."""

    asset = fields.Nested(AssetResponse)
    job = fields.Nested(JobResponse)
