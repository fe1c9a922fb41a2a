"""A circuit breaker: what failed a moment ago is not tried again at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class CircuitBreaker:
    """Open for ``pause_s`` seconds after a failure; safe to use from several threads."""

    def __init__(self, pause_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._pause_s = pause_s
        self._clock = clock
        self._open_until = float("-inf")
        self._lock = threading.Lock()

    @property
    def is_open(self) -> bool:
        """Tell whether calls should be skipped now."""
        with self._lock:
            return self._clock() < self._open_until

    def failed(self) -> None:
        """Note a failure."""
        with self._lock:
            self._open_until = self._clock() + self._pause_s

    def succeeded(self) -> None:
        """Note a success."""
        with self._lock:
            self._open_until = float("-inf")
