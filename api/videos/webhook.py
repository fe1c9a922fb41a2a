"""What Replicate tells when a prediction is done: a doorbell, nothing more.

The signature is checked (Standard Webhooks: HMAC-SHA256 over id, time and body); then whoever waits for the prediction
is woken and asks the provider itself, so that a forged, stale or repeated message can change nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import redis
from sqlalchemy.orm import Session

from api.errors import ApiError
from api.extensions import get_redis, get_settings
from api.videos.models import Prediction
from tasks.errors import InvalidInputError
from tasks.names import prediction_list

logger = logging.getLogger(__name__)

TOLERANCE_S = 300
KEPT_S = 3600


class WebhooksOffError(ApiError):
    """Raised when no signing secret is configured."""


def verify(headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """Return what a signed message says; raise ``provider.webhooks_off``, ``provider.bad_signature``."""
    key = get_settings().clips.signing_key
    if not key:
        raise WebhooksOffError("provider.webhooks_off", "No webhooks are taken here")
    name, sent_at, given = (headers.get(f"webhook-{part}", "") for part in ("id", "timestamp", "signature"))
    if not (sent_at.isascii() and sent_at.isdigit() and abs(time.time() - int(sent_at[:15])) <= TOLERANCE_S):
        raise InvalidInputError("provider.bad_signature", "The message is too old, or does not say when it was sent")
    wanted = hmac.new(key, f"{name}.{sent_at}.".encode() + body, hashlib.sha256).digest()
    if not any(hmac.compare_digest(wanted, one) for one in read_signatures(given)):
        raise InvalidInputError("provider.bad_signature", "The signature is not the provider's")
    try:
        document = json.loads(body)
    except ValueError as error:
        raise InvalidInputError("provider.bad_signature", "The message is not JSON") from error
    if not isinstance(document, dict) or not isinstance(document.get("id"), str):
        raise InvalidInputError("provider.bad_signature", "The message names no prediction")
    return document


def read_signatures(header: str) -> list[bytes]:
    """Return the signatures of version 1 in a header; there are several while a secret is replaced."""
    found = []
    for part in header.split()[:8]:
        version, _, text = part.partition(",")
        try:
            found += [base64.b64decode(text, validate=True)] if version == "v1" else []
        except (binascii.Error, ValueError):
            continue
    return found


def take(session: Session, told: Mapping[str, Any]) -> str:
    """Note once that a prediction is done; return ``told``, ``known`` or ``unknown``. The caller commits and rings."""
    row = session.get(Prediction, str(told["id"])[:120], with_for_update=True)
    if row is None:
        return "unknown"
    if row.told_at is not None:
        return "known"
    row.told_at = datetime.now(UTC)
    return "told"


def ring(prediction_ref: str) -> None:
    """Wake whoever waits for a prediction; without Redis they find out by asking."""
    name = prediction_list(prediction_ref[:120])
    try:
        pipeline = get_redis().pipeline()
        pipeline.rpush(name, "done")
        pipeline.expire(name, KEPT_S)
        pipeline.execute()
    except redis.RedisError as error:
        logger.info("nobody woken", extra={"error": type(error).__name__})
