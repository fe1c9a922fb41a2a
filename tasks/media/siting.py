"""Where a file's chroma samples lie among its luma (ITU-T H.273, ``ChromaLocType``), by FFmpeg's names (ring 2).

PyAV tells nothing of it, but copies it with a stream: a Matroska header that is written for a copy says it in numbers
(RFC 9559, ``ChromaSitingHorz`` and ``ChromaSitingVert``).
"""

from __future__ import annotations

import io

import av
import av.error
from av.video.stream import VideoStream

LEFT = "left"
"""What H.264 and HEVC mean by saying nothing."""
PLACES = {
    "left": (0, 1), "center": (1, 1), "topleft": (0, 0), "top": (1, 0), "bottomleft": (0, 2), "bottom": (1, 2),
}  # fmt: skip
"""How far right of the first column and below the first row the first sample lies, in half pixels."""
_NAMES = {place: name for name, place in PLACES.items()}
_COLOUR = ("18538067", "1654ae6b", "ae", "e0", "55b0")
"""Segment, tracks, the track, its video, that one's colours."""
_ACROSS, _DOWN = "55b7", "55b8"
"""Identifiers of the two numbers; 1 is the first pixel, 2 between it and the next."""


def siting_of(stream: VideoStream) -> str:
    """Return the name of a stream's siting, empty where the file does not say."""
    header = io.BytesIO()
    try:
        with av.open(header, "w", format="matroska") as copy:
            copy.add_stream_from_template(stream, opaque=True)
            copy.start_encoding()
            told = header.getvalue()
    except (av.error.FFmpegError, ValueError):
        return ""  # a codec that Matroska does not know
    for name in _COLOUR:
        told = _elements(told).get(name, b"")
    numbers = _elements(told)
    across, down = (int.from_bytes(numbers.get(name, b"")) - 1 for name in (_ACROSS, _DOWN))
    return _NAMES.get((across, down), "")


def _elements(data: bytes) -> dict[str, bytes]:
    """Return the elements of Matroska's binary format (EBML, RFC 8794) by their identifiers; one of a kind."""
    found, at = {}, 0
    while at < len(data) and data[at]:
        name = data[at : at + 9 - data[at].bit_length()]
        at += len(name)
        width = 9 - data[at].bit_length() if at < len(data) and data[at] else 8
        size = int.from_bytes(data[at : at + width]) & ((1 << 7 * width) - 1)
        at += width
        found[name.hex()] = data[at : at + size]  # one of unknown size goes on to the end
        at += size
    return found


def turned(siting: str, rotation: int) -> str:
    """Return where samples lie once a picture is turned, degrees clockwise; empty where there is no name for it."""
    return _NAMES.get(place_of(siting, rotation), "")


def place_of(siting: str, rotation: int = 0) -> tuple[int, int]:
    """Return how far right of the first column and below the first row the first sample lies, in half pixels."""
    across, down = PLACES[siting or LEFT]
    return {0: (across, down), 90: (2 - down, across), 180: (2 - across, 2 - down), 270: (down, 2 - across)}[rotation]
