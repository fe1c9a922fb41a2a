"""Bodies and answers of sign-in elsewhere."""

from __future__ import annotations

from marshmallow import EXCLUDE, Schema, fields, validate

from api.auth.schemas import StrictSchema


class StartQuery(StrictSchema):
    """How a sign-in begins and where it ends."""

    challenge = fields.String(
        required=True,
        metadata={"description": "base64url SHA-256 of a random verifier that stays in the browser"},
    )
    next = fields.String(load_default="/", metadata={"description": "Path of this site to come back to"})


class IdentityLinkRequest(StrictSchema):
    """Where linking ends."""

    next = fields.String(load_default="/", metadata={"description": "Path of this site to come back to"})


class IdentityLinkResponse(Schema):
    """Where the browser goes now."""

    url = fields.String()


class CallbackQuery(Schema):
    """What providers send a browser back with; they add what they like."""

    class Meta:
        unknown = EXCLUDE

    state = fields.String(load_default="")
    code = fields.String(load_default="")
    error = fields.String(load_default="")
    iss = fields.String(load_default="")


class CodeRequest(StrictSchema):
    """The code of a sign-in and the verifier of whoever began it."""

    code = fields.String(required=True, validate=validate.Length(max=200))
    verifier = fields.String(required=True, validate=validate.Length(min=43, max=128))


class ProviderResponse(Schema):
    """A provider that is configured."""

    name = fields.String(metadata={"example": "google"})
    start = fields.String(metadata={"description": "Where a browser begins, with challenge and next"})


class ProvidersResponse(Schema):
    """All that are."""

    items = fields.List(fields.Nested(ProviderResponse))


class IdentityResponse(Schema):
    """Who the account's owner is at a provider."""

    id = fields.UUID()
    provider = fields.String()
    email = fields.String(metadata={"description": "The address there when it was linked"})
    created_at = fields.AwareDateTime()


class IdentitiesResponse(Schema):
    """All of an account's."""

    items = fields.List(fields.Nested(IdentityResponse))
