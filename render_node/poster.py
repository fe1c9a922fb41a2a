"""A frame as a PNG."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
from av.video.codeccontext import VideoCodecContext

from render_node.encode.convert import PixelConverter
from tasks.media.siting import LEFT


def write_png(frame: av.VideoFrame, path: Path, *, siting: str = LEFT) -> None:
    """Write a frame, converted with its own matrix, range and siting; one with alpha keeps it."""
    pixel_format = "rgba" if frame.format.name == "rgba" else "rgb24"
    picture = PixelConverter(pixel_format, siting)(frame)
    encoder = av.CodecContext.create("png", "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = picture.width, picture.height, pixel_format
    encoder.time_base = Fraction(1, 1)
    pts, time_base = picture.pts, picture.time_base
    picture.pts = 0
    packets = [*encoder.encode(picture), *encoder.encode(None)]
    picture.pts, picture.time_base = pts, time_base
    path.write_bytes(b"".join(bytes(packet) for packet in packets))
