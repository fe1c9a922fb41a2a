"""A subscription on Redis that may be lost at any time and is taken up again."""

from __future__ import annotations

import logging
import time
from typing import Any

import redis

logger = logging.getLogger(__name__)

POLL_S = 0.5
"""Pause between looks at the record while Redis is away, and the longest wait for one message."""
WAKEABLE_POLL_S = 3.0
"""Pause between looks while Redis can wake us earlier."""
REDIS_AGAIN_S = 5.0


class Ears:
    """Listens to a channel, or to all that a pattern names; made and closed by the one thread that waits."""

    def __init__(self, client: redis.Redis, channel: str) -> None:
        self._client, self._channel = client, channel
        self._pubsub: Any = None
        self._try_again_at = float("-inf")

    @property
    def poll_s(self) -> float:
        """The pause after which the record has to be looked at, whatever is heard."""
        return POLL_S if self._pubsub is None else WAKEABLE_POLL_S

    def wait(self, longest_s: float) -> list[dict[str, Any]]:
        """Return the messages that have come, after about so many seconds or POLL_S at the latest."""
        if self._pubsub is None and time.monotonic() >= self._try_again_at:
            self._connect()
        if self._pubsub is None:
            time.sleep(min(longest_s, POLL_S))
            return []
        heard: list[dict[str, Any]] = []
        try:
            wait_s = min(longest_s, POLL_S)
            while (message := self._pubsub.get_message(timeout=0 if heard else wait_s)) is not None:
                heard.append(message)
        except (redis.RedisError, OSError) as error:
            self._lost(error)
        return heard

    def close(self) -> None:
        """Give the connection back."""
        pubsub, self._pubsub = self._pubsub, None
        if pubsub is not None:
            pubsub.close()

    def _connect(self) -> None:
        pubsub = self._client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        try:
            pubsub.psubscribe(self._channel)
        except (redis.RedisError, OSError) as error:
            pubsub.close()
            self._lost(error)
            return
        self._pubsub = pubsub

    def _lost(self, error: Exception) -> None:
        self.close()
        self._try_again_at = time.monotonic() + REDIS_AGAIN_S
        logger.debug("listening without redis", extra={"error": type(error).__name__})
