"""What any storage must do. ``s3.S3Storage`` is the real one, ``memory.MemoryStorage`` the one for unit tests.

One contract test (``tests/integration/test_storage_contract.py``) runs against both.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from tasks.errors import TransientError


class StorageError(TransientError):
    """Raised when the storage does not answer or refuses us; a missing object is PermanentError ``storage.missing``."""


@dataclass(frozen=True)
class ObjectInfo:
    """One stored object; ``etag`` without quotes."""

    key: str
    size_bytes: int
    etag: str
    content_type: str
    modified_at: datetime


@dataclass(frozen=True)
class PresignedUpload:
    """How a client puts an object: one PUT, or one PUT per part and then completion by the API.

    :param parts: URLs in order, one per part of ``part_size_bytes`` (the last may be shorter); a single one without
        ``upload_ref``.
    :param headers: headers the client must send with each PUT, exactly.
    :param upload_ref: the storage's multipart id, empty for a single PUT.
    """

    parts: tuple[str, ...]
    part_size_bytes: int
    headers: dict[str, str]
    upload_ref: str = ""


class Storage(Protocol):
    """Object storage. Every method raises StorageError when the storage is away and
    ``PermanentError("storage.missing", …)`` when the object is not there."""

    def ensure_bucket(self, *, cors_origins: tuple[str, ...] = ()) -> None:
        """Create the private bucket when it is not there."""

    def presign_put(
        self,
        key: str,
        *,
        content_type: str,
        size_bytes: int,
        part_size_bytes: int,
        upload_ref: str = "",
        sha256: str = "",
    ) -> PresignedUpload:
        """Return URLs good for exactly this size and type; several parts when size exceeds ``part_size_bytes``.

        :param upload_ref: sign the parts of this upload once more, of the size that they had.
        :param sha256: of the bytes, in hex; what is sent in one piece must have it where the storage can check that.
        """

    def complete_parts(self, key: str, upload_ref: str) -> None:
        """Join the parts that were put; raise ``PermanentError("upload.incomplete", …)`` when some are missing."""

    def abort_parts(self, key: str, upload_ref: str) -> None:
        """Give up a multipart upload; harmless when it is gone."""

    def presign_get(
        self, key: str, *, filename: str = "", content_type: str = "", inline: bool = False, cache_s: int = 0
    ) -> str:
        """Return a URL that downloads the object, named ``filename`` (RFC 6266) for the person who saves it.

        :param cache_s: how long the browser may show what it got without asking again; the URL is good for at least
            twice as long, so that whoever remembers it meanwhile is not led astray.
        """

    def head(self, key: str) -> ObjectInfo | None:
        """Return what is stored under ``key``, or None."""

    def put_file(
        self, key: str, path: Path, *, content_type: str, progress: Callable[[int], None] | None = None
    ) -> ObjectInfo:
        """Upload a file; ``progress`` is called with the bytes sent since the last call."""

    def put_bytes(self, key: str, data: bytes, *, content_type: str, if_absent: bool = False) -> bool:
        """Store bytes; with ``if_absent`` return False instead of overwriting."""

    def put_if_absent(self, key: str, path: Path, *, content_type: str) -> bool:
        """Upload a file of up to 5 GiB unless something is there; return False, with that kept, when it is."""

    def get_bytes(self, key: str, *, limit: int = 1 << 24) -> bytes:
        """Return a small object whole; raise PermanentError("storage.too_large") above ``limit`` bytes."""

    def local_copy(
        self, key: str, directory: Path, *, progress: Callable[[int], None] | None = None
    ) -> AbstractContextManager[Path]:
        """Lend a local, read-only copy for the duration of the block; it is gone afterwards."""

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield every object under a prefix, in key order."""

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects; missing ones do not matter."""

    def ping(self) -> None:
        """Raise StorageError unless the bucket can be reached."""


def to_base64(sha256: str) -> str:
    """Write a checksum as S3's headers have it."""
    return b64encode(bytes.fromhex(sha256)).decode()
