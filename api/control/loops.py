"""Running a function again and again in a thread until told to stop, whatever falls over meanwhile."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from flask import Flask
from sqlalchemy.exc import DBAPIError, OperationalError

from tasks.alive import pulse_from

logger = logging.getLogger(__name__)

LONGEST_PAUSE_S = 5.0
PATIENCE_S = 600.0
"""A round that takes longer hangs: the process shows no life any more, so that who watches it starts it anew."""


@dataclass(frozen=True)
class Loop:
    """One endless job of the engine.

    :param body: works one round inside an application context; returns True when it wants the next one at once, or
        after how many seconds instead of the interval.
    """

    name: str
    interval_s: float
    body: Callable[[], bool | float]


class LoopRunner:
    """Threads of an application's loops, stopped together."""

    def __init__(self, app: Flask, loops: list[Loop]) -> None:
        self._app = app
        self._stop = threading.Event()
        self._pulse = pulse_from(os.environ)
        self._due = {loop.name: time.monotonic() + PATIENCE_S for loop in loops}
        self._threads = [threading.Thread(target=self._run, args=(loop,), name=loop.name) for loop in loops]

    def start(self) -> None:
        """Start all loops."""
        for thread in self._threads:
            thread.start()

    def ask_to_stop(self) -> None:
        """Let every loop end after its round."""
        self._stop.set()

    def join(self, timeout_s: float | None = None) -> bool:
        """Wait until all have ended; tell whether they have."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(None if deadline is None else max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _run(self, loop: Loop) -> None:
        failures = 0
        while not self._stop.is_set():
            try:
                with self._app.app_context():
                    again = loop.body()
                failures = 0
            except Exception as error:  # noqa: BLE001 - the process's boundary: the loop must outlive any fault
                failures += 1
                again = False
                _tell(loop, error)
            pause_s = 0.0 if again is True else self._pause_s(loop, failures, again)
            self._show_life(loop, pause_s)
            self._stop.wait(pause_s)

    def _show_life(self, loop: Loop, pause_s: float) -> None:
        """Show that the process lives after a loop's round, unless another loop hangs."""
        now = time.monotonic()
        self._due[loop.name] = now + pause_s + PATIENCE_S
        if now < min(self._due.values()):
            self._pulse.beat()

    @staticmethod
    def _pause_s(loop: Loop, failures: int, wished_s: float) -> float:
        if not failures:
            return wished_s or loop.interval_s
        return min(LONGEST_PAUSE_S, max(loop.interval_s, 0.1) * 2.0 ** min(failures, 10))


def is_away(error: DBAPIError) -> bool:
    """Tell whether the database could not be reached, or went away: then it gives no code for what is wrong."""
    refused = isinstance(error, OperationalError) and getattr(error.orig, "pgcode", None) is None
    return error.connection_invalidated or refused


def _tell(loop: Loop, error: Exception) -> None:
    if isinstance(error, DBAPIError) and is_away(error):
        logger.warning("database away", extra={"loop": loop.name, "error": type(error.orig).__name__})
    else:
        logger.error("loop failed", extra={"loop": loop.name}, exc_info=error)
