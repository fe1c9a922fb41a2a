"""Telling a file that was cut off from a whole one by the sizes that its outermost parts declare."""

from __future__ import annotations

import struct
from pathlib import Path

from tasks.errors import PermanentError

_MOST_BOXES = 100_000
_SEGMENT = 0x18538067


def check_whole(path: Path, container: str) -> None:
    """Raise ``media.truncated`` when the file ends before a part that it declares; other containers pass."""
    if container == "mov":
        _check_boxes(path)
    elif container == "matroska":
        _check_segment(path)


def _check_boxes(path: Path) -> None:
    size_bytes, offset = path.stat().st_size, 0
    found: set[bytes] = set()
    with path.open("rb") as file:
        for _ in range(_MOST_BOXES):
            if offset + 8 > size_bytes:
                break
            file.seek(offset)
            length, kind = _read_box(file.read(16), size_bytes - offset)
            found.add(kind)
            if length < 8 or offset + length > size_bytes:
                if kind in (b"mdat", b"moov", b"moof", b"ftyp"):
                    raise PermanentError("media.truncated", "The file is cut off: its end is missing")
                break  # junk after the last box harms nobody
            offset += length
    if b"moov" not in found:
        raise PermanentError("media.truncated", "The file is cut off: its index is missing")


def _read_box(header: bytes, rest_bytes: int) -> tuple[int, bytes]:
    length, kind = struct.unpack(">I4s", header[:8])
    if length == 1 and len(header) == 16:
        length = struct.unpack(">Q", header[8:])[0]
    elif length == 0:
        length = rest_bytes
    return length, kind


def _check_segment(path: Path) -> None:
    """A live recording does not know its segment's size and says so; then there is nothing to check."""
    with path.open("rb") as file:
        head = file.read(4096)
    _, offset = _read_number(head, 0, keep_marker=True)
    header_bytes, offset = _read_number(head, offset, keep_marker=False)
    if header_bytes is None:
        return
    segment, offset = _read_number(head, offset + header_bytes, keep_marker=True)
    size_bytes, offset = _read_number(head, offset, keep_marker=False)
    if segment == _SEGMENT and size_bytes is not None and offset + size_bytes > path.stat().st_size:
        raise PermanentError("media.truncated", "The file is cut off: its end is missing")


def _read_number(data: bytes, offset: int, *, keep_marker: bool) -> tuple[int | None, int]:
    """Return an EBML number (None when all its bits are set: unknown) and the offset behind it."""
    if offset >= len(data) or not data[offset]:
        return None, offset
    width = 9 - data[offset].bit_length()
    raw = int.from_bytes(data[offset : offset + width], "big")
    marker = 1 << (7 * width)
    if keep_marker:
        return raw, offset + width
    value = raw & (marker - 1)
    return (None if value == marker - 1 else value), offset + width
