"""The heartbeat of one attempt, and the fence that ends it (ring 1)."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import billiard

from tasks.children import ChildGroup
from tasks.client import ControlClient
from tasks.contracts import Claim, Heartbeat
from tasks.errors import FencedError, PermanentError, TransientError
from tasks.progress import ProgressTracker

FENCE_GRACE_S = 10.0
"""Seconds a body gets to notice that it was fenced before its pool process is killed under it."""

INTERRUPT_AFTER_S = 0.2
"""Seconds a body gets to notice by itself: its children were killed, and it looks at the fence now and then."""

_PROGRESS_S = 1.0
_SHORTEST_CALL_S, _LONGEST_CALL_S = 2.0, 10.0
_log = logging.getLogger(__name__)


class Fence:
    """Says, once, that this attempt no longer owns its step."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._reason = ("step.fenced", "Another attempt owns this step")

    def close(self, code: str, detail: str) -> None:
        """Close the fence; the first reason stays."""
        if not self._event.is_set():
            self._reason = (code, detail)
            self._event.set()

    @property
    def closed(self) -> bool:
        """Tell whether this attempt has ended."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise FencedError when the fence is closed."""
        if self.closed:
            raise FencedError(*self._reason)

    def wait(self, timeout_s: float) -> bool:
        """Wait until the fence closes, at most so long."""
        return self._event.wait(timeout_s)


class LeaseKeeper:
    """Renews a claim from a thread until stopped; closes the fence when told 409 or when the lease ran out unheard."""

    def __init__(
        self, client: ControlClient, claim: Claim, *, fence: Fence, tracker: ProgressTracker, children: ChildGroup
    ) -> None:
        self._client = client
        self._claim = claim
        self._fence = fence
        self._tracker = tracker
        self._children = children
        self._stop = threading.Event()
        self._body = threading.Lock()
        self._body_runs = False
        self._lease_s = claim.lease_s
        self._lease_until = time.monotonic() + claim.lease_s
        self.on_renewed: Callable[[float], None] = lambda lease_until: None
        self._thread = threading.Thread(target=self._run, name=f"lease-{claim.step_id}", daemon=True)

    def __enter__(self) -> LeaseKeeper:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def start(self) -> None:
        """Begin to renew; raise TransientError ``node.no_processes`` where no thread can be had."""
        try:
            self._thread.start()
        except RuntimeError as error:  # what a full limit of processes makes of it
            raise TransientError("node.no_processes", "The worker could start no more threads") from error

    @contextmanager
    def interrupting(self) -> Iterator[None]:
        """Have the body within interrupted when the fence closes; nothing that comes after it is."""
        self._body_runs = True
        try:
            yield
        finally:
            with self._body:
                self._body_runs = False

    def _run(self) -> None:
        next_beat, seen = time.monotonic() + self._claim.beat_s, 0
        pause_s = min(self._claim.beat_s, _PROGRESS_S)
        while not self._stop.wait(pause_s) and not self._fence.closed:
            version, _ = self._tracker.latest()
            news = version != seen and self._body_runs
            if news or time.monotonic() >= self._due(next_beat):
                seen, next_beat = version, time.monotonic() + self._claim.beat_s
                self._beat()
        if self._fence.closed:
            self._end_attempt()

    def _due(self, next_beat: float) -> float:
        """Return when the lease is renewed at the latest.

        Once the body is done the report is on its way, and says all: a beat beside it only waits for it at the API.
        """
        half = self._lease_until - self._lease_s / 2
        return min(self._lease_until, next_beat if self._body_runs else max(next_beat, half))

    def _beat(self) -> None:
        sent_at = time.monotonic()
        beat = Heartbeat(self._claim.job_id, self._claim.step_id, self._claim.token, self._tracker.latest()[1])
        # An API that takes calls and does not answer must not keep us at work after the lease
        timeout_s = min(_LONGEST_CALL_S, max(_SHORTEST_CALL_S, self._lease_until - sent_at))
        try:
            self._lease_s = self._client.heartbeat(beat, timeout_s=timeout_s) or self._claim.lease_s
        except FencedError as error:
            self._fence.close(error.code, error.detail)
        except (TransientError, PermanentError) as error:
            self._tolerate(error)
        else:
            self._lease_until = sent_at + self._lease_s  # counted from before the call: never longer than the API's own
            self.on_renewed(self._lease_until)

    def _tolerate(self, error: TransientError | PermanentError) -> None:
        left_s = self._lease_until - time.monotonic()
        _log.warning("heartbeat failed", extra={"code": error.code, "lease_left_s": round(left_s, 1)})
        if left_s <= 0:
            self._fence.close("lease.lost", "The lease ran out before the API could be reached")

    def _end_attempt(self) -> None:
        self._children.kill_all()
        if self._stop.wait(INTERRUPT_AFTER_S) or billiard.current_process().name == "MainProcess":
            return
        with self._body:
            if self._body_runs:
                os.kill(os.getpid(), signal.SIGUSR1)  # what a revoked message gets: SoftTimeLimitExceeded in the body
        if not self._stop.wait(FENCE_GRACE_S):
            _log.error("fenced body did not stop; its process is killed")
            os.kill(os.getpid(), signal.SIGKILL)
