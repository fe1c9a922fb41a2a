"""Object storage in memory with the contract of the real one, for unit tests (ring 1)."""

from __future__ import annotations

import hashlib
import itertools
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

from tasks.errors import PermanentError
from tasks.storage.base import ObjectInfo, PresignedUpload, StorageError, to_base64
from tasks.storage.disposition import content_disposition


@dataclass
class _OpenUpload:
    key: str
    content_type: str
    sizes: list[int]
    parts: dict[int, bytes] = field(default_factory=dict)


class MemoryStorage:
    """Keeps objects in a dictionary; ``memory://`` URLs work through :meth:`client_put` and :meth:`client_get`."""

    def __init__(self) -> None:
        self._objects: dict[str, tuple[ObjectInfo, bytes]] = {}
        self._uploads: dict[str, _OpenUpload] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._bucket = False

    def ensure_bucket(self, *, cors_origins: tuple[str, ...] = ()) -> None:
        """Make the storage reachable."""
        self._bucket = True

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
        """Return URLs good for exactly this size and type."""
        if upload_ref:
            return self._presign_parts(upload_ref)
        if size_bytes <= part_size_bytes:
            url = f"memory://{key}?" + urlencode({"type": content_type, "size": size_bytes, "sha256": sha256})
            headers = {"Content-Type": content_type}
            return PresignedUpload(
                (url,), size_bytes, {**headers, "x-amz-checksum-sha256": to_base64(sha256)} if sha256 else headers
            )
        count = math.ceil(size_bytes / part_size_bytes)
        sizes = [min(part_size_bytes, size_bytes - index * part_size_bytes) for index in range(count)]
        upload_ref = f"upload-{next(self._numbers)}"
        self._uploads[upload_ref] = _OpenUpload(key, content_type, sizes)
        return self._presign_parts(upload_ref)

    def _presign_parts(self, upload_ref: str) -> PresignedUpload:
        upload = self._uploads[upload_ref]
        parts = tuple(
            f"memory://{upload.key}?" + urlencode({"upload": upload_ref, "part": number, "size": size})
            for number, size in enumerate(upload.sizes, 1)
        )
        return PresignedUpload(parts, upload.sizes[0], {}, upload_ref)

    def client_put(self, url: str, data: bytes, headers: dict[str, str]) -> int:
        """Do what a client's PUT to a presigned URL does; return the HTTP status."""
        split = urlsplit(url)
        query = {name: values[0] for name, values in parse_qs(split.query).items()}
        if len(data) != int(query["size"]) or headers.get("Content-Type", "") != query.get("type", ""):
            return 403
        signed = query.get("sha256", "")
        if signed and headers.get("x-amz-checksum-sha256") != to_base64(signed):
            return 403
        if signed and hashlib.sha256(data).hexdigest() != signed:
            return 400
        if "upload" in query:
            self._uploads[query["upload"]].parts[int(query["part"])] = data
        else:
            self.put_bytes(split.netloc + split.path, data, content_type=query["type"])
        return 200

    def client_get(self, url: str) -> tuple[bytes, dict[str, str]]:
        """Do what a client's GET of a presigned URL does; return the body and the headers."""
        split = urlsplit(url)
        info, data = self._find(split.netloc + split.path)
        query = {name: values[0] for name, values in parse_qs(split.query).items()}
        return data, {
            "Content-Type": query.get("type") or info.content_type,
            "Content-Disposition": query["disposition"],
        }

    def complete_parts(self, key: str, upload_ref: str) -> None:
        """Join the parts that were put."""
        upload = self._uploads.get(upload_ref)
        if upload is None:
            if key in self._objects:
                return
            raise PermanentError("upload.incomplete", "This upload is not open any more; start it again")
        missing = [number for number in range(1, len(upload.sizes) + 1) if number not in upload.parts]
        if missing:
            shown = ", ".join(str(number) for number in missing[:10])
            raise PermanentError("upload.incomplete", f"Parts {shown} were not uploaded", {"missing_parts": missing})
        data = b"".join(upload.parts[number] for number in sorted(upload.parts))
        self.put_bytes(key, data, content_type=upload.content_type)
        del self._uploads[upload_ref]

    def abort_parts(self, key: str, upload_ref: str) -> None:
        """Give up a multipart upload."""
        self._uploads.pop(upload_ref, None)

    def presign_get(
        self, key: str, *, filename: str = "", content_type: str = "", inline: bool = False, cache_s: int = 0
    ) -> str:
        """Return a URL for :meth:`client_get`."""
        query = {"disposition": content_disposition(filename, inline=inline), "type": content_type}
        return f"memory://{key}?" + urlencode(query)

    def head(self, key: str) -> ObjectInfo | None:
        """Return what is stored under ``key``, or None."""
        found = self._objects.get(key)
        return found[0] if found else None

    def put_file(
        self, key: str, path: Path, *, content_type: str, progress: Callable[[int], None] | None = None
    ) -> ObjectInfo:
        """Store a file's bytes."""
        data = path.read_bytes()
        self.put_bytes(key, data, content_type=content_type)
        if progress is not None:
            progress(len(data))
        return self._objects[key][0]

    def put_bytes(self, key: str, data: bytes, *, content_type: str, if_absent: bool = False) -> bool:
        """Store bytes; with ``if_absent`` return False instead of overwriting."""
        etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
        with self._lock:
            if if_absent and key in self._objects:
                return False
            self._objects[key] = (ObjectInfo(key, len(data), etag, content_type, datetime.now(UTC)), data)
        return True

    def put_if_absent(self, key: str, path: Path, *, content_type: str) -> bool:
        """Store a file's bytes unless something is there."""
        return self.put_bytes(key, path.read_bytes(), content_type=content_type, if_absent=True)

    def get_bytes(self, key: str, *, limit: int = 1 << 24) -> bytes:
        """Return a small object whole."""
        _, data = self._find(key)
        if len(data) > limit:
            raise PermanentError("storage.too_large", f"The object has more than {limit} bytes")
        return data

    @contextmanager
    def local_copy(self, key: str, directory: Path, *, progress: Callable[[int], None] | None = None) -> Iterator[Path]:
        """Lend a local, read-only copy for the duration of the block."""
        _, data = self._find(key)
        target = directory / f"copy-{next(self._numbers)}"
        try:
            target.write_bytes(data)
            target.chmod(0o400)
            if progress is not None:
                progress(len(data))
            yield target
        finally:
            target.unlink(missing_ok=True)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield every object under a prefix, in key order."""
        for key in sorted(self._objects):
            if key.startswith(prefix):
                yield self._objects[key][0]

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects; missing ones do not matter."""
        for key in keys:
            self._objects.pop(key, None)

    def ping(self) -> None:
        """Raise StorageError before :meth:`ensure_bucket`."""
        if not self._bucket:
            raise StorageError("storage.no_bucket", "There is no bucket")

    def _find(self, key: str) -> tuple[ObjectInfo, bytes]:
        if key not in self._objects:
            raise PermanentError("storage.missing", f"There is no object {key!r}")
        return self._objects[key]
