"""The process apart: limits itself, then does one errand over one file (ring 2); see :mod:`tasks.media.apart`.

Its answers are lines of JSON: ``{"block": size}`` followed by so many bytes, ``{"progress": [done, total]}``, and in
the end ``{"result": …}`` or ``{"refusal": {code, detail, extra}}``. A room (:mod:`tasks.media.room`) does one errand
after the other, each a line of JSON from its standard input.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from tasks.errors import PermanentError, ReelyardError, TransientError
from tasks.sandbox import OUT_OF_MEMORY, Limits, limit_self, raise_walls

ROOM = "room"
_TELL_EVERY_S = 0.2


class Teller:
    """The way back: blocks of bytes, and progress."""

    def __init__(self, out: IO[bytes] | None = None) -> None:
        from tasks.progress import Throttle

        self._throttle = Throttle(_TELL_EVERY_S)
        self._out = out or sys.stdout.buffer

    def block(self, data: bytes) -> None:
        """Send bytes."""
        self._out.write(json.dumps({"block": len(data)}).encode() + b"\n" + data)
        self._out.flush()

    def progress(self, done: float, total: float) -> None:
        """Tell how far it is, though not each time."""
        if self._throttle.ready():
            self.say({"progress": [done, total]})

    def say(self, document: dict[str, Any]) -> None:
        """Send a line."""
        self._out.write(json.dumps(document).encode() + b"\n")
        self._out.flush()


def main(arguments: list[str]) -> int:
    """Do the errand ``function source target order``; 0 also when the file was refused."""
    if arguments[0] == ROOM:
        return serve(json.loads(arguments[1]))
    function, source, target, given = arguments
    order = json.loads(given)
    begin(order["budget"])
    try:
        from tasks.media.limits import MediaLimits

        teller = Teller()
        made = find(function)(Path(source), Path(target), MediaLimits(**order["limits"]), order["arguments"], teller)
        teller.say({"result": made})
    except PermanentError as error:
        Teller().say(refusal(error))
    except MemoryError:
        return OUT_OF_MEMORY
    return 0


def begin(budget: dict[str, Any], *, starts_browser: bool = False) -> str:
    """Take limits and walls for good; return what walls these are."""
    limit_self(Limits(budget["memory_bytes"], budget["cpu_s"], budget["file_bytes"], starts_browser))
    if sys.platform == "linux":  # decoders make a thread, with frames of its own, for each core that they see
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: budget["cores"]])
    return raise_walls(starts_browser=starts_browser)


def find(function: str) -> Callable[..., Any]:
    """Return a function of ours by ``module:name``."""
    module, _, name = function.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), name)
    return found


def refusal(error: ReelyardError) -> dict[str, Any]:
    """Return the answer that says what went wrong."""
    told = {"code": error.code, "detail": error.detail, "extra": error.extra, "kind": type(error).__name__}
    return {"refusal": told}


def serve(plan: dict[str, Any]) -> int:
    """Do errands until there are no more; the first answer tells the walls."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # libraries that print would be taken for answers
    teller = Teller(out)
    teller.say({"result": begin(plan["budget"], starts_browser=plan["starts_browser"])})
    while line := sys.stdin.readline():
        order = json.loads(line)
        try:
            teller.say({"result": find(order["function"])(Path(plan["folder"]), order["arguments"], teller)})
        except ReelyardError as error:
            teller.say(refusal(error))
        except MemoryError:
            return OUT_OF_MEMORY
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
            teller.say(refusal(TransientError("node.no_space", "The worker ran out of disk space")))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
