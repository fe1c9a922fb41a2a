"""How webhooks leave, as the environment says."""

from __future__ import annotations

from dataclasses import dataclass, field

WEBHOOK_VARIABLES = {
    "round_s": "REELYARD_WEBHOOK_S",
    "timeout_s": "REELYARD_WEBHOOK_TIMEOUT_S",
    "log_days": "REELYARD_WEBHOOK_LOG_DAYS",
    "disable_days": "REELYARD_WEBHOOK_DISABLE_DAYS",
    "inside": "REELYARD_WEBHOOK_INSIDE",
    "proxy": "REELYARD_FETCH_PROXY",
    "key": "REELYARD_WEBHOOK_KEY",
    "at_once": "REELYARD_WEBHOOK_AT_ONCE",
}


@dataclass(frozen=True)
class WebhookSettings:
    """Pauses, limits and reach of the couriers; names as in ``tasks.environment``.

    :param key: what endpoints' secrets are made of; where it is empty the secret of the tokens is.
    """

    round_s: float
    timeout_s: float
    log_days: int
    disable_days: int
    inside: bool
    proxy: str
    key: str = field(repr=False)
    at_once: int


def check_webhooks(settings: WebhookSettings, *, production: bool) -> list[str]:
    """Name what would let strangers reach the inner network."""
    if production and settings.inside:
        return ["REELYARD_WEBHOOK_INSIDE is for tests and development: users could reach the inner network"]
    return []
