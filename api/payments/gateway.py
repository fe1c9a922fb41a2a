"""The one place that speaks to Stripe, by its own library, with timeouts that a request can afford."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from api.errors import ApiError, UnavailableError
from api.extensions import get_settings
from tasks.errors import InvalidInputError

if TYPE_CHECKING:
    from stripe import StripeClient

logger = logging.getLogger(__name__)

TIMEOUT_S = 10.0
TOLERANCE_S = 300
"""A webhook's timestamp may be so old; an older one is a replay."""

LATEST = 253_402_300_799
"""The last second of the year 9999."""

T = TypeVar("T")


class PaymentsOffError(ApiError):
    """Raised when payments are asked for and Stripe is not configured."""


class GatewayError(ApiError):
    """Raised when Stripe refuses what we ask of it, which is a fault of the configuration."""


def is_on() -> bool:
    """Tell whether Stripe is configured."""
    return bool(get_settings().stripe_secret_key)


def require_on() -> None:
    """Raise ``payments.off`` unless Stripe is configured."""
    if not is_on():
        raise PaymentsOffError("payments.off", "Payments are not switched on here")


def get_client() -> StripeClient:
    """Return Stripe's client, or raise ``payments.off``."""
    require_on()
    settings = get_settings()
    return _client(settings.stripe_secret_key, settings.stripe_api_url)


@lru_cache(maxsize=4)
def _client(key: str, base: str) -> StripeClient:
    import stripe

    stripe.enable_telemetry = False
    http = stripe.RequestsClient(timeout=TIMEOUT_S)
    return stripe.StripeClient(key, base_addresses={"api": base}, http_client=http, max_network_retries=1)


def ask(call: Callable[[], T]) -> T:
    """Make a call to Stripe; raise ``payments.unavailable`` or ``payments.gateway_refused``."""
    import stripe

    try:
        return call()
    except (stripe.APIConnectionError, stripe.RateLimitError) as error:
        logger.warning("stripe does not answer", extra={"error": type(error).__name__})
        raise UnavailableError("payments.unavailable", "The payment service does not answer; try again") from error
    except stripe.StripeError as error:
        if (error.http_status or 500) >= 500:
            raise UnavailableError("payments.unavailable", "The payment service has a fault; try again") from error
        logger.error("stripe refuses", extra={"error": type(error).__name__, "status": error.http_status})
        raise GatewayError("payments.gateway_refused", "The payment service refuses what we ask of it") from error


def verify(payload: bytes, header: str | None) -> dict[str, Any]:
    """Return the event that a webhook carries; raise ``payments.bad_signature`` unless Stripe signed it just now."""
    import json

    import stripe

    secrets = [secret for secret in get_settings().stripe_webhook_secret.split(",") if secret]
    for secret in secrets:
        try:
            stripe.WebhookSignature.verify_header(payload, header, secret.strip(), TOLERANCE_S)
        except (stripe.SignatureVerificationError, UnicodeDecodeError):
            continue
        try:
            return read_event(json.loads(payload))
        except ValueError as error:
            raise InvalidInputError("payments.bad_event", "The event is not JSON") from error
    raise InvalidInputError("payments.bad_signature", "The signature is not Stripe's, or too old")


def read_event(event: Any) -> dict[str, Any]:
    """Return a signed event that has what every event has; raise ``payments.bad_event``."""
    known = isinstance(event, dict) and is_moment(event.get("created"))
    if not known or not all(isinstance(event.get(name), str) for name in ("id", "type")):
        raise InvalidInputError("payments.bad_event", "The event has no id, type or time")
    data = event.get("data")
    if not isinstance(data, dict) or not isinstance(data.get("object"), dict):
        raise InvalidInputError("payments.bad_event", "The event is about nothing")
    return dict(event)


def is_moment(value: Any) -> bool:
    """Tell whether a value is a number of whole seconds that a date can be made of."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and 0 <= value <= LATEST and value == int(value)
