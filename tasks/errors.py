"""The error families of the farm, all of them on one page.

::

    ReelyardError(code, detail)
     ├─ PermanentError      the same input can never work: not retried, refunded, told to the user
     │   └─ InvalidInputError   carries findings with JSON Pointers (scenarios, messages)
     ├─ TransientError      may work the next time: retried with back-off
     ├─ FencedError         this attempt is no longer the owner of its step: stop, say nothing
     └─ ConfigurationError  the environment of this process is wrong: all problems, listed at once

``code`` is stable, lower case, ``noun.reason``; ``api/codes.py`` lists every one. ``detail`` is one sentence for a
person. Errors are built from positional arguments so that they survive pickling between pool processes.
"""

from __future__ import annotations

from typing import Any


class ReelyardError(Exception):
    """Base of all errors with a stable code; raise a subclass."""

    def __init__(self, code: str, detail: str, extra: dict[str, Any] | None = None) -> None:
        super().__init__(code, detail, extra)
        self.code = code
        self.detail = detail
        self.extra = extra or {}

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"


class PermanentError(ReelyardError):
    """Raised when the same input can never succeed; the step fails at once."""


class InvalidInputError(PermanentError):
    """Raised when a document breaks its schema; ``extra["findings"]`` lists pointer, message and suggestion."""


class TransientError(ReelyardError):
    """Raised when a second try may succeed: a network, a full disk, a crashed browser."""


class FencedError(ReelyardError):
    """Raised in a worker whose step was taken over or cancelled; its children die and it reports nothing."""


class ConfigurationError(ReelyardError):
    """Raised at start when the environment is wrong; the detail lists every problem on a line of its own."""
