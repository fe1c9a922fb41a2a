"""What payments look like from outside."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from api.assets.schemas import StrictSchema
from api.payments.catalogue import ItemKind


class ItemResponse(Schema):
    """Something to buy; Stripe's page shows what it costs."""

    code = fields.String(metadata={"example": "pack.small"})
    kind = fields.String(validate=validate.OneOf([kind.value for kind in ItemKind]))
    credits = fields.Integer(
        metadata={"description": "Given once, or with every paid period of a plan", "example": 500}
    )


class SubscriptionResponse(Schema):
    """A live subscription."""

    plan = fields.String(attribute="plan_code", allow_none=True, metadata={"example": "pro"})
    status = fields.String(metadata={"example": "active"})
    renews_at = fields.AwareDateTime(allow_none=True)
    cancels = fields.Boolean(metadata={"description": "It ends instead of being renewed"})


class PaymentResponse(Schema):
    """One payment and what it gave."""

    item = fields.String(metadata={"example": "pack.small"})
    credits = fields.Integer(metadata={"example": 500})
    taken = fields.Integer(metadata={"description": "Credits taken back because the money went back", "example": 0})
    amount = fields.Integer(metadata={"description": "In the currency's smallest unit", "example": 900})
    refunded = fields.Integer(metadata={"example": 0})
    currency = fields.String(metadata={"example": "eur"})
    disputed = fields.Boolean()
    created_at = fields.AwareDateTime()


class PaymentsResponse(Schema):
    """What there is to buy and what was bought."""

    enabled = fields.Boolean()
    items = fields.List(fields.Nested(ItemResponse))
    subscription = fields.Nested(SubscriptionResponse, allow_none=True)
    payments = fields.List(fields.Nested(PaymentResponse), metadata={"description": "The latest 50"})


class CheckoutRequest(StrictSchema):
    """What to buy."""

    item = fields.String(required=True, validate=validate.Length(1, 40), metadata={"example": "pack.small"})


class CheckoutResponse(Schema):
    """Where to pay."""

    id = fields.String(metadata={"example": "cs_test_a1"})
    url = fields.String(metadata={"description": "Stripe's page; send the browser there"})


class PortalResponse(Schema):
    """Where cards and the subscription are managed."""

    url = fields.String()


class WebhookResponse(Schema):
    """What came of an event."""

    outcome = fields.String(validate=validate.OneOf(["applied", "ignored", "repeated"]))
