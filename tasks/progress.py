"""Progress of one attempt: monotone, weighted over its stages, hinted to live viewers through Redis (ring 1)."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable

import redis

from tasks.contracts import Progress
from tasks.names import progress_channel

_log = logging.getLogger(__name__)


class ProgressTracker:
    """Turns work done in stages into one fraction that never falls.

    Without :meth:`plan` the whole step counts as one stage. Safe to use from several threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spans: dict[str, tuple[float, float]] = {}
        self._latest: Progress | None = None
        self._version = 0

    def plan(self, weights: dict[str, float]) -> None:
        """Declare the stages in their order with their share of the work, in any unit."""
        total, start = sum(weights.values()), 0.0
        spans = {}
        for stage, weight in weights.items():
            spans[stage] = (start, weight / total)
            start += weight / total
        with self._lock:
            self._spans = spans

    def update(self, done: float, total: float, *, stage: str, unit: str) -> Progress:
        """Record work done within a stage and return the whole step's progress."""
        inner = min(1.0, max(0.0, done / total)) if total > 0 else 0.0
        with self._lock:
            start, share = self._spans.get(stage, (0.0, 1.0))
            floor = self._latest.fraction if self._latest else 0.0
            fraction = max(floor, min(1.0, start + share * inner))
            self._latest = Progress(round(fraction, 4), stage, round(float(done), 3), round(float(total), 3), unit)
            self._version += 1
            return self._latest

    def latest(self) -> tuple[int, Progress | None]:
        """Return a number that grows with every update, and the newest progress."""
        with self._lock:
            return self._version, self._latest


class Throttle:
    """Lets one call through per interval."""

    def __init__(self, interval_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval_s = interval_s
        self._clock = clock
        self._next = float("-inf")

    def ready(self) -> bool:
        """Tell whether the interval has passed, and begin the next one if so."""
        now = self._clock()
        if now < self._next:
            return False
        self._next = now + self._interval_s
        return True


class ProgressHints:
    """Publishes progress to a job's Redis channel; best effort, never in the way of work."""

    _PAUSE_S = 30.0

    def __init__(self, redis_url: str) -> None:
        self._redis = redis.Redis.from_url(redis_url, socket_timeout=0.5, socket_connect_timeout=0.5)
        self._silent_until = float("-inf")

    def publish(self, job_id: str, *, step_id: str, step: str, token: int, progress: Progress) -> None:
        """Send one hint; when Redis is away, stay quiet for a while instead of waiting for it each time."""
        if time.monotonic() < self._silent_until:
            return
        hint = {"job_id": job_id, "step_id": step_id, "step": step, "token": token, "progress": progress.to_json()}
        try:
            self._redis.publish(progress_channel(job_id), json.dumps(hint))
        except redis.RedisError as error:
            self._silent_until = time.monotonic() + self._PAUSE_S
            _log.debug("progress hint not sent", extra={"error": type(error).__name__})

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()
