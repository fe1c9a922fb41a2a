"""The hub of a process: one thread and one Redis connection for all of its streams.

It reads each user's new events once, however many clients listen, and keeps the last of them in a short ring. A client
that falls behind the ring reads from the database: nothing is queued for anybody.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import redis
from flask import current_app
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from api.errors import RateLimitedError
from api.events.ears import Ears
from api.extensions import db, get_redis
from api.live.reading import BATCH, Told, read_positions, read_told, still_listening
from api.live.telling import CHANNEL

logger = logging.getLogger(__name__)

NOTED_EVERY = timedelta(minutes=10)
MOST_STREAMS = 32
"""Streams of one user in one process."""


class Feed:
    """What one user's clients in this process are told."""

    def __init__(self, user_id: UUID, last: int) -> None:
        self.user_id, self.last, self.streams = user_id, last, 0
        self.ended = False
        self._ring: deque[Told] = deque(maxlen=BATCH)
        self._news = threading.Condition()

    def add(self, events: list[Told]) -> None:
        """Take events over that follow the last, and wake whoever waits."""
        with self._news:
            self._ring.extend(events)
            self.last = events[-1].seq
            self._news.notify_all()

    def end(self) -> None:
        """Tell everybody that there is no more."""
        with self._news:
            self.ended = True
            self._news.notify_all()

    def wait(self, after: int, longest_s: float) -> None:
        """Return when there is something after a number, when the feed has ended, or after so many seconds."""
        with self._news:
            self._news.wait_for(lambda: self.ended or self.last > after, longest_s)

    def take(self, after: int) -> list[Told] | None:
        """Return what the ring has after a number; None where it does not reach back that far."""
        with self._news:
            if self.last <= after:
                return []
            if not self._ring or self._ring[0].seq > after + 1:
                return None
            return [one for one in self._ring if one.seq > after]


class Hub:
    """Feeds of the users who listen in this process. Its thread lives while there are any."""

    def __init__(self, engine: Engine, client: redis.Redis) -> None:
        self.engine, self._client = engine, client
        self._lock = threading.Lock()
        self._feeds: dict[UUID, Feed] = {}
        self._thread: threading.Thread | None = None

    @contextmanager
    def listen(self, user_id: UUID, last: int) -> Iterator[Feed]:
        """Lend the feed of a user; raise ``live.too_many``.

        :param last: the number of the newest event; the feed begins there if it is new.
        """
        with self._lock:
            feed = self._feeds.setdefault(user_id, Feed(user_id, last))
            if feed.streams >= MOST_STREAMS:
                raise RateLimitedError("live.too_many", f"At most {MOST_STREAMS} streams at once", {"retry_after_s": 5})
            feed.streams += 1
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="live-hub", daemon=True)
                self._thread.start()
        try:
            yield feed
        finally:
            with self._lock:
                feed.streams -= 1
                if not feed.streams and self._feeds.get(user_id) is feed:
                    del self._feeds[user_id]

    def join(self, timeout_s: float) -> bool:
        """Wait until the thread is gone; tell whether it is."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout_s)
        return thread is None or not thread.is_alive()

    def _run(self) -> None:
        look_at, ears = time.monotonic(), Ears(self._client, CHANNEL)
        try:
            while feeds := self._live():
                now = time.monotonic()
                rung = {message["data"].decode() for message in ears.wait(max(0.0, look_at - now))}
                if time.monotonic() >= look_at:
                    self._try(self._look, feeds)
                    look_at = time.monotonic() + ears.poll_s
                elif rung:
                    self._try(self._read, [feed for feed in self._live() if str(feed.user_id) in rung])
        finally:
            ears.close()

    def _live(self) -> list[Feed]:
        with self._lock:
            if not self._feeds:
                self._thread = None
            return list(self._feeds.values())

    @staticmethod
    def _try(work: Any, feeds: list[Feed]) -> None:
        try:
            work(feeds)
        except DBAPIError as error:
            logger.warning("events not readable", extra={"error": type(error.orig).__name__})

    def _look(self, feeds: list[Feed]) -> None:
        """Look at all positions with one statement, read what is behind, and end what is over."""
        users = [feed.user_id for feed in feeds]
        with Session(self.engine) as session:
            known = read_positions(session, users)
            still_listening(session, users, every=NOTED_EVERY)
        for feed in feeds:
            if feed.user_id not in known:
                self._drop(feed)
        self._read([feed for feed in feeds if known.get(feed.user_id, 0) > feed.last])

    def _read(self, feeds: Iterable[Feed]) -> None:
        with Session(self.engine) as session:
            for feed in feeds:
                while events := read_told(session, feed.user_id, feed.last):
                    feed.add(events)
                    if len(events) < BATCH:
                        break

    def _drop(self, feed: Feed) -> None:
        with self._lock:
            self._feeds.pop(feed.user_id, None)
        feed.end()


def get_hub() -> Hub:
    """Return the hub of the current application in this process."""
    extensions = current_app.extensions
    if "reelyard.live" not in extensions:
        extensions.setdefault("reelyard.live", Hub(db.engine, get_redis()))
    return cast(Hub, extensions["reelyard.live"])
