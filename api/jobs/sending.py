"""Celery's result backend for a process that only sends: it can open chords and never looks at a result.

The stock backend subscribes to the result of every task that is sent, and talks again as the forgotten result dies,
with whatever wait or error a broker that is away has in store. Nobody reads results here: rows do that.
"""

from __future__ import annotations

from typing import Any

from celery.backends.redis import RedisBackend


class SendingBackend(RedisBackend):
    """Redis without a consumer of results."""

    def on_task_call(self, producer: Any, task_id: str) -> None:
        """Subscribe to nothing."""

    def add_pending_result(self, result: Any, weak: bool = False, start_drainer: bool = True) -> Any:
        """Wait for nothing."""
        return result

    def remove_pending_result(self, result: Any) -> Any:
        """Forget a result without a word to Redis."""
        return result
