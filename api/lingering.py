"""Gunicorn's worker with threads, whose threads wait a moment for the next request of a connection.

Gunicorn hands a connection back to its main thread after every answer and to some thread again with every request: that
is half of what a small request costs. A worker of ours that does short steps calls again within milliseconds, a browser
asks for several things at once; to them the thread that they have listens a little longer.
"""

from __future__ import annotations

import select
import time
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

LINGER_S = 0.05
"""A thread waits so long for a connection's next request: longer than a short step takes on a busy machine."""
STAY_S = 1.0
"""A connection keeps its thread so long at most; then it stands in line again with all others."""


class LingeringWorker(ThreadWorker):
    """Threads that stay with a connection which has the next request ready, unless others wait for a thread."""

    def handle(self, conn: Any) -> Any:
        """Answer a request and those that follow at once; return what becomes of the connection, as gunicorn does."""
        leaves_at = time.monotonic() + STAY_S
        kept = super().handle(conn)
        while kept is True and self._may_stay(leaves_at) and has_more(conn):
            kept = super().handle(conn)
        return kept

    def _may_stay(self, leaves_at: float) -> bool:
        waiting = self.tpool._work_queue  # the pool has no public name for those who wait for a thread
        return bool(self.alive and not self.cfg.is_ssl and waiting.empty() and time.monotonic() < leaves_at)


def has_more(conn: Any) -> bool:
    """Tell whether the next request of a connection, or its end, comes within a moment."""
    if conn.parser.unreader.buf.getvalue():
        return True
    poll = select.poll()
    poll.register(conn.sock, select.POLLIN)
    return bool(poll.poll(LINGER_S * 1000))
