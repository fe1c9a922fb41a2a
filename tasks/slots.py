"""Which attempt each pool process works on, for the main process to know when one dies (ring 1)."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import billiard

from tasks.contracts import Claim

RECORD_BYTES = 1024
"""Length of a note: always the same, so that keeping it takes no more room on a disk that is full."""

_PREFIX = "reelyard-slot-"
_SETTLE_S = 60.0


@dataclass(frozen=True)
class Note:
    """What a pool process works on; ``lease_until`` by the clock that all processes of a host share."""

    job_id: str
    step_id: str
    token: int
    lease_until: float


@contextmanager
def noted(root: str, claim: Claim) -> Iterator[Callable[[float], None]]:
    """Keep a note of an attempt for the length of the block; lend what renews its lease there.

    Outside of pool processes, and where no file can be written, nothing is kept: then the lease ends by itself.
    """
    if billiard.current_process().name == "MainProcess":
        yield lambda lease_until: None
        return
    path = _path_of(root, os.getppid(), os.getpid())
    note = Note(claim.job_id, claim.step_id, claim.token, time.monotonic() + claim.lease_s)
    _write(path, asdict(note))
    try:
        yield lambda lease_until: _write(path, asdict(replace(note, lease_until=lease_until)))
    finally:
        path.unlink(missing_ok=True)


def read_note(root: str, pid: int) -> Note | None:
    """Return what a pool process of this worker works on, or was at when it died; None when that is nothing."""
    try:
        told = json.loads(_path_of(root, os.getpid(), pid).read_bytes())
        return Note(**told) if told else None
    except (OSError, ValueError, TypeError):
        return None


def _path_of(root: str, worker: int, pid: int) -> Path:
    return Path(root or tempfile.gettempdir()) / f"{_PREFIX}{worker}-{pid}"


def _write(path: Path, told: dict[str, Any]) -> None:
    """Write a note over the one before; where that fails there shall be none, since an old one would be false."""
    record = json.dumps(told).encode().ljust(RECORD_BYTES)
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            if os.pwrite(file, record, 0) != len(record):
                raise OSError("only a part was written")
        finally:
            os.close(file)
    except OSError:
        with suppress(OSError):
            path.unlink()


def find_notes(root: str) -> list[int]:
    """Return the pool processes of this worker that keep notes."""
    paths = Path(root or tempfile.gettempdir()).glob(f"{_PREFIX}{os.getpid()}-*")
    return [int(path.name.rpartition("-")[2]) for path in paths]


def sweep_notes(root: str) -> None:
    """Remove the notes of processes that ended a while ago, of this worker and of others."""
    for path in Path(root or tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        pid = path.name.rpartition("-")[2]
        with suppress(OSError):
            if not Path("/proc", pid).exists() and time.time() - path.stat().st_mtime > _SETTLE_S:
                path.unlink()
