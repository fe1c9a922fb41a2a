"""One temporary directory per attempt, gone afterwards, also when its process was killed (ring 1)."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = "reelyard-scratch-"
_LOCK = ".lock"
_SETTLE_S = 60.0
_log = logging.getLogger(__name__)


@contextmanager
def scratch_directory(root: str, label: str) -> Iterator[Path]:
    """Lend an empty directory and remove it with all it holds; a lock in it says that its owner lives."""
    directory = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{label}-", dir=root or None))
    lock = os.open(directory / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    work = directory / "work"
    work.mkdir()
    try:
        yield work
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        os.close(lock)
        if directory.exists():
            _log.warning("scratch directory could not be removed", extra={"directory": str(directory)})


def sweep_scratch(root: str, *, settle_s: float = _SETTLE_S) -> int:
    """Remove directories whose owner died; return how many. Younger ones than ``settle_s`` may still be being made."""
    removed = 0
    for directory in Path(root or tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            young = time.time() - directory.stat().st_mtime < settle_s
            if young or _is_locked(directory):
                continue
        except OSError:
            continue  # somebody else's, or gone meanwhile
        shutil.rmtree(directory, ignore_errors=True)
        removed += 1
    return removed


def _is_locked(directory: Path) -> bool:
    try:
        lock = os.open(directory / _LOCK, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False
