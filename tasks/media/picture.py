"""Uploaded pictures: decoded once, checked, and written anew as PNG that the stage may show."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import av
import av.error
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from tasks.contracts.media import ImageInfo
from tasks.errors import PermanentError
from tasks.media.apart import Errand, call
from tasks.media.limits import MediaLimits

if TYPE_CHECKING:
    from tasks.media.walled import Teller

MAX_BYTES = 32 * 1024 * 1024
MAX_SIDE, MAX_PIXELS = 8192, 40_000_000
LONGEST_SIDE = 4096
"""Larger pictures are scaled down to it: no caption canvas shows more."""
_DECODERS = ((b"\x89PNG\r\n\x1a\n", "png", "png"), (b"\xff\xd8\xff", "jpeg", "mjpeg"))
_FRAME_MARKERS = [bytes([marker]) for marker in range(0xC0, 0xD0) if marker not in (0xC4, 0xC8, 0xCC)]
_MOST_SEGMENTS = 10_000
_ALPHA = ("rgba", "bgra", "argb", "abgr", "ya8", "ya16", "rgba64", "pal8", "yuva420p", "gbrap")


def clean_picture(
    path: Path, out: Path, *, limits: MediaLimits | None = None, longest_side: int = LONGEST_SIDE
) -> ImageInfo:
    """Decode a PNG, JPEG or WebP and write its pixels alone to ``out`` as an RGBA PNG.

    Nothing else of the file survives: no metadata, no second picture, no trailing bytes. Errors, all permanent:
    ``image.unsupported too_large damaged``.
    :param limits: only their walls count here. :param longest_side: larger pictures are scaled down to it.
    """
    if limits is not None and limits.walls:
        asked = {"longest_side": longest_side}
        return ImageInfo.from_json(call(Errand("tasks.media.picture:clean_apart", path, limits, asked, target=out)))
    if path.stat().st_size > MAX_BYTES:
        raise PermanentError("image.too_large", f"The picture has more than {MAX_BYTES} bytes")
    data = path.read_bytes()
    name, decoder = _format_of(data)
    _check_size(*declared_size(data, name))
    frame = _decode(data, decoder)
    _check_size(frame.width, frame.height)
    scale = min(1.0, longest_side / max(frame.width, frame.height))
    width, height = max(1, round(frame.width * scale)), max(1, round(frame.height * scale))
    picture = frame.reformat(width, height, format="rgba", interpolation="AREA" if scale < 1 else "BICUBIC")
    _write(picture, out)
    return ImageInfo(name, width, height, frame.format.name.startswith(_ALPHA))


def clean_apart(
    path: Path, target: Path, limits: MediaLimits, arguments: dict[str, Any], teller: Teller
) -> dict[str, Any]:
    """Write the pixels of a picture; tell what it was."""
    return clean_picture(path, target, limits=limits, longest_side=arguments["longest_side"]).to_json()


def _format_of(data: bytes) -> tuple[str, str]:
    for prefix, name, decoder in _DECODERS:
        if data.startswith(prefix):
            return name, decoder
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp", "webp"
    raise PermanentError("image.unsupported", "The file is not a PNG, JPEG or WebP picture")


def _check_size(width: int, height: int) -> None:
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise PermanentError("image.too_large", f"A picture of {width}x{height} is larger than allowed")


def declared_size(data: bytes, name: str) -> tuple[int, int]:
    """Return the width and height that a picture's header claims, zeros where it cannot be read."""
    if name == "png":
        return _number(data, 16, 4), _number(data, 20, 4)
    if name == "jpeg":
        return _jpeg_size(data)
    if data[12:16] == b"VP8X":
        return _number(data, 24, 3, "little") + 1, _number(data, 27, 3, "little") + 1
    if data[12:16] == b"VP8L":
        packed = _number(data, 21, 4, "little")
        return (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    return _number(data, 26, 2, "little") & 0x3FFF, _number(data, 28, 2, "little") & 0x3FFF


def _jpeg_size(data: bytes) -> tuple[int, int]:
    at = 2
    for _ in range(_MOST_SEGMENTS):
        if data[at : at + 1] != b"\xff":
            break
        marker = data[at + 1 : at + 2]
        if marker in _FRAME_MARKERS:
            return _number(data, at + 7, 2), _number(data, at + 5, 2)
        at += 1 if marker == b"\xff" else 2 + _number(data, at + 2, 2)
    return 0, 0


def _number(data: bytes, at: int, size: int, order: Literal["big", "little"] = "big") -> int:
    return int.from_bytes(data[at : at + size], order)


def _decode(data: bytes, decoder: str) -> VideoFrame:
    context = av.CodecContext.create(decoder, "r")
    assert isinstance(context, VideoCodecContext)
    context.options = {"max_pixels": str(MAX_PIXELS)}  # for what the header does not tell: before memory is taken
    level = av.logging.get_level()
    av.logging.set_level(av.logging.PANIC)
    try:
        frames = [*context.decode(av.Packet(data)), *context.decode(None)]
    except av.error.FFmpegError as error:
        raise PermanentError("image.damaged", "The picture cannot be decoded") from error
    finally:
        av.logging.set_level(level)
    if not frames:
        raise PermanentError("image.damaged", "The file holds no picture that can be decoded")
    return frames[0]


def _write(picture: VideoFrame, out: Path) -> None:
    encoder = av.CodecContext.create("png", "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = picture.width, picture.height, "rgba"
    encoder.time_base = Fraction(1, 1)
    picture.pts = 0
    out.write_bytes(b"".join(bytes(packet) for packet in [*encoder.encode(picture), *encoder.encode(None)]))
