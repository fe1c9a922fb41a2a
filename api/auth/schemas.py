"""Bodies and answers of the account endpoints."""

from __future__ import annotations

from marshmallow import RAISE, Schema, fields, validate

from api.pagination import PageResponse

EMAIL_EXAMPLE = {"example": "you@example.com"}


def email_field() -> fields.String:
    """Return a field for an address."""
    return fields.String(required=True, validate=validate.Length(max=254), metadata=EMAIL_EXAMPLE)


def password_field(description: str = "") -> fields.String:
    """Return a field for a password."""
    metadata = {"example": "a long enough password", "description": description or "10 to 1024 characters"}
    return fields.String(required=True, validate=validate.Length(max=1024), metadata=metadata)


def token_field() -> fields.String:
    """Return a field for the token of a mailed link."""
    return fields.String(
        required=True, validate=validate.Length(max=200), metadata={"description": "What follows #token= in the link"}
    )


class StrictSchema(Schema):
    """A body whose unknown fields are refused."""

    class Meta:
        unknown = RAISE


class CredentialsRequest(StrictSchema):
    """E-mail and password."""

    email = email_field()
    password = password_field()


class EmailRequest(StrictSchema):
    """An e-mail address."""

    email = email_field()


class MailLinkRequest(StrictSchema):
    """The token of a mailed link."""

    token = token_field()


class LinkPasswordRequest(StrictSchema):
    """The token of a mailed link and a password."""

    token = token_field()
    password = password_field()


class PasswordChangeRequest(StrictSchema):
    """The present password and the new one."""

    current_password = password_field("The present one")
    password = password_field()


class ClosingRequest(StrictSchema):
    """The present password, once more."""

    password = fields.String(
        load_default="",
        validate=validate.Length(max=1024),
        metadata={"description": "The present one; left out by accounts that have none"},
    )


class TokenResponse(Schema):
    """A pair of tokens."""

    access_token = fields.String()
    refresh_token = fields.String(metadata={"description": "Good for one exchange"})
    token_type = fields.String(metadata={"example": "Bearer"})
    expires_in_s = fields.Integer(metadata={"description": "Seconds the access token lives"})


class UserResponse(Schema):
    """An account."""

    id = fields.UUID()
    email = fields.String()
    role = fields.String()
    plan = fields.String(attribute="plan_code")
    created_at = fields.AwareDateTime()


class MailedResponse(Schema):
    """What is the same for every address."""

    status = fields.String(metadata={"example": "mailed"})
    message = fields.String(metadata={"example": "A mail is on its way, if the address can get one"})


class SessionResponse(Schema):
    """A session that is good."""

    id = fields.UUID()
    method = fields.String(metadata={"description": "password, google, github, or the URL of an issuer"})
    address = fields.String(metadata={"description": "Network address it was opened from"})
    user_agent = fields.String()
    created_at = fields.AwareDateTime()
    refreshed_at = fields.AwareDateTime(metadata={"description": "Last exchange of its refresh token"})
    expires_at = fields.AwareDateTime()
    current = fields.Boolean(metadata={"description": "Whether it is the one that asks"})


class SessionsResponse(PageResponse):
    """A page of sessions."""

    items = fields.List(fields.Nested(SessionResponse))
