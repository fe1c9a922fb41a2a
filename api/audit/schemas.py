"""What the audit log looks like from outside."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from api.assets.schemas import StrictSchema
from api.fields import Moment
from api.pagination import PageQuery, PageResponse

WORD = validate.Length(1, 64)


class AuditFilter(StrictSchema):
    """Which entries."""

    actor_id = fields.UUID(metadata={"description": "Who did it"})
    action = fields.String(
        validate=WORD, metadata={"description": "user.banned; or user. for all that begin so", "example": "user.banned"}
    )
    target_type = fields.String(validate=WORD, metadata={"example": "user"})
    target_id = fields.String(validate=WORD)
    organisation_id = fields.UUID()
    request_id = fields.String(validate=WORD)
    since = Moment(metadata={"description": "Inclusive"})
    until = Moment(metadata={"description": "Exclusive"})


class AuditQuery(AuditFilter, PageQuery):  # type: ignore[misc]  # both refuse what they do not know
    """Which page of which entries."""


class ExportQuery(AuditFilter):
    """Which entries, in which form."""

    format = fields.String(load_default="ndjson", validate=validate.OneOf(["ndjson", "csv"]))


class OrganisationAuditQuery(PageQuery):
    """Which entries of an organisation."""

    action = fields.String(validate=WORD)
    since = Moment()
    until = Moment()


class AuditEntryResponse(Schema):
    """One thing that somebody did."""

    id = fields.UUID()
    created_at = fields.AwareDateTime()
    action = fields.String(metadata={"example": "user.banned"})
    actor_id = fields.UUID(allow_none=True, metadata={"description": "null: nobody was signed in"})
    actor_email = fields.String(metadata={"description": "As it was then"})
    via = fields.String(validate=validate.OneOf(["session", "token", "anonymous", "system"]))
    token_id = fields.UUID(allow_none=True, metadata={"description": "The API token that was used"})
    target_type = fields.String(metadata={"example": "user"})
    target_id = fields.String()
    organisation_id = fields.UUID(allow_none=True)
    before = fields.Dict(allow_none=True)
    after = fields.Dict(allow_none=True)
    address = fields.String(metadata={"description": "Where the request came from"})
    request_id = fields.String()


class AuditPageResponse(PageResponse):
    """A page of the audit log."""

    items = fields.List(fields.Nested(AuditEntryResponse))
