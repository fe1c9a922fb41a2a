"""Who may read the metrics, which tell what the system does and how much of it."""

from __future__ import annotations

import hmac
import ipaddress

from flask import request

from api.errors import UnauthenticatedError
from api.extensions import get_settings

FORWARDED = ("Forwarded", "Via", "X-Forwarded-For", "X-Real-IP")
"""What a proxy on this host adds: whoever comes through one is not from here."""


def require_scraper() -> None:
    """Raise the 401 unless the caller has the token of the metrics or, outside production, is on this host."""
    settings = get_settings()
    if settings.metrics_token:
        kind, _, sent = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "bearer" and hmac.compare_digest(sent.strip().encode(), settings.metrics_token.encode()):
            return
        raise UnauthenticatedError("auth.bad_token", "Send Authorization: Bearer <REELYARD_METRICS_TOKEN>")
    if settings.env != "production" and is_from_here():
        return
    raise UnauthenticatedError("auth.missing_token", "The metrics are shut until REELYARD_METRICS_TOKEN is set")


def is_from_here() -> bool:
    """Tell whether the request comes from this host and not through a proxy on it."""
    if any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False
