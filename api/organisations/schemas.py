"""What organisations look like from outside."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from api.assets.schemas import StrictSchema
from api.organisations.models import InvitationState, Role

PRINTED = r"^(?=.*[^\s\x7f-\xa0])[^\x00-\x1f\x7f]+$"
NAMED = [validate.Length(1, 120), validate.Regexp(PRINTED, error="No control characters, not blank.")]
A_ROLE = validate.OneOf([role.value for role in Role])
ROLES = {"description": "viewer reads; editor also writes; owner also manages", "example": "editor"}


class OrganisationRequest(StrictSchema):
    """What it is called."""

    name = fields.String(required=True, validate=NAMED, metadata={"example": "Studio North"})


class OrganisationResponse(Schema):
    """An organisation, and what the caller is there."""

    id = fields.UUID(attribute="organisation.id")
    name = fields.String(attribute="organisation.name")
    created_at = fields.AwareDateTime(attribute="organisation.created_at")
    role = fields.String(validate=A_ROLE, metadata={"description": "The caller's own role"})


class OrganisationsResponse(Schema):
    """Where the caller belongs."""

    items = fields.List(fields.Nested(OrganisationResponse))


class MemberResponse(Schema):
    """One member."""

    user_id = fields.UUID()
    email = fields.String(attribute="user.email")
    role = fields.String(validate=A_ROLE, metadata=ROLES)
    joined_at = fields.AwareDateTime(attribute="created_at")


class MembersResponse(Schema):
    """Who belongs."""

    items = fields.List(fields.Nested(MemberResponse))


class RoleRequest(StrictSchema):
    """What a member shall be."""

    role = fields.String(required=True, validate=A_ROLE, metadata=ROLES)


class HandOverRequest(StrictSchema):
    """Who shall be owner."""

    user_id = fields.UUID(required=True)


class InvitationRequest(StrictSchema):
    """Who shall join, and as what."""

    email = fields.String(required=True, validate=validate.Length(max=254), metadata={"example": "you@example.com"})
    role = fields.String(required=True, validate=A_ROLE, metadata=ROLES)


class InvitationResponse(Schema):
    """An invitation as owners see it; never its token."""

    id = fields.UUID()
    organisation_id = fields.UUID()
    email = fields.String()
    role = fields.String(validate=A_ROLE, metadata=ROLES)
    state = fields.String(validate=validate.OneOf([state.value for state in InvitationState]))
    created_at = fields.AwareDateTime()
    expires_at = fields.AwareDateTime()


class InvitationCreatedResponse(InvitationResponse):
    """A new invitation."""

    sent = fields.Boolean(metadata={"description": "Whether it went out by e-mail"})
    link = fields.String(
        allow_none=True,
        metadata={"description": "When it was not sent: for you to hand over; shown only now"},
    )


class InvitationsResponse(Schema):
    """Who is invited."""

    items = fields.List(fields.Nested(InvitationResponse))


class InvitationTokenRequest(StrictSchema):
    """What the link holds."""

    token = fields.String(required=True, validate=validate.Length(1, 200))
