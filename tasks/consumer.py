"""The consumer of every worker (ring 1): whatever somebody puts on the broker, it goes on consuming.

Celery's own writes a result for a task that it does not know, and stops at a message whose task is named by a list or
whose headers are none. Here everything that is no bell of ours is rejected, and noted where administrators see it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from celery.worker.consumer import Consumer
from kombu.exceptions import ContentDisallowed

from tasks.consumption import waiting_shows_life
from tasks.refused import body_of, describe, note_refused

MAX_MESSAGE_BYTES = 8 << 20
"""A bell is some hundred bytes; a chain of a job with hundreds of parts some hundred thousand."""
_log = logging.getLogger(__name__)


def acknowledge(message: Any, logger: Any, errors: tuple[type[Exception], ...]) -> None:
    """Acknowledge a message; raise where the connection is dead, so that the consumer gets itself a new one.

    Celery's own way is to note it and go on. What could not be acknowledged fills a slot as long as the connection
    lasts, so that a worker of one slot asks for nothing more, and nothing else notices that the connection is dead.
    """
    try:
        message.ack()
    except errors as error:
        logger.warning("message not acknowledged", extra={"error": type(error).__name__})
        raise


class StrictConsumer(Consumer):  # type: ignore[misc]  # celery has no types
    """Rejects and notes what is no message of ours."""

    def ensure_connected(self, conn: Any) -> Any:
        """Connect, however long that takes."""
        return super().ensure_connected(waiting_shows_life(conn, self.app))

    def create_task_handler(self, *arguments: Any, **options: Any) -> Callable[[Any], None]:
        """Return what is called with each message."""
        handle = super().create_task_handler(*arguments, **options)

        def receive(message: Any) -> None:
            message.ack_log_error = partial(acknowledge, message)
            if len(body_of(message)) > MAX_MESSAGE_BYTES:
                self.refuse(message, "too_large")
                return
            try:
                handle(message)
            except self.connection_errors:
                raise
            except Exception:  # noqa: BLE001 - whatever a forged message makes Celery stumble over
                self.refuse(message, "malformed")

        return receive

    def refuse(self, message: Any, reason: str) -> None:
        """Take a message off the queue for good, and note it."""
        if not message.acknowledged:
            message.reject_log_error(_log, self.connection_errors)
        note_refused(self.app.conf.broker_url, describe(message, node=self.hostname, reason=reason))

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        """Refuse what cannot be read."""
        self.refuse(message, "not_json" if isinstance(exc, ContentDisallowed) else "malformed")

    def on_unknown_message(self, body: Any, message: Any) -> None:
        """Refuse what names no task."""
        self.refuse(message, "malformed")

    def on_unknown_task(self, body: Any, message: Any, exc: Exception) -> None:
        """Refuse what this worker has no task for."""
        self.refuse(message, "unknown_task")

    def on_invalid_task(self, body: Any, message: Any, exc: Exception) -> None:
        """Refuse what is written in another way, or has no arguments."""
        self.on_decode_error(message, exc)
