"""Looking at a video once: where its scenes change, and, for a stretch of it, faces and movement."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from tasks.contracts.music import Curve
from tasks.contracts.shorts import Face, MediaFeatures, Sighting
from tasks.media.audio import SPEECH_RATE, iter_speech_audio
from tasks.media.container import frames_from, media_start, open_media, packets_of
from tasks.media.limits import MediaLimits
from tasks.media.probe import find_video
from tasks.shorts.apart import look_apart
from tasks.shorts.faces import FaceDetector

Grey = NDArray[np.float32]
Pixels = TypeVar("Pixels", bound=NDArray[Any])
Tick = Callable[[float], None]
"""Told how many seconds of the video were seen."""

LOUDNESS_STEP_S = 0.1
QUIET_DB, LOUD_PERCENTILE = -60.0, 95
SMALL = (36, 64)
"""Height and width at which pictures are compared."""
CUT_CHANGE, CUT_FACTOR = 0.14, 3.0
"""A cut changes the picture by so much of full scale, and so many times more than the changes around it."""
LEAST_SCENE_S = 0.8
WATCH_STEP_S, WATCH_HEIGHT = 0.5, 360
MOUTH_STEP_S = 0.08
"""A mouth is compared with itself so much later: about as long as a sound lasts."""
STILL_CHANGE = 0.006
"""A picture that changed by less shows the same faces."""


def hear_loudness(path: Path, limits: MediaLimits | None = None) -> Curve:
    """Return how loud each tenth of a second is: 0 is silence, 1 the loudest twentieth of the media."""
    size = round(SPEECH_RATE * LOUDNESS_STEP_S)
    levels, rest = [], np.zeros(0, np.float32)
    for piece in iter_speech_audio(path, limits):
        rest = np.concatenate([rest, piece])
        count = len(rest) // size
        blocks = rest[: count * size].reshape(count, size)
        levels.append(np.sqrt(np.mean(np.square(blocks), axis=1)))
        rest = rest[count * size :]
    if not levels:
        return Curve(LOUDNESS_STEP_S, ())
    decibels = 20 * np.log10(np.maximum(np.concatenate(levels), 1e-6))
    top = max(float(np.percentile(decibels, LOUD_PERCENTILE)), QUIET_DB + 1) if len(decibels) else 0.0
    values = np.clip((decibels - QUIET_DB) / (top - QUIET_DB), 0, 1)
    return Curve(LOUDNESS_STEP_S, tuple(round(float(value), 3) for value in values))


def find_scene_cuts(path: Path, limits: MediaLimits | None = None, *, tick: Tick | None = None) -> list[float]:
    """Return the first moment of each new scene in seconds; a video without pictures has none."""
    times, changes = [], []
    before: Grey | None = None
    for t, frame in iter_frames(path, limits):
        small = shrink(frame)
        if before is not None:
            times.append(t)
            changes.append(float(np.mean(np.abs(small - before))))
        before = small
        if tick:
            tick(t)
    return pick_cuts(times, changes)


def pick_cuts(times: list[float], changes: list[float]) -> list[float]:
    """Choose among changes from one picture to the next (0..1) those that are cuts."""
    cuts: list[float] = []
    for number, (t, change) in enumerate(zip(times, changes, strict=True)):
        around = [*changes[max(0, number - 5) : number], *changes[number + 1 : number + 6]]
        usual = float(np.median(around)) if around else 0.0
        if change >= CUT_CHANGE and change >= CUT_FACTOR * usual and (not cuts or t - cuts[-1] >= LEAST_SCENE_S):
            cuts.append(round(t, 3))
    return cuts


def listen_and_look(
    path: Path, *, duration_s: float, limits: MediaLimits | None = None, tick: Tick | None = None
) -> MediaFeatures:
    """Return what highlights are judged by beside the words."""
    if limits is not None and limits.walls:
        return look_apart(path, duration_s, limits, tick)
    return MediaFeatures(duration_s, hear_loudness(path, limits), tuple(find_scene_cuts(path, limits, tick=tick)))


@dataclass
class Watcher:
    """Looks for faces and movement in stretches of videos that are turned by ``rotation`` degrees clockwise."""

    detector: FaceDetector
    limits: MediaLimits | None = None
    rotation: int = 0

    def watch(self, path: Path, start_s: float, end_s: float, *, tick: Tick | None = None) -> list[Sighting]:
        """Return what is seen twice a second from one time to another."""
        seen: list[Sighting] = []
        due, before, faces = start_s, None, tuple[Face, ...]()
        then: tuple[float, Grey] | None = None
        for t, frame in iter_frames(path, self.limits, start_s=start_s, end_s=end_s):
            if then is not None and t - then[0] >= MOUTH_STEP_S:
                seen[-1] = hear_mouths(seen[-1], then[1], self._turn(to_grey(frame, WATCH_HEIGHT)))
                then = None
            if t + 1e-6 < due:
                continue
            due = t + WATCH_STEP_S
            small = self._turn(shrink(frame))
            if before is None or float(np.mean(np.abs(small - before))) >= STILL_CHANGE:
                faces = self.detector.find(self._turn(to_rgb(frame, WATCH_HEIGHT)))
            x, y, amount = find_motion(before, small)
            seen.append(Sighting(round(t, 3), faces, x, y, amount))
            before = small
            # Of one face alone it need not be told whether it speaks.
            then = (t, self._turn(to_grey(frame, WATCH_HEIGHT))) if len(faces) > 1 else None
            if tick:
                tick(t - start_s)
        return seen

    def _turn(self, picture: Pixels) -> Pixels:
        turned: Any = np.ascontiguousarray(np.rot90(picture, -self.rotation // 90)) if self.rotation else picture
        return cast(Pixels, turned)


def hear_mouths(sighting: Sighting, then: Grey, now: Grey) -> Sighting:
    """Return a sighting whose faces tell how much their mouths moved beside the rest of the face."""
    change = np.abs(now - then)
    faces = tuple(replace(face, mouth=mouth_motion(face, change)) for face in sighting.faces)
    return replace(sighting, faces=faces)


def mouth_motion(face: Face, change: Grey) -> float:
    """Return how much more the mouth's part of a face changed than its upper half, which moves with the head alone."""
    height, width = change.shape
    left, right = round((face.x + face.width * 0.2) * width), round((face.x + face.width * 0.8) * width)
    top, tall = face.y * height, face.height * height
    upper = change[max(0, round(top)) : max(0, round(top + tall * 0.5)), max(0, left) : right]
    mouth = change[max(0, round(top + tall * 0.6)) : max(0, round(top + tall)), max(0, left) : right]
    if not upper.size or not mouth.size:
        return 0.0
    return round(max(0.0, float(mouth.mean()) - float(upper.mean())), 5)


