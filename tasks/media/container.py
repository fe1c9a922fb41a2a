"""The one safe way to open a media file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import av
import av.error
from av.audio.stream import AudioStream
from av.codec.hwaccel import HWAccel
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from tasks.errors import PermanentError
from tasks.media.limits import MediaLimits
from tasks.media.sniff import sniff
from tasks.media.structure import check_whole

OfStream = TypeVar("OfStream", bound=Stream)
_OPEN_TIMEOUT_S = 30.0
_READ_TIMEOUT_S = 30.0
_FURTHER_BACK_S = (0, 4, 16)
"""Key frames are seldom further apart, so that long files need not be read from their beginnings."""


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


def packets_of(container: InputContainer, *streams: OfStream) -> Iterator[Packet[OfStream]]:
    """Yield the packets of an open file's streams, and an empty one for each at the end, by which decoders are emptied.

    A file may bring more streams than it had when it was opened. PyAV (18.1) has no place for them: asked for their
    last packets it raises IndexError, after those of all streams that were known.
    """
    packets: Iterator[Packet[Any]] = container.demux(*streams)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, IndexError):
            return
        yield packet


def frames_of(container: InputContainer, stream: VideoStream | AudioStream) -> Iterator[Any]:
    """Yield the frames of an open file's stream."""
    for packet in packets_of(container, stream):
        yield from packet.decode()


def frames_from(
    container: InputContainer, stream: VideoStream, at_s: Fraction, decode: Callable[[], Iterator[VideoFrame]]
) -> Iterator[VideoFrame]:
    """Yield frames from the one shown at a time of the container on, and maybe some before it.

    In files without an index, such as MPEG-TS, seeking leads to where that time stands and not to the key frame before
    it, so that nothing can be decoded until the next one: then it is tried from further back, at last from the start.

    :param decode: yields the frames from where the container stands.
    """
    for back_s in (*_FURTHER_BACK_S, at_s):
        _seek(container, stream, at_s - back_s)
        frames = decode()
        first = next(frames, None)
        is_late = first is None or first.pts is None or first.pts * (first.time_base or 0) > at_s
        if is_late and back_s < at_s:
            continue
        if first is None:
            return  # PyAV's generators cannot be asked again once they have ended
        yield first
        yield from frames
        return


def _seek(container: InputContainer, stream: VideoStream, at_s: Fraction) -> None:
    try:
        container.seek(int(max(at_s, Fraction(0)) / (stream.time_base or Fraction(1))), stream=stream)
    except av.error.FFmpegError:
        container.seek(0)
