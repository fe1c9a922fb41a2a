"""Named places where tests make a process die, stop, wait or fail (ring 0: standard library only).

``REELYARD_FAILPOINTS="before_upload=kill,after_claim#1=sleep:2"``; ``#1`` limits it to the first attempt. Without the
variable a failpoint does nothing.
"""

from __future__ import annotations

import os
import signal
import time

from tasks.errors import TransientError

VARIABLE = "REELYARD_FAILPOINTS"
NAMES = (
    *("after_claim", "before_upload", "after_upload", "before_report", "after_report"),
    *("before_send", "after_send", "before_mail", "after_mail", "before_webhook", "after_webhook"),
)
"""Beside them, each end of a transaction (:mod:`api.boundaries`) and each call of the storage
(``before_storage:PutObject``) has its own."""


def are_armed() -> bool:
    """Tell whether any failpoint is to do anything in this process."""
    return bool(os.environ.get(VARIABLE))


def failpoint(name: str, *, attempt: int = 0) -> None:
    """Do what REELYARD_FAILPOINTS says about ``name``: ``kill``, ``stop``, ``sleep:SECONDS`` or ``raise``."""
    specification = os.environ.get(VARIABLE)
    if not specification:
        return
    for entry in specification.split(","):
        where, _, action = entry.strip().partition("=")
        if where in (name, f"{name}#{attempt}"):
            _act(name, action)


def _act(name: str, action: str) -> None:
    verb, _, argument = action.partition(":")
    if verb == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif verb == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif verb == "sleep":
        time.sleep(float(argument))
    elif verb == "raise":
        raise TransientError("failpoint.raised", f"Failpoint {name} was asked to fail")
    else:
        raise ValueError(f"{VARIABLE}: unknown action {action!r} at {name}")
