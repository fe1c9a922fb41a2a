"""Uploaded pictures: decoded once, checked, and written anew as PNG that the stage may show."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    frame = _decode(data, decoder)
    if max(frame.width, frame.height) > MAX_SIDE or frame.width * frame.height > MAX_PIXELS:
        raise PermanentError("image.too_large", f"A picture of {frame.width}x{frame.height} is larger than allowed")
    scale = min(1.0, longest_side / max(frame.width, frame.height))
    width, height = max(1, round(frame.width * scale)), max(1, round(frame.height * scale))
    picture = frame.reformat(width, height, format="rgba", interpolation="AREA" if scale < 1 else "BICUBIC")
    _write(picture, out)
    return ImageInfo(name, width, height, frame.format.name.startswith(_ALPHA))


def clean_apart(
    path: Path, target: Path, limits: MediaLimits, arguments: dict[str, Any], teller: Teller
) -> dict[str, Any]:
    """Write the pixels of a picture; tell what it was."""
    return clean_picture(path, target, longest_side=arguments["longest_side"]).to_json()


def _format_of(data: bytes) -> tuple[str, str]:
    for prefix, name, decoder in _DECODERS:
        if data.startswith(prefix):
            return name, decoder
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp", "webp"
    raise PermanentError("image.unsupported", "The file is not a PNG, JPEG or WebP picture")


def _decode(data: bytes, decoder: str) -> VideoFrame:
    context = av.CodecContext.create(decoder, "r")
    assert isinstance(context, VideoCodecContext)
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
