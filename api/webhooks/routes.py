"""Webhook endpoints. Nothing is sent while a request is answered: the engine's couriers do that."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask.views import MethodView
from flask_smorest import Blueprint

import api.webhooks.effects  # noqa: F401  registers what jobs tell
from api.assets.docs import problems
from api.auth import current_user, login_required
from api.extensions import db
from api.ids import get_owned
from api.ownership import placed_in, visible_to
from api.pagination import OwnedPageQuery, filters_of, paginate
from api.webhooks import service
from api.webhooks.models import Webhook, WebhookDelivery
from api.webhooks.schemas import (
    DeliveryPageResponse,
    DeliveryQuery,
    DeliveryResponse,
    ReplayRequest,
    ReplayResponse,
    WebhookChangeRequest,
    WebhookInfoResponse,
    WebhookPageResponse,
    WebhookRequest,
    WebhookSecretResponse,
)

blueprint = Blueprint("webhooks", __name__, url_prefix="/api/v1", description="Events sent to your own servers")

NOT_FOUND = {403: "organisation.forbidden", 404: "webhook.not_found"}
NO_MESSAGE = {403: "organisation.forbidden", 404: "webhook.not_found, delivery.not_found"}


def with_secret(webhook: Webhook, secret: str) -> dict[str, Any]:
    """Return an endpoint as it is shown, and its secret."""
    return {**{name: getattr(webhook, name) for name in WebhookInfoResponse().fields}, "secret": secret}


@blueprint.route("/webhooks")
class WebhookList(MethodView):
    """All endpoints."""

    decorators = [login_required]

    @blueprint.arguments(OwnedPageQuery, location="query")
    @blueprint.response(200, WebhookPageResponse)
    @problems(blueprint, {404: "organisation.not_found"})
    def get(self, query: dict[str, Any]) -> Any:
        """List webhooks, newest first"""
        chosen = db.select(Webhook).where(visible_to(Webhook, query.pop("organisation_id")))
        return paginate(db.session(), chosen, Webhook, query)

    @blueprint.arguments(WebhookRequest)
    @blueprint.response(201, WebhookSecretResponse)
    @problems(
        blueprint,
        {
            403: "organisation.forbidden",
            404: "organisation.not_found",
            409: "webhook.too_many",
            422: "webhook.url_refused, request.invalid",
        },
    )
    def post(self, body: dict[str, Any]) -> Any:
        """Make a webhook

        Events of what you (or the organisation) own are POSTed to the URL by the Standard Webhooks form. The answer
        holds the secret that signs them; it is not shown again. Without `events`, the ends of jobs are sent.
        """
        placed_in(body.get("organisation_id"))
        webhook, secret = service.create_webhook(db.session(), current_user(), body)
        db.session.commit()
        return with_secret(webhook, secret)


@blueprint.route("/webhooks/<uuid:webhook_id>")
class WebhookItem(MethodView):
    """One endpoint."""

    decorators = [login_required]

    @blueprint.response(200, WebhookInfoResponse)
    @problems(blueprint, {404: "webhook.not_found"})
    def get(self, webhook_id: UUID) -> Webhook:
        """Look at a webhook"""
        return get_owned(Webhook, webhook_id)

    @blueprint.arguments(WebhookChangeRequest)
    @blueprint.response(200, WebhookInfoResponse)
    @problems(blueprint, {**NOT_FOUND, 422: "webhook.url_refused, request.invalid"})
    def patch(self, body: dict[str, Any], webhook_id: UUID) -> Webhook:
        """Change a webhook

        Disabling it fails what waits for it; enabling it again forgets its failures. Events that happen while it is
        disabled are not kept for it.
        """
        webhook = get_owned(Webhook, webhook_id)
        service.change_webhook(db.session(), webhook, body)
        db.session.commit()
        return webhook

    @blueprint.response(204)
    @problems(blueprint, NOT_FOUND)
    def delete(self, webhook_id: UUID) -> None:
        """Delete a webhook

        Its log goes with it, and what waits to be sent.
        """
        service.delete_webhook(db.session(), get_owned(Webhook, webhook_id))
        db.session.commit()


@blueprint.route("/webhooks/<uuid:webhook_id>/secret")
class WebhookSecret(MethodView):
    """The secret that signs."""

    decorators = [login_required]

    @blueprint.response(200, WebhookSecretResponse)
    @problems(blueprint, NOT_FOUND)
    def post(self, webhook_id: UUID) -> Any:
        """Make another secret

        For 24 hours messages carry two signatures, by the new secret and by the one before.
        """
        webhook = get_owned(Webhook, webhook_id)
        secret = service.rotate(db.session(), webhook)
        db.session.commit()
        return with_secret(webhook, secret)


@blueprint.route("/webhooks/<uuid:webhook_id>/test")
class WebhookTest(MethodView):
    """Trying it out."""

    decorators = [login_required]

    @blueprint.response(202, DeliveryResponse)
    @problems(blueprint, {**NOT_FOUND, 409: "webhook.disabled"})
    def post(self, webhook_id: UUID) -> WebhookDelivery:
        """Send a test message

        A `webhook.test`, in a moment; the log shows what came of it.
        """
        delivery = service.send_test(db.session(), get_owned(Webhook, webhook_id))
        db.session.commit()
        return delivery


@blueprint.route("/webhooks/<uuid:webhook_id>/deliveries")
class DeliveryList(MethodView):
    """The log."""

    decorators = [login_required]

    @blueprint.arguments(DeliveryQuery, location="query")
    @blueprint.response(200, DeliveryPageResponse)
    @problems(blueprint, {404: "webhook.not_found"})
    def get(self, query: dict[str, Any], webhook_id: UUID) -> Any:
        """List what was sent, newest first

        Every message with every try: the receiver's status or why there was none, and when it is tried next.
        """
        webhook = get_owned(Webhook, webhook_id)
        chosen = service.select_deliveries(webhook.id, filters_of(query))
        return paginate(db.session(), chosen, WebhookDelivery, query)


@blueprint.route("/webhooks/<uuid:webhook_id>/deliveries/<uuid:delivery_id>")
class DeliveryItem(MethodView):
    """One message."""

    decorators = [login_required]

    @blueprint.response(200, DeliveryResponse)
    @problems(blueprint, {404: "webhook.not_found, delivery.not_found"})
    def get(self, webhook_id: UUID, delivery_id: UUID) -> WebhookDelivery:
        """Look at a message"""
        return service.get_delivery(db.session(), get_owned(Webhook, webhook_id), delivery_id)


@blueprint.route("/webhooks/<uuid:webhook_id>/deliveries/<uuid:delivery_id>/replay")
class DeliveryReplay(MethodView):
    """Sending one message again."""

    decorators = [login_required]

    @blueprint.response(202, DeliveryResponse)
    @problems(blueprint, {**NO_MESSAGE, 409: "webhook.disabled"})
    def post(self, webhook_id: UUID, delivery_id: UUID) -> WebhookDelivery:
        """Send a message again

        With the same id, so that a receiver that has it already can tell; with all its tries anew.
        """
        delivery = service.replay(db.session(), get_owned(Webhook, webhook_id), delivery_id)
        db.session.commit()
        return delivery


@blueprint.route("/webhooks/<uuid:webhook_id>/replay")
class WebhookReplay(MethodView):
    """Sending again what failed."""

    decorators = [login_required]

    @blueprint.arguments(ReplayRequest)
    @blueprint.response(202, ReplayResponse)
    @problems(blueprint, {**NOT_FOUND, 409: "webhook.disabled"})
    def post(self, body: dict[str, Any], webhook_id: UUID) -> Any:
        """Send again all that failed since a time"""
        count = service.replay_failed(db.session(), get_owned(Webhook, webhook_id), body["since"])
        db.session.commit()
        return {"replayed": count}
