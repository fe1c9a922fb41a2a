"""Sound as engines want it: mono, float32, at one rate (16 kHz for speech), in step with the media's own clock."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray

from tasks.errors import PermanentError
from tasks.media.container import media_start, open_media
from tasks.media.limits import MediaLimits

SPEECH_RATE = 16_000
Samples = NDArray[np.float32]

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
    with open_media(path, limits) as container:
        if not container.streams.audio:
            return
        stream = container.streams.audio[0]
        timeline = _Timeline(media_start(container), limits.max_duration_s, rate)
        heard = False
        for frame in _decode_frames(container, stream):
            heard = True
            yield from timeline.place(frame)
        if not heard:
            raise PermanentError("media.damaged", "The sound cannot be decoded")
        yield from timeline.finish()


def decode_speech_audio(path: Path, limits: MediaLimits | None = None) -> Samples:
    """Return the whole track at once; for short media only (64 kB a second)."""
    pieces = list(iter_speech_audio(path, limits))
    return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)


def _decode_frames(container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            continue  # the gap is filled with silence when the next frame comes


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
