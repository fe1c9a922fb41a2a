"""How many requests work at once in a process: the others wait before they begin, and cost nothing while they do.

A process has hundreds of threads, nearly all of them for streams. Were dozens of requests to work in them at the same
time, each would wait for the interpreter after each of its statements, all would hold connections meanwhile, and a
crowd that came once would never get smaller. So they begin one after the other, as many as there are connections.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from flask import Flask, current_app, g, has_request_context, request
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from api.requests import QUIET_PATHS

LONGEST_WAIT_S = 5.0
"""As long as for a connection; who has waited so long is told to come back."""
EXTENSION = "reelyard.crowd"


def limit_crowd(app: Flask, most: int) -> None:
    """Let so many requests in at once; register it after what reads bodies, which may come slowly.

    :param most: requests that may work at once in this process.
    """
    app.extensions[EXTENSION] = threading.Semaphore(most)
    app.before_request(enter)
    app.teardown_request(lambda _: leave())


def enter() -> None:
    """Wait for a place; raise ``service.database_unavailable``, as a crowd at the pool does."""
    if request.path in QUIET_PATHS:
        return
    if not _places().acquire(timeout=LONGEST_WAIT_S):
        raise PoolTimeoutError("too many requests at once")
    g.has_place = True


def leave() -> None:
    """Give the place to somebody else: the rest of the request is waiting, or it has ended."""
    if g.pop("has_place", False):
        _places().release()


@contextmanager
def outside() -> Iterator[None]:
    """Let somebody else in for the length of the block, which waits for others than the database."""
    if not has_request_context():
        yield
        return
    had_place = g.get("has_place", False)
    leave()
    try:
        yield
    finally:
        if had_place:
            _places().acquire()
            g.has_place = True


def _places() -> threading.Semaphore:
    return cast(threading.Semaphore, current_app.extensions[EXTENSION])
