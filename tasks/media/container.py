"""The one safe way to open a media file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import av.error
from av.codec.hwaccel import HWAccel
from av.container import InputContainer

from tasks.errors import PermanentError
from tasks.media.limits import MediaLimits
from tasks.media.sniff import sniff
from tasks.media.structure import check_whole

_OPEN_TIMEOUT_S = 30.0
_READ_TIMEOUT_S = 30.0


@contextmanager
def open_media(
    path: Path, limits: MediaLimits | None = None, *, acceleration: HWAccel | None = None
) -> Iterator[InputContainer]:
    """Open a local file for reading with only the demuxer that its first bytes call for, and no other file or network.

    :param acceleration: what decodes its pictures in place of the processor.

    Raise PermanentError ``media.empty``, ``media.unsupported``, ``media.truncated`` or ``media.damaged``; errors of
    FFmpeg inside the block become ``media.damaged``.
    """
    kind = sniff(path)
    check_whole(path, kind.name)
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
            hwaccel=acceleration,
        )
    except (av.error.FFmpegError, ValueError) as error:
        # Memory, too: a header that claims gigabytes is told apart from a full machine by nothing but being a header.
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
