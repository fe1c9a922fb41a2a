"""Sound as engines want it: mono, float32, at one rate (16 kHz for speech), in step with the media's own clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import av.error
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray

from tasks.errors import PermanentError
from tasks.media.apart import Budget, Errand, call, stream
from tasks.media.container import media_start, open_media, packets_of
from tasks.media.limits import MediaLimits

if TYPE_CHECKING:
    from tasks.media.walled import Teller

SPEECH_RATE = 16_000
Samples = NDArray[np.float32]

SOUND_S_PER_CPU_S = 40
"""Seconds of sound that any machine decodes in a second of CPU time; what takes longer is ended."""
_DRIFT_S = 0.04
_PIECE_S = 5


def iter_speech_audio(path: Path, limits: MediaLimits | None = None) -> Iterator[Samples]:
    """Yield the first sound track as :func:`iter_mono` does, at the rate of speech engines."""
    return iter_mono(path, SPEECH_RATE, limits)


def iter_mono(path: Path, rate: int, limits: MediaLimits | None = None) -> Iterator[Samples]:
    """Yield the first sound track in pieces of up to 5 s, silence where it pauses, nothing when there is none.

    Sample ``n`` of what is yielded sounds ``n / rate`` seconds after the media's time zero. Damaged packets become
    silence; ``media.damaged`` is raised when nothing at all can be decoded.
    """
    limits = limits or MediaLimits()
    if limits.walls:
        yield from _receive_mono(path, rate, limits)
        return
    with open_media(path, limits) as container:
        if not container.streams.audio:
            return
        stream = container.streams.audio[0]
        timeline = _Timeline(media_start(container), limits.max_duration_s, rate)
        heard = False
        for frame in decode_frames(container, stream):
            heard = True
            yield from timeline.place(frame)
        if not heard:
            raise PermanentError("media.damaged", "The sound cannot be decoded")
        yield from timeline.finish()


def _receive_mono(path: Path, rate: int, limits: MediaLimits) -> Iterator[Samples]:
    """Yield what :func:`iter_mono` yields in a process apart; what is not sound there is ``media.damaged``."""
    left = round(limits.max_duration_s * rate)
    budget = Budget(memory_bytes=2 << 30, cpu_s=60 + round(limits.max_duration_s / SOUND_S_PER_CPU_S))
    for block in stream(Errand("tasks.media.audio:send_mono", path, limits, {"rate": rate}, budget=budget)):
        piece = np.frombuffer(bytearray(block[: len(block) // 4 * 4]), np.float32)
        left -= len(piece)
        if left < 0 or not np.isfinite(piece).all():
            raise PermanentError("media.damaged", "The sound cannot be decoded")
        yield piece


def send_mono(path: Path, _: Path, limits: MediaLimits, arguments: dict[str, Any], teller: Teller) -> None:
    """Send the sound as blocks of float32."""
    for piece in iter_mono(path, arguments["rate"], limits):
        teller.block(piece.tobytes())


@dataclass(frozen=True)
class SoundHeader:
    """What a file claims of its first sound track, and of its own length in seconds; no channels without a track."""

    channels: int
    duration_s: float


def read_header(path: Path, limits: MediaLimits | None = None) -> SoundHeader:
    """Open a file and return what it claims."""
    limits = limits or MediaLimits()
    if limits.walls:
        channels, duration_s = call(Errand("tasks.media.audio:tell_header", path, limits))
        return SoundHeader(int(channels), float(duration_s))
    with open_media(path, limits) as container:
        channels = container.streams.audio[0].channels if container.streams.audio else 0
        return SoundHeader(channels, (container.duration or 0) / av.time_base)


def tell_header(path: Path, _: Path, limits: MediaLimits, arguments: dict[str, Any], teller: Teller) -> list[float]:
    """Return channels and length."""
    header = read_header(path, limits)
    return [header.channels, header.duration_s]


def decode_speech_audio(path: Path, limits: MediaLimits | None = None) -> Samples:
    """Return the whole track at once; for short media only (64 kB a second)."""
    pieces = list(iter_speech_audio(path, limits))
    return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)


def decode_frames(container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
    """Yield what can be decoded of a track; packets that cannot be are left out."""
    for packet in packets_of(container, stream):
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            continue


class _Timeline:
    """Resamples frames and puts them where their timestamps say, so that words keep the times of the picture."""

    def __init__(self, zero: Fraction, max_s: float, rate: int) -> None:
        self._zero = zero
        self._rate = rate
        self._left = round(max_s * rate)
        self._made = 0
        self._resampler = self._new_resampler()

    def _new_resampler(self) -> AudioResampler:
        # In whole numbers: mixing down to float would sum the channels to more than full scale.
        return AudioResampler(format="s16", layout="mono", rate=self._rate)

    def place(self, frame: AudioFrame) -> Iterator[Samples]:
        """Yield what becomes known with one more decoded frame."""
        skip = 0
        if frame.pts is not None and frame.time_base is not None:
            due = round((frame.pts * frame.time_base - self._zero) * self._rate)
            drift = due - self._made
            if drift > _DRIFT_S * self._rate:
                yield from self._restart()
                yield from self._emit_silence(due - self._made)
            elif drift < -_DRIFT_S * self._rate:
                skip = -drift
        frame.pts = None  # the resampler must not fill gaps by its own lights
        yield from self._emit(self._resample(frame), skip)

    def finish(self) -> Iterator[Samples]:
        """Yield what the resampler still holds."""
        yield from self._emit(self._resample(None), 0)

    def _restart(self) -> Iterator[Samples]:
        yield from self.finish()
        self._resampler = self._new_resampler()

    def _resample(self, frame: AudioFrame | None) -> list[Samples]:
        try:
            made = self._resampler.resample(frame)
        except (av.error.FFmpegError, ValueError) as error:
            raise PermanentError("media.damaged", "The sound changes its form midway and cannot be read") from error
        return [_to_float(out) for out in made if out is not None]

    def _emit(self, pieces: list[Samples], skip: int) -> Iterator[Samples]:
        for piece in pieces:
            dropped = min(skip, len(piece))
            skip -= dropped
            kept = piece[dropped:][: self._left]
            if len(kept):
                self._count(len(kept))
                yield kept

    def _emit_silence(self, count: int) -> Iterator[Samples]:
        while count > 0 and self._left > 0:
            size = min(count, self._rate * _PIECE_S, self._left)
            count -= size
            self._count(size)
            yield np.zeros(size, np.float32)

    def _count(self, made: int) -> None:
        self._made += made
        self._left -= made


def _to_float(frame: AudioFrame) -> Samples:
    return np.asarray(frame.to_ndarray(), dtype=np.float32).reshape(-1) / np.float32(32768)
