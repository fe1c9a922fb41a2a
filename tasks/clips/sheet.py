"""A sheet of small pictures, one of each clip in order: what a video will be, at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil, sqrt
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from tasks.media.limits import MediaLimits
from tasks.media.poster import extract_poster

LONGEST_SIDE, GAP = 320, 6
MOST_COLUMNS = 8
_BACK = 18
Rgb = NDArray[np.uint8]


def write_sheet(paths: Sequence[Path], out: Path, *, limits: MediaLimits | None = None) -> Path:
    """Write the pictures of clips (``.mp4``) or stills (``.png``) side by side as PNG."""
    pictures = [_picture_of(path, limits) for path in paths]
    height, width = (max(picture.shape[side] for picture in pictures) for side in (0, 1))
    columns = min(MOST_COLUMNS, len(pictures), max(1, ceil(sqrt(len(pictures) * 1.6 * height / width))))
    rows = ceil(len(pictures) / columns)
    whole = np.full((rows * (height + GAP) + GAP, columns * (width + GAP) + GAP, 3), _BACK, np.uint8)
    for place, picture in enumerate(pictures):
        row, column = divmod(place, columns)
        top, left = GAP + row * (height + GAP), GAP + column * (width + GAP)
        whole[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return write_png(whole, out)


def _picture_of(path: Path, limits: MediaLimits | None) -> Rgb:
    if path.suffix == ".png":
        return read_png(path)
    small = path.with_suffix(".small.png")
    extract_poster(path, small, limits=limits, longest_side=LONGEST_SIDE)
    return read_png(small)


def read_png(path: Path) -> Rgb:
    """Return a PNG of our own as RGB, scaled down to the size of a sheet's pictures."""
    decoder = av.CodecContext.create("png", "r")
    assert isinstance(decoder, VideoCodecContext)
    frame = [*decoder.decode(av.Packet(path.read_bytes())), *decoder.decode(None)][0]
    scale = min(1.0, LONGEST_SIDE / max(frame.width, frame.height))
    size = max(2, round(frame.width * scale)), max(2, round(frame.height * scale))
    small: Any = frame.reformat(*size, format="rgb24", interpolation="AREA" if scale < 1 else "BICUBIC").to_ndarray()
    return np.asarray(small, np.uint8)


def write_png(picture: Rgb, out: Path) -> Path:
    """Write an RGB picture."""
    encoder = av.CodecContext.create("png", "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = picture.shape[1], picture.shape[0], "rgb24"
    encoder.time_base = Fraction(1, 1)
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
    out.write_bytes(b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)]))
    return out
