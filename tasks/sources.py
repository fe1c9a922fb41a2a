"""Copies of stored objects that the processes of a host share, so that each object is downloaded once (ring 1).

A copy is named by its object's key, hash and size, lies under the scratch directory and is lent as a hard link: it can
be removed at any time, and whoever works with it keeps it. One process downloads, others that want the same one wait.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir
from uuid import uuid4

from tasks.config import WorkerSettings
from tasks.storage import ObjectInfo, Storage

KEEP_S = 3600.0
"""Copies that nobody wanted for so long are removed."""
TIDY_S = 600.0
LEAST_PART = 4
"""Copies take one part in so many of a file system at most: a scratch directory may lie in memory."""
LOCKS = 64
POLL_S = 0.1

Read = Callable[[int], None]
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SourceCache:
    """A folder of copies, in bounded space; safe for any number of processes at once."""

    folder: Path
    limit_bytes: int
    keep_s: float = KEEP_S

    @contextmanager
    def lend(self, storage: Storage, key: str, directory: Path, *, progress: Read) -> Iterator[Path]:
        """Lend a read-only copy of an object for the duration of the block.

        :param directory: on the same file system, :param progress: called with bytes read, and with 0 while it waits;
            what it raises ends the waiting.
        Errors: those of ``Storage.local_copy``.
        """
        found = storage.head(key)
        if found is None or not self._prepare() or found.size_bytes > self._room():
            with storage.local_copy(key, directory, progress=progress) as path:
                yield path
            return
        lent = directory / f"copy-{uuid4().hex}"
        entry = self.folder / name_of(found)
        try:
            with self._alone(entry.name, progress):
                if self._link(entry, lent):
                    progress(found.size_bytes)
                else:
                    self._bring(storage, found, entry, lent, progress)
            yield lent
        finally:
            lent.unlink(missing_ok=True)

    def tidy(self, room: int = 0) -> None:
        """Remove copies that nobody wanted for long, and the longest unwanted until ``room`` more bytes fit."""
        copies = sorted(self._copies(), key=lambda copy: copy[0])
        total, oldest = sum(size for _, size, _ in copies), time.time() - self.keep_s
        limit = self._room() if copies else 0
        for used_at, size, path in copies:
            if used_at >= oldest and total + room <= limit:
                return
            path.unlink(missing_ok=True)
            total -= size

    def _bring(self, storage: Storage, found: ObjectInfo, entry: Path, lent: Path, progress: Read) -> None:
        """Download into the borrower's own directory, which is cleared when it dies, and keep a link."""
        self.tidy(found.size_bytes)
        try:
            with storage.local_copy(found.key, lent.parent, progress=progress) as copy:
                copy.rename(lent)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                self.tidy(self.limit_bytes)  # the next attempt finds all the room there is
            raise
        if storage.head(found.key) == found:  # else what came may be another version than the name says
            with suppress(OSError):
                os.link(lent, entry)

    def _link(self, entry: Path, lent: Path) -> bool:
        try:
            os.link(entry, lent)
            os.utime(lent)
        except OSError:
            lent.unlink(missing_ok=True)
            return False
        return True

    @contextmanager
    def _alone(self, name: str, progress: Read) -> Iterator[None]:
        """Keep others from downloading the same object meanwhile."""
        lock = os.open(self.folder / f".lock-{int(name[:8], 16) % LOCKS}", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            while not _try_lock(lock):
                progress(0)
                time.sleep(POLL_S)
            yield
        finally:
            os.close(lock)

    def _prepare(self) -> bool:
        """Make the folder; tell whether it is there and nobody else's."""
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            status = self.folder.lstat()
        except OSError as error:
            _log.warning("sources are not shared", extra={"folder": str(self.folder), "error": str(error)})
            return False
        return status.st_uid == os.geteuid() and status.st_mode & 0o170077 == 0o040000

    def _room(self) -> int:
        """Return the bytes that copies may take: the limit, or a part of a small file system."""
        return min(self.limit_bytes, shutil.disk_usage(self.folder).total // LEAST_PART)

    def _copies(self) -> Iterator[tuple[float, int, Path]]:
        """Yield when each copy was last wanted, its size and its path."""
        for path in self.folder.glob("[0-9a-f]*"):
            with suppress(OSError):  # removed meanwhile
                status = path.stat()
                yield status.st_mtime, status.st_size, path


def name_of(found: ObjectInfo) -> str:
    """Name an object by what it holds: storages change the hash (ETag) with the content."""
    return hashlib.sha256(f"{found.key}\n{found.etag}\n{found.size_bytes}".encode()).hexdigest()


def open_cache(settings: WorkerSettings) -> SourceCache:
    """Return this host's copies."""
    root = Path(settings.scratch_dir or gettempdir())
    return SourceCache(root / f"reelyard-sources-{os.geteuid()}", settings.source_cache_bytes)


def keep_tidy(settings: WorkerSettings) -> None:
    """Remove unwanted copies now and, from a thread, for as long as this process lives."""
    cache = open_cache(settings)

    def run() -> None:
        while True:
            cache.tidy()
            time.sleep(TIDY_S)

    threading.Thread(target=run, name="tidy-sources", daemon=True).start()


def _try_lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
