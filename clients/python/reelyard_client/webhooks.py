"""Check that a webhook is Reelyard's: the Standard Webhooks form, https://www.standardwebhooks.com."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

TOLERANCE_S = 300
"""How far a message's time may be from now, as Standard Webhooks recommends."""


class WebhookError(Exception):
    """Raised for a message that is not Reelyard's, was changed on its way, or is too old."""


class Webhook:
    """Checks messages by an endpoint's secret."""

    def __init__(self, secret: str) -> None:
        """Remember the secret, ``whsec_…`` as the API showed it."""
        self._key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)

    def verify(self, body: bytes, headers: Mapping[str, str], *, now: float | None = None) -> Any:
        """Return the message; raise WebhookError unless one of its signatures is good and its time is near.

        :param body: the bytes as they came, before anything parses them.
        :param now: seconds since 1970, by default the clock's.
        """
        given = {name.lower(): value for name, value in headers.items()}
        missing = [name for name in ("webhook-id", "webhook-timestamp", "webhook-signature") if name not in given]
        if missing:
            raise WebhookError(f"Without {', '.join(missing)}")
        moment = given["webhook-timestamp"]
        if not (moment.isascii() and moment.isdigit()):
            raise WebhookError("The time is no number of seconds")
        if abs((time.time() if now is None else now) - int(moment)) > TOLERANCE_S:
            raise WebhookError("Too old, or from the future")
        content = f"{given['webhook-id']}.{moment}.".encode() + body
        wanted = b"v1," + base64.b64encode(hmac.new(self._key, content, hashlib.sha256).digest())
        signatures = given["webhook-signature"].encode().split()
        if not any([hmac.compare_digest(wanted, signature) for signature in signatures]):
            raise WebhookError("No signature is good")
        return json.loads(body)
