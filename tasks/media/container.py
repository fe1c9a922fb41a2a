"""The one safe way to open a media file."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import av.error
from av.container import InputContainer

from tasks.errors import PermanentError
from tasks.media.limits import MediaLimits
from tasks.media.sniff import MOV, sniff

_OPEN_TIMEOUT_S = 30.0
_READ_TIMEOUT_S = 30.0


@contextmanager
def open_media(path: Path, limits: MediaLimits | None = None) -> Iterator[InputContainer]:
    """Open a local file for reading with only the demuxer that its first bytes call for, and no other file or network.

    Raise PermanentError ``media.empty``, ``media.unsupported``, ``media.truncated`` or ``media.damaged``; errors of
    FFmpeg inside the block become ``media.damaged``.
    """
    kind = sniff(path)
    if kind is MOV:
        check_boxes(path)
    try:
        container = av.open(
            f"file:{path.absolute()}",
            "r",
            options={
                "format_whitelist": kind.demuxers,
                "protocol_whitelist": "file",
                "max_pixels": str((limits or MediaLimits()).max_pixels),
            },
            metadata_errors="replace",
            timeout=(_OPEN_TIMEOUT_S, _READ_TIMEOUT_S),
        )
    except MemoryError:
        raise
    except (av.error.FFmpegError, ValueError) as error:
        raise PermanentError("media.damaged", f"The file looks like {kind.name} but cannot be opened") from error
    with container, damaged_when_ffmpeg_fails():
        yield container


@contextmanager
def damaged_when_ffmpeg_fails() -> Iterator[None]:
    """Turn FFmpeg's errors into PermanentError ``media.damaged``; running out of memory or disk stays what it is."""
    try:
        yield
    except MemoryError:
        raise  # of this machine, not of the file
    except av.error.FFmpegError as error:
        raise PermanentError("media.damaged", "The file is damaged and cannot be read") from error


def media_start(container: InputContainer) -> Fraction:
    """Return the timestamp, in seconds, that counts as time zero of the media."""
    start = container.start_time or 0
    return max(Fraction(0), Fraction(start, av.time_base))


def check_boxes(path: Path) -> None:
    """Raise ``media.truncated`` when an MP4's boxes reach beyond its end or its index is missing."""
    size_bytes, offset = path.stat().st_size, 0
    found: set[bytes] = set()
    with path.open("rb") as file:
        while offset + 8 <= size_bytes and len(found) < 4096:
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
