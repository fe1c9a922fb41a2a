"""Reading a job's events as they are stored, without gap or repeat, whoever else is away.

The rows of table ``event`` are the record. Redis only wakes the reader earlier; without it the table is looked at more
often. No database connection is held while waiting; one thread waits for many streams (:mod:`api.events.bells`).
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

import redis
from sqlalchemy import Engine, bindparam, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from api.events.ears import WAKEABLE_POLL_S, Ears
from api.jobs.models import Event, Job
from api.jobs.states import TERMINAL
from tasks.names import progress_channel

logger = logging.getLogger(__name__)

HEARTBEAT_S = 10.0
LONGEST_S = 3600.0
"""A stream ends after this long in any case; the client goes on with Last-Event-ID."""

BATCH = 500

JOBS, EVENTS = Job.__table__.c, Event.__table__.c
STATE = select(JOBS.state, JOBS.event_seq).where(JOBS.id == bindparam("job"))
FOLLOWING = (
    select(EVENTS.seq, EVENTS.kind, EVENTS.data)
    .where(EVENTS.job_id == bindparam("job"), EVENTS.seq > bindparam("after"))
    .order_by(EVENTS.seq)
    .limit(BATCH)
)


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
    with engine.connect() as connection:
        job = connection.execute(STATE, {"job": job_id}).one_or_none()
        if job is None or job.event_seq <= after:
            return Batch([], complete=job is None or job.state in TERMINAL)
        rows = connection.execute(FOLLOWING, {"job": job_id, "after": after}).all()
        # After the events: a job that was retried in between is not taken for one that has ended
        job = connection.execute(STATE, {"job": job_id}).one_or_none()
    events = [StoredEvent(row.seq, row.kind, row.data) for row in rows]
    last = events[-1].seq if events else after
    return Batch(events, complete=job is None or (job.state in TERMINAL and last >= job.event_seq))


class Waiter(Protocol):
    """What a stream waits with."""

    def wait(self, after: int) -> bool:
        """Return whether to look for what follows an event's number, after a heartbeat's time at the latest."""

    def close(self) -> None:
        """Wait no more."""


class Doorbell:
    """Waits for what is published of one thing, or just waits while Redis is away; then a look is always due."""

    def __init__(self, client: redis.Redis, about: UUID, *, longest_s: float = WAKEABLE_POLL_S) -> None:
        self._ears, self._longest_s = Ears(client, progress_channel(str(about))), longest_s

    def wait(self, after: int) -> bool:
        """Return when somebody rang or a look is due."""
        until = time.monotonic() + min(self._longest_s, self._ears.poll_s)
        while not self._ears.wait(until - time.monotonic()) and time.monotonic() < until:
            until = min(until, time.monotonic() + self._ears.poll_s)
        return True

    def close(self) -> None:
        """Give the connection back."""
        self._ears.close()


Reader = Callable[[Engine, UUID, int], Batch]
"""``f(engine, id, after)``: one look at the events of whatever the id names."""


def stream_events(
    engine: Engine, doorbell: Waiter, job_id: UUID, after: int, *, read: Reader = read_batch
) -> Iterator[str]:
    """Yield a job's events from ``after`` on as Server-Sent Events until it has ended.

    :param doorbell: rings for new events; closed at the end.
    :param read: looks at something else that has events and an id, as :func:`read_batch` does at jobs.
    """
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
            while len(batch.events) < BATCH and not doorbell.wait(after):
                quiet_since = time.monotonic()
                yield ": still here\n\n"
    finally:
        doorbell.close()


def _look(read: Reader, engine: Engine, job_id: UUID, after: int) -> Batch:
    try:
        return read(engine, job_id, after)
    except (DBAPIError, PoolTimeoutError) as error:  # a stream outlives an outage and a crowd at the pool
        reason = getattr(error, "orig", None) or error
        logger.warning("events not readable", extra={"of": str(job_id), "error": type(reason).__name__})
        return Batch([], complete=False)


def render_event(event: StoredEvent) -> str:
    """Return one event as text: id, event, data."""
    data = json.dumps(event.data, separators=(",", ":"), ensure_ascii=False)
    return f"id: {event.seq}\nevent: {event.kind}\ndata: {data}\n\n"
