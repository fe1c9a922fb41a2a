"""What API tokens look like from outside."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from api.assets.schemas import StrictSchema
from api.fields import Moment
from api.pagination import PageQuery, PageResponse
from api.tokens.scopes import MEANINGS, Scope

NAMED = [validate.Length(1, 120), validate.Regexp(r"^[^\x00-\x1f\x7f]+$", error="No control characters.")]
SCOPES = "; ".join(f"{scope.value}: {meaning}" for scope, meaning in MEANINGS.items())


class TokenRequest(StrictSchema):
    """What a program shall be able to do, and until when."""

    name = fields.String(required=True, validate=NAMED, metadata={"example": "nightly import"})
    scopes = fields.List(
        fields.String(validate=validate.OneOf([scope.value for scope in Scope])),
        required=True,
        validate=validate.Length(1, len(Scope)),
        metadata={"description": SCOPES, "example": ["read", "upload"]},
    )
    expires_at = Moment(load_default=None, allow_none=True, metadata={"description": "null: good until it is revoked"})


class TokenInfoResponse(Schema):
    """An API token without its secret."""

    id = fields.UUID()
    name = fields.String()
    prefix = fields.String(metadata={"description": "How the token begins", "example": "rly_live_4fT0aQ9z"})
    scopes = fields.List(fields.String())
    created_at = fields.AwareDateTime()
    expires_at = fields.AwareDateTime(allow_none=True)
    last_used_at = fields.AwareDateTime(allow_none=True, metadata={"description": "To the minute"})
    revoked_at = fields.AwareDateTime(allow_none=True)


class TokenCreatedResponse(TokenInfoResponse):
    """A new API token; its text is never shown again."""

    token = fields.String(metadata={"description": "Send as Authorization: Bearer; shown only now"})


class TokenPageResponse(PageResponse):
    """A page of API tokens."""

    items = fields.List(fields.Nested(TokenInfoResponse))


class TokenQuery(PageQuery):
    """Which tokens."""

    prefix = fields.String(
        load_default="",
        validate=validate.Length(max=64),
        metadata={"description": "How a token begins; of one that was found somewhere, all of it"},
    )
    revoked = fields.Boolean(load_default=False, metadata={"description": "Also those that were revoked"})
