"""A frame as a PNG."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av

from tasks.media.colour import SPACES, matrix_of


def write_png(frame: av.VideoFrame, path: Path) -> None:
    """Write a frame, converted with its own matrix and range."""
    matrix = matrix_of(SPACES.get(int(frame.colorspace), ""), height=frame.height)
    picture = frame.reformat(format="rgb24", src_colorspace=matrix)
    encoder = av.CodecContext.create("png", "w")
    encoder.width, encoder.height, encoder.pix_fmt = picture.width, picture.height, "rgb24"
    encoder.time_base = Fraction(1, 1)
    picture.pts = 0
    packets = [*encoder.encode(picture), *encoder.encode(None)]
    path.write_bytes(b"".join(bytes(packet) for packet in packets))
