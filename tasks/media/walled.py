"""The process apart: limits itself, then does one errand over one file (ring 2); see :mod:`tasks.media.apart`.

Its answers are lines of JSON: ``{"block": size}`` followed by so many bytes, ``{"progress": [done, total]}``, and in
the end ``{"result": …}`` or ``{"refusal": {code, detail, extra}}``.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from tasks.errors import PermanentError
from tasks.sandbox import OUT_OF_MEMORY, Limits, limit_self

_TELL_EVERY_S = 0.2


class Teller:
    """The way back: blocks of bytes, and progress."""

    def __init__(self) -> None:
        from tasks.progress import Throttle

        self._throttle = Throttle(_TELL_EVERY_S)

    def block(self, data: bytes) -> None:
        """Send bytes."""
        sys.stdout.buffer.write(json.dumps({"block": len(data)}).encode() + b"\n" + data)
        sys.stdout.buffer.flush()

    def progress(self, done: float, total: float) -> None:
        """Tell how far it is, though not each time."""
        if self._throttle.ready():
            self.say({"progress": [done, total]})

    def say(self, document: dict[str, Any]) -> None:
        """Send a line."""
        sys.stdout.buffer.write(json.dumps(document).encode() + b"\n")
        sys.stdout.buffer.flush()


def main(arguments: list[str]) -> int:
    """Do the errand ``function source target order``; 0 also when the file was refused."""
    function, source, target, given = arguments
    order = json.loads(given)
    budget = order["budget"]
    limit_self(Limits(budget["memory_bytes"], budget["cpu_s"], budget["file_bytes"]))
    if sys.platform == "linux":  # decoders make a thread, with frames of its own, for each core that they see
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: budget["cores"]])
    try:
        from tasks.media.limits import MediaLimits

        module, _, name = function.partition(":")
        work, teller = getattr(import_module(module), name), Teller()
        made = work(Path(source), Path(target), MediaLimits(**order["limits"]), order["arguments"], teller)
        teller.say({"result": made})
    except PermanentError as error:
        Teller().say({"refusal": {"code": error.code, "detail": error.detail, "extra": error.extra}})
    except MemoryError:
        return OUT_OF_MEMORY
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
