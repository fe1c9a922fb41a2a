"""What a reader may do that a hostile file has taken over; run in a process apart, or in a room."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from tasks.errors import PermanentError, TransientError


def crash(*_: Any) -> None:
    """Break."""
    os.kill(os.getpid(), signal.SIGSEGV)


def kill(*_: Any) -> None:
    """End as the kernel ends who takes too much memory."""
    os.kill(os.getpid(), signal.SIGKILL)


def spin(*_: Any) -> None:
    """Work without end."""
    while True:
        pass


def swell(*_: Any) -> int:
    """Take more memory than there may be."""
    return len(bytearray(2 << 30))


def fill(_: Path, target: Path, *rest: Any) -> None:
    """Write more than may be written."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    target.write_bytes(bytes(2 << 20))


def babble(*_: Any) -> None:
    """Say what nobody understands."""
    sys.stdout.write("[1]\n")


def promise(*_: Any) -> None:
    """Announce more bytes than come."""
    sys.stdout.write('{"block": 1000}\nabc')
    sys.stdout.flush()
    os._exit(0)


def nothing(*_: Any) -> int:
    """Succeed without having written anything."""
    return 1


def link(_: Path, target: Path, *rest: Any) -> int:
    """Leave a link to another file where the result belongs."""
    target.symlink_to("/etc/hostname")
    return 1


def endless(_: Path, __: Path, limits: Any, arguments: Any, teller: Any) -> None:
    """Send sound for ever."""
    while True:
        teller.block(bytes(1 << 20))


def not_numbers(_: Path, __: Path, limits: Any, arguments: Any, teller: Any) -> None:
    """Send what is no sound."""
    teller.block(b"\xff" * 4000)


_total = 0


def add(_: Path, arguments: dict[str, Any], teller: Any) -> int:
    """Remember a sum between errands."""
    global _total
    _total += arguments["by"]
    return _total


def refuse(*_: Any) -> None:
    """Refuse the file."""
    raise PermanentError("media.damaged", "The file is damaged")


def give_up(*_: Any) -> None:
    """Fail at something that may work the next time."""
    raise TransientError("browser.crashed", "The browser died")


def stumble(*_: Any) -> None:
    """Fail at what nobody thought of."""
    raise LookupError("nobody thought of this")


def garble(_: Path, __: dict[str, Any], teller: Any) -> None:
    """Answer what nobody understands, and go on."""
    teller._out.write(b"[" * 5000 + b"\n")


def overstate(_: Path, __: dict[str, Any], teller: Any) -> None:
    """Tell of progress that is none."""
    teller.say({"progress": [float("nan"), "all"]})


def forever(_: Path, __: dict[str, Any], teller: Any) -> None:
    """Tell of progress without end."""
    while True:
        teller.progress(1, 2)
        time.sleep(0.05)
