"""Making a clip that came from anywhere fill its place: size, rate, colours and number of frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from pathlib import Path

import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from tasks.contracts.clips import FittedClip
from tasks.errors import PermanentError
from tasks.media.colour import SPACES, matrix_of
from tasks.media.container import frames_of, open_media
from tasks.media.limits import MediaLimits
from tasks.media.probe import find_video

Picture = NDArray[np.uint8]
"""Planes of YUV 4:2:0 below each other, shape (height * 3 / 2, width)."""


@dataclass(frozen=True)
class Place:
    """What a clip must fill."""

    number: int
    frame_count: int
    fps: Fraction
    size: tuple[int, int]


@dataclass(frozen=True)
class ClipFile:
    """A clip as it came: its length in seconds and when its frames are shown."""

    path: Path
    times_s: tuple[Fraction, ...]
    duration_s: Fraction
    size: tuple[int, int]


def read_clip(path: Path, limits: MediaLimits | None = None) -> ClipFile:
    """Decode a clip once and tell what it really holds; raise ``media.*`` or ``clips.empty``."""
    with open_media(path, limits) as container:
        video = find_video(container)
        if video is None:
            raise PermanentError("clips.empty", "The clip holds no picture")
        frames = [(time, frame.width, frame.height) for time, frame in _decode(container, video)]
        rate = Fraction(video.average_rate or 25)
    if not frames:
        raise PermanentError("clips.empty", "The clip holds no picture that can be decoded")
    zero = frames[0][0]
    times = tuple(time - zero for time, _, _ in frames)
    last = times[-1] - times[-2] if len(times) > 1 else 1 / rate
    return ClipFile(path, times, times[-1] + (last if last > 0 else 1 / rate), frames[0][1:])


def _decode(container: InputContainer, video: VideoStream) -> Iterator[tuple[Fraction, VideoFrame]]:
    latest: Fraction | None = None
    for frame in frames_of(container, video):
        if frame.pts is None or frame.time_base is None:
            continue
        time = frame.pts * frame.time_base
        if latest is None or time > latest:
            latest = time
            yield time, frame


def describe_fit(clip: ClipFile, place: Place) -> FittedClip:
    """Tell what is done to a clip: one too short runs slower, one too long loses its end."""
    needed_s = place.frame_count / place.fps
    short = needed_s - clip.duration_s > 1 / place.fps
    return FittedClip(
        number=place.number,
        from_size=f"{clip.size[0]}x{clip.size[1]}",
        stretched=round(float(needed_s / clip.duration_s), 4) if short else 1.0,
        trimmed_s=round(max(0.0, float(clip.duration_s - needed_s)), 4),
    )


def fit_frames(clip: ClipFile, place: Place, limits: MediaLimits | None = None) -> Iterator[Picture]:
    """Yield exactly as many frames as the place has, each the one that the clip shows at that time."""
    stretched = Fraction(describe_fit(clip, place).stretched)
    wanted = [n / place.fps / stretched for n in range(place.frame_count)]
    done = 0
    with open_media(clip.path, limits) as container:
        video = find_video(container)
        assert video is not None
        for number, (_, frame) in enumerate(_decode(container, video)):
            after = clip.times_s[number + 1] if number + 1 < len(clip.times_s) else None
            first = done
            while done < len(wanted) and (after is None or _is_before(wanted[done], after, place.fps)):
                done += 1
            if done > first:
                picture = normalize(frame, place.size)
                for _ in range(done - first):
                    yield picture
            if done == len(wanted):
                return


def _is_before(wanted: Fraction, after: Fraction, fps: Fraction) -> bool:
    # Times of files are rounded to their time base: a hair before the next frame is the next frame.
    return wanted < after - 1 / (fps * 100)


def normalize(frame: VideoFrame, size: tuple[int, int]) -> Picture:
    """Return a frame filling a size, what stands over at its sides cut off, in BT.709 limited range."""
    width, height = size
    scale = max(Fraction(width, frame.width), Fraction(height, frame.height))
    wide, tall = max(width, _even(frame.width * scale)), max(height, _even(frame.height * scale))
    matrix = matrix_of(SPACES.get(int(frame.colorspace), ""), height=frame.height)
    scaled = frame.reformat(
        wide,
        tall,
        format="yuv420p",
        src_colorspace=matrix,
        dst_colorspace="ITU709",
        src_color_range=None if int(frame.color_range) == 0 else frame.color_range,
        dst_color_range="MPEG",
        interpolation="BICUBIC",
    )
    return _crop(scaled.to_ndarray().astype(np.uint8, copy=False), (wide, tall), size)


def _even(length: Fraction) -> int:
    return 2 * ceil(length / 2)


def _crop(picture: Picture, have: tuple[int, int], size: tuple[int, int]) -> Picture:
    if have == size:
        return picture
    (wide, tall), (width, height) = have, size
    left, top = (wide - width) // 4 * 2, (tall - height) // 4 * 2
    out = np.empty((height * 3 // 2, width), np.uint8)
    out[:height] = picture[top : top + height, left : left + width]
    small = picture[tall:].reshape(2, tall // 2, wide // 2)
    kept = small[:, top // 2 : (top + height) // 2, left // 2 : (left + width) // 2]
    out[height:] = np.ascontiguousarray(kept).reshape(height // 2, width)
    return out
