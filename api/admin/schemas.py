"""What administrators see and send."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from api.assets.schemas import StrictSchema
from api.pagination import PageQuery, PageResponse
from api.users.service import ROLES

CAP = validate.Range(0, 1 << 62)


class AdminUserQuery(PageQuery):
    """Which users."""

    search = fields.String(
        load_default="", validate=validate.Length(max=254), metadata={"description": "Part of the e-mail address"}
    )
    role = fields.String(validate=validate.OneOf(ROLES))
    plan = fields.String(validate=validate.Length(1, 32))
    enabled = fields.Boolean()


class AdminUserResponse(Schema):
    """An account as administrators see it."""

    id = fields.UUID()
    email = fields.String()
    role = fields.String()
    plan = fields.String(attribute="plan_code")
    enabled = fields.Boolean(metadata={"description": "false: banned"})
    created_at = fields.AwareDateTime()


class QuotaStateResponse(Schema):
    """One limit of a user."""

    used = fields.Integer()
    cap = fields.Integer(metadata={"description": "What holds: the user's own limit, else the plan's"})
    remaining = fields.Integer()
    resets_at = fields.AwareDateTime(allow_none=True)


class AdminUserDetailsResponse(AdminUserResponse):
    """An account with its limits and where it belongs."""

    overrides = fields.Dict(
        keys=fields.String(), values=fields.Integer(), metadata={"description": "Limits that differ from the plan's"}
    )
    quotas = fields.Dict(keys=fields.String(), values=fields.Nested(QuotaStateResponse))
    session_count = fields.Integer(metadata={"description": "Sessions that are open"})
    token_count = fields.Integer(metadata={"description": "API tokens that are good"})


class AdminUserPageResponse(PageResponse):
    """A page of accounts."""

    items = fields.List(fields.Nested(AdminUserResponse))


class AdminUserRequest(StrictSchema):
    """What shall change."""

    role = fields.String(validate=validate.OneOf(ROLES))
    plan = fields.String(validate=validate.Length(1, 32))


class BanRequest(StrictSchema):
    """Why."""

    reason = fields.String(required=True, validate=validate.Length(1, 500), metadata={"example": "spam"})


class QuotaOverridesRequest(StrictSchema):
    """Limits of one user in place of the plan's; what is null or absent is the plan's again."""

    daily_renders = fields.Integer(strict=True, load_default=None, allow_none=True, validate=CAP)
    monthly_renders = fields.Integer(strict=True, load_default=None, allow_none=True, validate=CAP)
    concurrent_renders = fields.Integer(strict=True, load_default=None, allow_none=True, validate=CAP)
    storage_bytes = fields.Integer(strict=True, load_default=None, allow_none=True, validate=CAP)


class PlanResponse(Schema):
    """A plan."""

    code = fields.String(metadata={"example": "pro"})
    daily_renders = fields.Integer()
    monthly_renders = fields.Integer()
    concurrent_renders = fields.Integer()
    storage_bytes = fields.Integer()
    weight = fields.Integer(metadata={"description": "Share of the farm when it is full"})
    credits_per_day = fields.Integer()
    credit_ceiling = fields.Integer()


class PlansResponse(Schema):
    """All plans."""

    items = fields.List(fields.Nested(PlanResponse))


class PlanRequest(StrictSchema):
    """What shall change of a plan; it holds for everyone on it from the next request on."""

    daily_renders = fields.Integer(strict=True, validate=validate.Range(0, 2**31 - 1))
    monthly_renders = fields.Integer(strict=True, validate=validate.Range(0, 2**31 - 1))
    concurrent_renders = fields.Integer(strict=True, validate=validate.Range(0, 2**31 - 1))
    storage_bytes = fields.Integer(strict=True, validate=CAP)
    weight = fields.Integer(strict=True, validate=validate.Range(1, 1000))
    credits_per_day = fields.Integer(strict=True, validate=CAP)
    credit_ceiling = fields.Integer(strict=True, validate=CAP)
