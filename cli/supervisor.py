"""Keeps processes running: starts them in order, restarts those that die with back-off, stops them in reverse."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from cli.services.process import Child

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
STEADY_S = 60.0
"""A child that lived this long starts again without a pause."""


@dataclass
class _Watched:
    child: Child
    started_at: float = 0.0
    pause_s: float = 0.0
    start_at: float | None = None
    restarts: int = 0


@dataclass
class Supervisor:
    """A set of supervised children.

    :param report: told in one sentence what happened.
    """

    report: Callable[[str], None]
    _watched: dict[str, _Watched] = field(default_factory=dict)

    def start(self, child: Child) -> None:
        """Start a child and watch it from now on."""
        child.start()
        self._watched[child.name] = _Watched(child, started_at=time.monotonic())

    def tend(self, now: float | None = None) -> None:
        """Look at every child once: note the dead, restart those whose pause is over."""
        moment = time.monotonic() if now is None else now
        for watched in self._watched.values():
            if watched.start_at is not None:
                if moment >= watched.start_at:
                    self._restart(watched, moment)
            elif not watched.child.is_running():
                self._note_death(watched, moment)

    def restarts(self) -> dict[str, int]:
        """Return how often each child was restarted."""
        return {name: watched.restarts for name, watched in self._watched.items()}

    def children(self) -> dict[str, Child]:
        """Return the watched children by name."""
        return {name: watched.child for name, watched in self._watched.items()}

    def stop(self, *, patience_s: float = 8.0) -> None:
        """Ask all children to stop, last started first, and kill what has not ended in time."""
        children = [watched.child for watched in reversed(self._watched.values())]
        for child in children:
            child.ask_to_stop()
        deadline = time.monotonic() + patience_s
        while any(child.is_running() for child in children) and time.monotonic() < deadline:
            time.sleep(0.05)
        for child in children:
            child.kill()
        self._watched.clear()

    def _note_death(self, watched: _Watched, moment: float) -> None:
        child = watched.child
        code = child.process.returncode if child.process else None
        child.kill()  # whatever it left in its session
        steady = moment - watched.started_at >= STEADY_S
        watched.pause_s = 0.0 if steady else min(max(watched.pause_s * 2, FIRST_PAUSE_S), LONGEST_PAUSE_S)
        watched.start_at = moment + watched.pause_s
        self.report(f"{child.name} ended with {code}; again in {watched.pause_s:g} s (log: {child.log})")

    def _restart(self, watched: _Watched, moment: float) -> None:
        watched.child.start()
        watched.started_at, watched.start_at = moment, None
        watched.restarts += 1
