"""Messages that workers would not take, kept in Redis for administrators: the latest thousand, without their bodies."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import redis

KEY = "reelyard:refused-messages"
MOST = 1000
_LONGEST = 200
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Refused:
    """One message that was not executed.

    :param reason: ``not_json``, ``unknown_task``, ``malformed`` or ``too_large``.
    :param task: what it said it was, :param content_type: how it said it was written; both cut to 200 characters.
    :param sha256: of its body, which is kept nowhere.
    """

    at: str
    node: str
    queue: str
    reason: str
    task: str
    content_type: str
    size_bytes: int
    sha256: str


def describe(message: Any, *, node: str, reason: str) -> Refused:
    """Tell of a message (kombu's) what can be told without looking into its body; never raises for what it holds."""
    headers = message.headers if isinstance(message.headers, Mapping) else {}
    delivery = message.delivery_info if isinstance(message.delivery_info, Mapping) else {}
    body = body_of(message)
    return Refused(
        at=datetime.now(UTC).isoformat(),
        node=node,
        queue=_cut(delivery.get("routing_key", "")),
        reason=reason,
        task=_cut(headers.get("task", "")),
        content_type=_cut(message.content_type),
        size_bytes=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
    )


def body_of(message: Any) -> bytes:
    """Return a message's body as it came."""
    body = message.body
    return body if isinstance(body, bytes) else str(body).encode(errors="replace")


def note_refused(redis_url: str, refused: Refused) -> None:
    """Keep and log a refusal; without Redis it is only logged."""
    _log.warning("message refused", extra={"refused": asdict(refused)})
    try:
        with redis.Redis.from_url(redis_url, socket_timeout=2, socket_connect_timeout=2) as client:
            client.lpush(KEY, json.dumps(asdict(refused)))
            client.ltrim(KEY, 0, MOST - 1)
    except redis.RedisError as error:
        _log.warning("refusal not kept", extra={"error": str(error)})


def list_refused(client: redis.Redis, *, limit: int) -> list[Refused]:
    """Return the latest refusals, newest first."""
    rows: Any = client.lrange(KEY, 0, limit - 1)
    return [Refused(**json.loads(row)) for row in rows]


def _cut(value: Any) -> str:
    return str("" if value is None else value)[:_LONGEST]
