"""What credits look like from outside."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from api.assets.schemas import StrictSchema
from api.credits.ledger import Kind
from api.credits.prices import Unit
from api.credits.service import MOST_CREDITS
from api.fields import Moment
from api.pagination import PageQuery, PageResponse

KINDS = [kind.value for kind in Kind]


class PriceResponse(Schema):
    """What an action costs; the whole of it is rounded up to whole credits."""

    action = fields.String(metadata={"example": "render.1080p"})
    unit = fields.String(validate=validate.OneOf([unit.value for unit in Unit]))
    credits = fields.Float(metadata={"description": "Credits per unit", "example": 10})


class CreditsResponse(Schema):
    """What is there, what is held and what comes."""

    enabled = fields.Boolean(metadata={"description": "false: nothing costs anything here"})
    plan = fields.String(metadata={"example": "free"})
    balance = fields.Integer(metadata={"description": "Credits to spend", "example": 940})
    held = fields.Integer(metadata={"description": "Reserved by work that has not ended", "example": 20})
    debt = fields.Integer(metadata={"description": "Owed after money was taken back; what comes in pays it first"})
    credits_per_day = fields.Integer(metadata={"example": 1000})
    credit_ceiling = fields.Integer(metadata={"description": "Daily credits stop here", "example": 5000})
    next_recharge_at = fields.AwareDateTime()
    prices = fields.List(fields.Nested(PriceResponse))


class CreditEntryResponse(Schema):
    """One line of the ledger."""

    id = fields.UUID()
    kind = fields.String(validate=validate.OneOf(KINDS))
    action = fields.String(metadata={"description": "What it was for; empty where no work was", "example": "still"})
    amount = fields.Integer(metadata={"description": "Change of the balance", "example": -20})
    balance_before = fields.Integer(metadata={"example": 960})
    balance_after = fields.Integer(metadata={"example": 940})
    debt_change = fields.Integer(metadata={"example": 0})
    debt_after = fields.Integer(metadata={"example": 0})
    job_id = fields.UUID(allow_none=True)
    success = fields.Boolean(allow_none=True, metadata={"description": "Of the work; null before its end, and without"})
    details = fields.Dict(keys=fields.String(), metadata={"description": "reserved and charged, reason, plan, …"})
    created_at = fields.AwareDateTime()


class CreditHistoryResponse(PageResponse):
    """A page of the ledger, newest first."""

    items = fields.List(fields.Nested(CreditEntryResponse))


class CreditHistoryQuery(PageQuery):
    """Filters of the ledger."""

    kind = fields.String(validate=validate.OneOf(KINDS))
    job_id = fields.UUID()
    since = Moment(metadata={"description": "From then on"})
    until = Moment(metadata={"description": "Before then"})


class CreditAdjustment(StrictSchema):
    """Credits that an administrator gives or takes."""

    amount = fields.Integer(
        required=True,
        strict=True,
        validate=[validate.Range(-MOST_CREDITS, MOST_CREDITS), validate.NoneOf([0])],
        metadata={"description": "Given when positive, taken when negative", "example": 500},
    )
    reason = fields.String(
        required=True,
        validate=validate.Length(3, 500),
        metadata={"description": "Kept in the ledger and in the audit log", "example": "A render failed by our fault"},
    )
