"""Copying every object from one S3 provider to another: resumable, each one read back and compared.

What was copied and checked is written down in a journal, one line an object. A second run copies only what is new or
has changed since, so that the system may stay up until the last, short run.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Lock

from tasks.errors import PermanentError, TransientError
from tasks.storage.base import ObjectInfo, Storage

_BLOCK = 1 << 20
Progress = Callable[[str, int], None]
"""Told the key and size of each object that is done."""


@dataclass(frozen=True)
class Copied:
    """One line of the journal: an object as it was when it was copied."""

    key: str
    etag: str
    size_bytes: int
    sha256: str


@dataclass
class Moved:
    """What a run did, or would do."""

    copied: int = 0
    copied_bytes: int = 0
    kept: int = 0
    extra: int = 0
    gone: list[str] = field(default_factory=list)


class Journal:
    """The journal of one move, kept in a file that is only ever appended to."""

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, Lock()
        self._known = {line.key: line for line in _read_journal(path)}

    def has(self, found: ObjectInfo) -> bool:
        """Tell whether this very object was copied before."""
        known = self._known.get(found.key)
        return known is not None and (known.etag, known.size_bytes) == (found.etag, found.size_bytes)

    def add(self, line: Copied) -> None:
        """Write down an object that was copied and checked."""
        with self._lock, self._path.open("a") as file:
            file.write(json.dumps(asdict(line)) + "\n")
            self._known[line.key] = line


def move_objects(
    source: Storage, target: Storage, journal: Journal, *, workers: int = 4, dry_run: bool = False, progress: Progress
) -> Moved:
    """Copy what the target lacks and return what was done; raise TransientError ``move.not_equal`` for a bad copy."""
    there = {found.key: found.size_bytes for found in target.list("")}
    moved, lock = Moved(), Lock()

    def move(found: ObjectInfo) -> None:
        if not dry_run and not copy_object(source, target, found, journal):
            with lock:
                moved.gone.append(found.key)
            return
        with lock:
            moved.copied += 1
            moved.copied_bytes += found.size_bytes
            progress(found.key, found.size_bytes)

    def wanted() -> Iterator[ObjectInfo]:
        for found in source.list(""):
            if there.pop(found.key, None) == found.size_bytes and journal.has(found):
                moved.kept += 1
            else:
                yield found

    with ThreadPoolExecutor(workers) as pool:
        for _ in pool.map(move, wanted()):
            pass
    moved.extra = len(there)
    return moved


def copy_object(source: Storage, target: Storage, found: ObjectInfo, journal: Journal) -> bool:
    """Copy one object, read it back, compare, write it down; False when it has been deleted meanwhile."""
    about = source.head(found.key)
    if about is None:
        return False
    with tempfile.TemporaryDirectory(prefix="reelyard-move-") as folder:
        try:
            with source.local_copy(found.key, Path(folder)) as copy:
                sha256 = checksum(copy)
                target.put_file(found.key, copy, content_type=about.content_type or "application/octet-stream")
        except PermanentError as error:
            if error.code == "storage.missing":
                return False
            raise
        with target.local_copy(found.key, Path(folder)) as back:
            if checksum(back) != sha256:
                raise TransientError("move.not_equal", f"{found.key} is not the same at the target; run this again")
    journal.add(Copied(found.key, about.etag, about.size_bytes, sha256))
    return True


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _read_journal(path: Path) -> Iterator[Copied]:
    """Yield the lines of a journal; the last one may have been cut off by a fall of the machine."""
    if not path.exists():
        return
    for line in path.read_text().splitlines():
        try:
            yield Copied(**json.loads(line))
        except (ValueError, TypeError):
            continue
