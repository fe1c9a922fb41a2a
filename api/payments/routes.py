"""Payment endpoints."""

from __future__ import annotations

from typing import Any

from flask import request
from flask.views import MethodView
from flask_smorest import Blueprint

from api.assets.docs import problems
from api.auth import current_user, login_required
from api.extensions import db
from api.idempotency import HEADER, KEY_PARAMETER, idempotent
from api.payments import service
from api.payments.gateway import require_on, verify
from api.payments.schemas import (
    CheckoutRequest,
    CheckoutResponse,
    PaymentsResponse,
    PortalResponse,
    WebhookResponse,
)
from api.payments.webhook import receive

blueprint = Blueprint("payments", __name__, url_prefix="/api/v1", description="Buying credits and plans, by Stripe")

GATEWAY = {501: "payments.off", 502: "payments.gateway_refused", 503: "payments.unavailable"}


@blueprint.route("/payments")
class Payments(MethodView):
    """What there is to buy and what was bought."""

    decorators = [login_required]

    @blueprint.response(200, PaymentsResponse)
    @problems(blueprint, {})
    def get(self) -> Any:
        """See what can be bought, the subscription and past payments"""
        return service.describe(db.session(), current_user())


@blueprint.route("/payments/checkout")
class Checkout(MethodView):
    """Buying."""

    decorators = [login_required]

    @idempotent("payments.checkout")
    @blueprint.doc(parameters=[KEY_PARAMETER])
    @blueprint.arguments(CheckoutRequest)
    @blueprint.response(201, CheckoutResponse)
    @problems(blueprint, {404: "payments.unknown_item", 409: "payments.subscribed", 422: "request.invalid", **GATEWAY})
    def post(self, body: dict[str, Any]) -> Any:
        """Begin to buy a pack or a plan

        Nothing is given before Stripe has told that the money is there. Send an ``Idempotency-Key``.
        """
        return service.start_checkout(db.session(), current_user(), body["item"], key=request.headers.get(HEADER))


@blueprint.route("/payments/portal")
class Portal(MethodView):
    """Managing."""

    decorators = [login_required]

    @idempotent("payments.portal")
    @blueprint.doc(parameters=[KEY_PARAMETER])
    @blueprint.response(201, PortalResponse)
    @problems(blueprint, {409: "payments.no_customer", **GATEWAY})
    def post(self) -> Any:
        """Open Stripe's portal for cards, invoices and the subscription"""
        return service.open_portal(db.session(), current_user())


@blueprint.route("/payments/webhook")
class Webhook(MethodView):
    """What Stripe tells."""

    @blueprint.response(200, WebhookResponse)
    @problems(blueprint, {400: "payments.bad_signature, payments.bad_event", **GATEWAY})
    def post(self) -> Any:
        """Take an event that Stripe signed

        Each event has its effect once, in whatever order and how often it comes; one of a kind that is not known here
        is recorded and ignored. Signed in ``Stripe-Signature``, at most five minutes old.
        """
        require_on()
        event = verify(request.get_data(cache=True), request.headers.get("Stripe-Signature"))
        outcome = receive(db.session(), event)
        db.session.commit()
        return {"outcome": outcome}
