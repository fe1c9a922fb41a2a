"""Checksums of files of any size."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

_CHUNK = 1 << 20


def sha256_of(path: Path, *, progress: Callable[[int], None] | None = None) -> str:
    """Return the hexadecimal SHA-256; ``progress`` is called with the bytes read since the last call."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            if progress is not None:
                progress(len(chunk))
    return digest.hexdigest()
