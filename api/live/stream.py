"""What goes down one stream, whatever carries it: events by topic, signs of life, and why it ends."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from api.live.hub import Feed, Hub
from api.live.reading import Told, read_told

HEARTBEAT_S = 10.0
LONGEST_S = 3600.0
"""A stream ends after this long in any case; the client goes on from where it was."""
READY, MISSED, ENDED = "ready", "missed", "ended"


@dataclass(frozen=True)
class Wish:
    """What a client wants: topics, and the events after a number; from now on when that is None."""

    topics: Collection[str]
    after: int | None = None


def follow(hub: Hub, feed: Feed, wish: Wish, last: int) -> Iterator[Told | None]:
    """Yield what a client is told; None is a sign of life.

    First ``ready`` with the position to go on from. ``missed`` where what came after the position is not kept any
    more: the client must read everything anew, and is told on from there. ``ended`` when the user is gone or disabled.

    :param last: the number of the newest event.
    """
    asked = last if wish.after is None else wish.after
    after = min(asked, last)
    started = quiet_since = time.monotonic()
    yield Told(asked, "", READY, {"topics": sorted(wish.topics)})
    if asked > last:
        yield Told(last, "", MISSED, {"code": "live.missed"})
    while time.monotonic() - started < LONGEST_S:
        events = _next(hub, feed, after)
        for one in _marked(events, after):
            after = one.seq
            if one.kind == MISSED or one.topic in wish.topics:
                quiet_since = time.monotonic()
                yield one
        if feed.ended:
            yield Told(after, "", ENDED, {"code": "auth.revoked_token"})
            return
        if time.monotonic() - quiet_since >= HEARTBEAT_S:
            quiet_since = time.monotonic()
            yield None
        if not events:
            feed.wait(after, max(0.1, HEARTBEAT_S - (time.monotonic() - quiet_since)))


def _marked(events: list[Told], after: int) -> list[Told]:
    """Return events that were read after a number, with what tells that some are missing before them."""
    if events and events[0].seq != after + 1:
        return [Told(events[0].seq - 1, "", MISSED, {"code": "live.missed"}), *events]
    return events


def _next(hub: Hub, feed: Feed, after: int) -> list[Told]:
    """Return what follows, from the ring or, for who is behind it, from the table."""
    found = feed.take(after)
    if found is not None:
        return found
    try:
        with Session(hub.engine) as session:
            return read_told(session, feed.user_id, after)
    except DBAPIError:
        time.sleep(0.5)
        return []


def as_event(told: Told) -> str:
    """Write something told as a Server-Sent Event: id, event, data."""
    data = json.dumps(as_data(told), separators=(",", ":"), ensure_ascii=False)
    return f"id: {told.seq}\nevent: {told.kind}\ndata: {data}\n\n"


def as_message(told: Told) -> str:
    """Write something told as the text of a WebSocket message."""
    document = {"id": told.seq, "event": told.kind, "data": as_data(told)}
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def as_data(told: Told) -> dict[str, Any]:
    """Return what is told, with its topic."""
    return {"topic": told.topic, **told.data} if told.topic else told.data
