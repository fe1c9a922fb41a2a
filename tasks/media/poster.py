"""One good still of a video, upright, as PNG."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from tasks.errors import PermanentError
from tasks.media.apart import Errand, call
from tasks.media.colour import SPACES, matrix_of
from tasks.media.container import frames_from, frames_of, media_start, open_media
from tasks.media.limits import MediaLimits
from tasks.media.probe import find_video, rotation_of

if TYPE_CHECKING:
    from tasks.media.walled import Teller

LONGEST_SIDE = 1280

_CANDIDATES = (0.1, 0.3, 0.5, 0.75, 0.0)
_GOOD_ENOUGH = 0.35
_SEEK_FRAMES = 300
Rgb = NDArray[np.uint8]


def extract_poster(
    path: Path,
    out: Path,
    t: float | None = None,
    *,
    limits: MediaLimits | None = None,
    longest_side: int = LONGEST_SIDE,
) -> tuple[int, int]:
    """Write a still as PNG and return its width and height in pixels.

    :param t: seconds from the media's start; None looks for a frame that is neither dark nor flat.
    :param longest_side: larger pictures are scaled down to it.
    """
    if limits is not None and limits.walls:
        asked = {"t": t, "longest_side": longest_side}
        width, height = call(Errand("tasks.media.poster:make_poster", path, limits, asked, target=out))
        return int(width), int(height)
    with open_media(path, limits) as container:
        video = find_video(container)
        if video is None:
            raise PermanentError("media.no_streams", "The file holds no video to take a picture from")
        frame = _best_frame(container, video) if t is None else _frame_at(container, video, t)
        if frame is None:
            raise PermanentError("media.damaged", "The video holds no picture that can be decoded")
        picture = _upright(frame, video, longest_side)
    _write_png(picture, out)
    return picture.shape[1], picture.shape[0]


def make_poster(
    path: Path, target: Path, limits: MediaLimits, arguments: dict[str, Any], teller: Teller
) -> tuple[int, int]:
    """Write a still; return its size."""
    return extract_poster(path, target, arguments["t"], limits=limits, longest_side=arguments["longest_side"])


def _best_frame(container: InputContainer, video: VideoStream) -> VideoFrame | None:
    duration_s = (container.duration or 0) / av.time_base
    best: tuple[float, VideoFrame] | None = None
    for share in _CANDIDATES:
        frame = _frame_at(container, video, share * duration_s)
        if frame is None:
            continue
        score = _interest(frame)
        if best is None or score > best[0]:
            best = (score, frame)
        if score >= _GOOD_ENOUGH:
            break
    return best[1] if best else None


def _frame_at(container: InputContainer, video: VideoStream, t: float) -> VideoFrame | None:
    """Return the frame shown at ``t``, or the nearest before a damaged place."""
    wanted = media_start(container) + Fraction(t).limit_denominator(1_000_000)
    found: VideoFrame | None = None
    try:
        for number, frame in enumerate(frames_from(container, video, wanted, lambda: frames_of(container, video))):
            if found is not None and frame.pts is not None and frame.pts * (frame.time_base or 0) > wanted:
                break
            found = frame
            if number > _SEEK_FRAMES:
                break
    except av.error.FFmpegError:
        pass  # what was decoded until here will do
    return found


def _interest(frame: VideoFrame) -> float:
    """Score 0..1: contrast, less for pictures that are nearly black or white."""
    grey = frame.reformat(width=64, height=64, format="gray").to_ndarray().astype(np.float32) / 255.0
    contrast = min(1.0, float(grey.std()) * 3.0)
    return contrast * min(1.0, 8.0 * min(float(grey.mean()), 1.0 - float(grey.mean())))


def _upright(frame: VideoFrame, video: VideoStream, longest_side: int) -> Rgb:
    width, height = _square_pixels(frame, video)
    scale = min(1.0, longest_side / max(width, height))
    picture: Any = frame.reformat(
        width=max(2, round(width * scale)),
        height=max(2, round(height * scale)),
        format="rgb24",
        src_colorspace=matrix_of(SPACES.get(frame.colorspace, ""), height=frame.height),
        interpolation="AREA" if scale < 1 else "BICUBIC",
    ).to_ndarray()
    return np.ascontiguousarray(np.rot90(picture, k=-(rotation_of(frame) // 90)))


def _square_pixels(frame: VideoFrame, video: VideoStream) -> tuple[int, int]:
    ratio = video.sample_aspect_ratio or Fraction(1)
    if not Fraction(1, 10) < ratio < 10:
        ratio = Fraction(1)
    return round(frame.width * ratio), frame.height


def _write_png(picture: Rgb, out: Path) -> None:
    encoder = av.CodecContext.create("png", "w")
    encoder.width, encoder.height, encoder.pix_fmt = picture.shape[1], picture.shape[0], "rgb24"
    encoder.time_base = Fraction(1, 1)
    frame = VideoFrame.from_ndarray(picture, format="rgb24")
    packets = [*encoder.encode(frame), *encoder.encode(None)]
    out.write_bytes(b"".join(bytes(packet) for packet in packets))
