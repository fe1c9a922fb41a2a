"""The sound of a clip: cut to the sample, and written in step with its pictures."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.container import OutputContainer
from numpy.typing import NDArray

from tasks.media.audio import decode_frames
from tasks.media.container import media_start, open_media
from tasks.media.limits import MediaLimits

RATE, CHANNELS = 48_000, 2
BLOCK = 1024
EDGE_S = 0.005
"""Sound rises and falls within this time at a cut, so that none clicks."""
DRIFT_S = 0.04
"""Timestamps that differ by less are rounded ones; the sound goes on without a seam."""
BIT_RATE = 192_000
CODECS = {"webm": "libopus"}
"""What containers hold that do not hold AAC."""
Stereo = NDArray[np.float32]
Piece = tuple[Fraction, Fraction]


def cut_sound(source: Path, pieces: Sequence[Piece], limits: MediaLimits | None = None) -> Stereo | None:
    """Return the sound of the pieces, each exactly as long as its pictures; None without a sound track."""
    begin, end = pieces[0][0], pieces[-1][1]
    samples = read_stereo(source, begin, end, limits)
    if samples is None:
        return None
    parts, length = [], Fraction(0)
    for start, stop in pieces:
        first, length = round(length * RATE), length + stop - start
        at = round((start - begin) * RATE)
        parts.append(_soften(samples[at : at + round(length * RATE) - first]))
    return np.concatenate(parts)


class SoundWriter:
    """The sound of a clip, written as far as the pictures are."""

    def __init__(self, output: OutputContainer, samples: Stereo) -> None:
        self._output, self._samples, self._at = output, samples, 0
        codec = CODECS.get(output.format.name, "aac")
        stream: Any = output.add_stream(codec, rate=RATE, layout="stereo")
        stream.bit_rate = BIT_RATE
        self._stream = stream

    def write_until(self, time_s: float) -> None:
        while self._at < len(self._samples) and self._at / RATE <= time_s + 0.5:
            block = self._samples[self._at : self._at + BLOCK]
            frame = AudioFrame.from_ndarray(np.ascontiguousarray(block.T), format="fltp", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = RATE, self._at, Fraction(1, RATE)
            self._output.mux(self._stream.encode(frame))
            self._at += len(block)

    def finish(self) -> None:
        self.write_until(float("inf"))
        self._output.mux(self._stream.encode(None))


def read_stereo(path: Path, start: Fraction, end: Fraction, limits: MediaLimits | None = None) -> Stereo | None:
    """Return (samples, 2) at 48 kHz of a stretch, silence where there is none; None without a sound track."""
    with open_media(path, limits) as container:
        if not container.streams.audio:
            return None
        stream = container.streams.audio[0]
        zero = media_start(container)
        made = np.zeros((round((end - start) * RATE), CHANNELS), np.float32)
        if start > 1:
            container.seek(int((start - 1 + zero) / (stream.time_base or Fraction(1, av.time_base))), stream=stream)
        resampler = AudioResampler(format="flt", layout="stereo", rate=RATE)
        at: int | None = None
        for frame in decode_frames(container, stream):
            if frame.pts is None or frame.time_base is None:
                continue
            due = round((frame.pts * frame.time_base - zero - start) * RATE)
            if due >= len(made):
                break
            at = due if at is None or abs(due - at) > DRIFT_S * RATE else at
            frame.pts = None  # the resampler must not fill gaps by its own lights
            for piece in resampler.resample(frame):
                samples = np.asarray(piece.to_ndarray(), np.float32).reshape(-1, CHANNELS)
                _lay(made, samples, at)
                at += len(samples)
        return made


def _lay(made: Stereo, piece: Stereo, at: int) -> None:
    first, last = max(at, 0), min(at + len(piece), len(made))
    if first < last:
        made[first:last] = piece[first - at : last - at]


def _soften(samples: Stereo) -> Stereo:
    count = min(round(EDGE_S * RATE), len(samples) // 2)
    ramp = np.linspace(0, 1, count, dtype=np.float32)[:, None]
    made = samples.copy()
    made[:count] *= ramp
    made[len(made) - count :] *= ramp[::-1]
    return made
