"""Reading a job's events as they are stored, without gap or repeat, whoever else is away.

The rows of table ``event`` are the record. Redis only wakes the reader earlier; without it the table is looked at more
often. No database connection is held while waiting.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import redis
from sqlalchemy import Engine, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from api.jobs.models import Event, Job
from api.jobs.states import TERMINAL
from tasks.names import progress_channel

logger = logging.getLogger(__name__)

POLL_S = 0.5
"""Pause between looks at the table while Redis is away."""

WAKEABLE_POLL_S = 3.0
"""The same while Redis can wake us earlier: hundreds of open streams must not keep the database busy."""

REDIS_AGAIN_S = 5.0
HEARTBEAT_S = 10.0
LONGEST_S = 3600.0
"""A stream ends after this long in any case; the client goes on with Last-Event-ID."""

BATCH = 500


@dataclass(frozen=True)
class StoredEvent:
    """One row of the table."""

    seq: int
    kind: str
    data: dict[str, Any]


@dataclass(frozen=True)
class Batch:
    """What one look found; ``complete`` when the job has ended and nothing is left to read."""

    events: list[StoredEvent]
    complete: bool


def read_batch(engine: Engine, job_id: UUID, after: int) -> Batch:
    """Return the events that follow ``after``, and give the connection back. Finding nothing new takes one row."""
    with Session(engine) as session:
        state = select(Job.state, Job.event_seq).where(Job.id == job_id)
        job = session.execute(state).one_or_none()
        if job is None or job.event_seq <= after:
            return Batch([], complete=job is None or job.state in TERMINAL)
        chosen = select(Event.seq, Event.kind, Event.data).where(Event.job_id == job_id, Event.seq > after)
        rows = session.execute(chosen.order_by(Event.seq).limit(BATCH)).all()
        # After the events: a job that was retried in between is not taken for one that has ended
        job = session.execute(state).one_or_none()
    events = [StoredEvent(row.seq, row.kind, row.data) for row in rows]
    last = events[-1].seq if events else after
    return Batch(events, complete=job is None or (job.state in TERMINAL and last >= job.event_seq))


class Doorbell:
    """Waits for a job's channel on Redis, or just waits while Redis is away."""

    def __init__(self, client: redis.Redis, job_id: UUID) -> None:
        self._client = client
        self._channel = progress_channel(str(job_id))
        self._pubsub: Any = None
        self._try_again_at = float("-inf")

    def wait(self, longest_s: float = WAKEABLE_POLL_S) -> None:
        """Return when somebody rang or a poll is due, after about ``longest_s`` at the latest."""
        if self._pubsub is None and time.monotonic() >= self._try_again_at and self._connect():
            return  # what was told before anybody listened is found by one more look
        if self._pubsub is None:
            time.sleep(POLL_S)
            return
        try:
            self._listen(longest_s)
        except (redis.RedisError, OSError) as error:
            self._lost(error)
            time.sleep(POLL_S)

    def close(self) -> None:
        """Give the connection back."""
        pubsub, self._pubsub = self._pubsub, None
        if pubsub is not None:
            pubsub.close()

    def _connect(self) -> bool:
        pubsub = self._client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        try:
            pubsub.subscribe(self._channel)
        except (redis.RedisError, OSError) as error:
            pubsub.close()
            self._lost(error)
            return False
        self._pubsub = pubsub
        return True

    def _listen(self, longest_s: float) -> None:
        deadline = time.monotonic() + longest_s
        while (left_s := deadline - time.monotonic()) > 0:
            if self._pubsub.get_message(timeout=left_s) is not None:
                return

    def _lost(self, error: Exception) -> None:
        self.close()
        self._try_again_at = time.monotonic() + REDIS_AGAIN_S
        logger.debug("watching without redis", extra={"error": type(error).__name__})


Reader = Callable[[Engine, UUID, int], Batch]
"""``f(engine, id, after)``: one look at the events of whatever the id names."""


def stream_events(
    engine: Engine, client: redis.Redis, job_id: UUID, after: int, *, read: Reader = read_batch
) -> Iterator[str]:
    """Yield a job's events from ``after`` on as Server-Sent Events until it has ended.

    :param read: looks at something else that has events and an id, as :func:`read_batch` does at jobs.
    """
    doorbell = Doorbell(client, job_id)
    started = quiet_since = time.monotonic()
    try:
        yield "retry: 1000\n\n"
        while time.monotonic() - started < LONGEST_S:
            batch = _look(read, engine, job_id, after)
            for event in batch.events:
                after = event.seq
                yield render_event(event)
            if batch.complete:
                return
            if batch.events:
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since >= HEARTBEAT_S:
                quiet_since = time.monotonic()
                yield ": still here\n\n"
            if len(batch.events) < BATCH:
                doorbell.wait()
    finally:
        doorbell.close()


def _look(read: Reader, engine: Engine, job_id: UUID, after: int) -> Batch:
    try:
        return read(engine, job_id, after)
    except DBAPIError as error:
        logger.warning("events not readable", extra={"of": str(job_id), "error": type(error.orig).__name__})
        return Batch([], complete=False)


def render_event(event: StoredEvent) -> str:
    """Return one event as text: id, event, data."""
    data = json.dumps(event.data, separators=(",", ":"), ensure_ascii=False)
    return f"id: {event.seq}\nevent: {event.kind}\ndata: {data}\n\n"