def find_motion(before: Grey | None, now: Grey) -> tuple[float, float, float]:
    """Return where the picture changed (fractions of it) and how much of the change lies in one place, 0..1."""
    if before is None:
        return 0.5, 0.5, 0.0
    change = np.maximum(np.abs(now - before) - 0.04, 0)
    total = float(change.sum())
    if total < 0.002 * change.size:
        return 0.5, 0.5, 0.0
    columns, rows = change.sum(0) / total, change.sum(1) / total
    places = (np.arange(change.shape[1]) + 0.5) / change.shape[1]
    x, y = float(columns @ places), float(rows @ ((np.arange(change.shape[0]) + 0.5) / change.shape[0]))
    spread = float(np.sqrt(columns @ np.square(places - x)))
    return round(x, 4), round(y, 4), round(max(0.0, 1 - spread / 0.29), 4)  # 0.29: change spread over all


def iter_frames(
    path: Path, limits: MediaLimits | None = None, *, start_s: float = 0.0, end_s: float | None = None
) -> Iterator[tuple[float, av.VideoFrame]]:
    """Yield (seconds, frame) of the first video; it is read from a key frame before ``start_s`` on."""
    with open_media(path, limits) as container:
        stream = find_video(container)
        if stream is None:
            return
        stream.thread_type = "AUTO"
        zero, base = media_start(container), stream.time_base or Fraction(1, av.time_base)
        decode = partial(_decode_all, container, stream)
        for frame in frames_from(container, stream, Fraction(start_s) + zero, decode) if start_s > 1 else decode():
            t = float((frame.pts or 0) * base - zero)
            if end_s is not None and t >= end_s:
                return
            if t >= start_s - 1e-6:
                yield t, frame


def _decode_all(container: InputContainer, stream: VideoStream) -> Iterator[av.VideoFrame]:
    """Yield the frames whose time is known from where the container stands."""
    for packet in packets_of(container, stream):
        yield from (frame for frame in _decode(packet) if frame.pts is not None)


def _decode(packet: av.Packet[Any]) -> list[av.VideoFrame]:
    try:
        return list(packet.decode())
    except av.error.InvalidDataError:
        return []


def shrink(frame: av.VideoFrame) -> Grey:
    """Return the brightness of a frame, 0..1, at the size :data:`SMALL`."""
    small = frame.reformat(SMALL[1], SMALL[0], "gray", interpolation="AREA")
    return np.asarray(small.to_ndarray(), np.float32) / np.float32(255)


def to_grey(frame: av.VideoFrame, height: int) -> Grey:
    """Return a frame's brightness, 0..1, at most so high."""
    scale = min(1.0, height / frame.height)
    small = frame.reformat(max(2, round(frame.width * scale)), max(2, round(frame.height * scale)), "gray")
    return np.asarray(small.to_ndarray(), np.float32) / np.float32(255)


def to_rgb(frame: av.VideoFrame, height: int) -> NDArray[np.uint8]:
    """Return a frame's pixels at most so high."""
    scale = min(1.0, height / frame.height)
    small = frame.reformat(max(2, round(frame.width * scale)), max(2, round(frame.height * scale)), "rgb24")
    return np.asarray(small.to_ndarray(), np.uint8)
