"""The song as a drawing follows it: at each frame the beat, the bar, the energy, and what is heard."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import exp

import numpy as np

from tasks.clips.sound import BANDS, Floats, SongSound
from tasks.contracts.music import SongAnalysis

_BEAT_FADES_S, _BAR_FADES_S = 0.16, 0.4
_RISE_S = 1.0
_SLOW_BEAT_S = 1.0


@dataclass(frozen=True)
class Moment:
    """One frame of the song.

    :param seconds: since the start of the song. :param progress: 0..1 through the clip.
    :param beats: beats since the start, with the share of the present one; :param travel: the same, hurrying at each
    beat and slowing before the next.
    :param pulse: 1 on a beat, then fading; :param bar: likewise on the first of a bar.
    :param energy: 0..1, smooth. :param rise: 0..1, how much it has grown within a second.
    :param onset: 0..1, how much begins now. :param bands: loudness of 24 bands, 0..1.
    """

    seconds: float
    progress: float
    beats: float
    travel: float
    pulse: float
    bar: float
    energy: float
    rise: float
    onset: float
    bands: Floats


class Score:
    """Moments of a song by frame number."""

    def __init__(self, song: SongAnalysis, fps: Fraction, sound: SongSound | None = None) -> None:
        """Read an analysis; without the sound, onsets are beats and rises of energy, and the bands follow them."""
        self._fps = fps
        self._beats = song.beats or tuple(np.arange(0, song.duration_s, _SLOW_BEAT_S).tolist())
        self._has_pulse = bool(song.beats)
        self._downbeats = song.downbeats
        self._sound = sound
        values = np.array(song.energy.values or (0.0,), np.float32)
        self._times = (np.arange(len(values)) + 0.5) * song.energy.step_s
        self._energy = values

    def at(self, frame: int, progress: float) -> Moment:
        """Return the moment of a frame, taken at its middle."""
        seconds = float((frame + Fraction(1, 2)) / self._fps)
        index, share = self._place(seconds)
        pulse = _fade(self._beats, seconds, _BEAT_FADES_S) if self._has_pulse else 0.0
        energy = self._energy_at(seconds)
        rise = min(1.0, max(0.0, 2 * (energy - self._energy_at(seconds - _RISE_S))))
        onset, bands = self._heard(frame, pulse, energy, rise)
        return Moment(
            seconds=seconds,
            progress=progress,
            beats=index + share,
            travel=index + (1 - (1 - share) ** 3 if self._has_pulse else share),
            pulse=pulse if self._has_pulse else 0.5 * onset,
            bar=_fade(self._downbeats, seconds, _BAR_FADES_S),
            energy=energy,
            rise=rise,
            onset=onset,
            bands=bands,
        )

    def _energy_at(self, seconds: float) -> float:
        return float(np.interp(seconds, self._times, self._energy))

    def _place(self, seconds: float) -> tuple[int, float]:
        """Return the number of the last beat and the share of the way to the next; negative before the first."""
        beats = self._beats
        index = bisect_right(beats, seconds) - 1
        if 0 <= index < len(beats) - 1:
            return index, (seconds - beats[index]) / (beats[index + 1] - beats[index])
        step = (beats[-1] - beats[0]) / (len(beats) - 1) if len(beats) > 1 else _SLOW_BEAT_S
        base = beats[0] if index < 0 else beats[-1]
        whole, share = divmod((seconds - base) / step, 1)
        return int(whole) + max(index, 0), share

    def _heard(self, frame: int, pulse: float, energy: float, rise: float) -> tuple[float, Floats]:
        if self._sound is None or not len(self._sound.onset):
            flat = np.full(BANDS, 0.6 * energy + 0.4 * pulse * energy, np.float32)
            return max(pulse * energy, rise), flat
        frame = min(frame, len(self._sound.onset) - 1)
        return float(self._sound.onset[frame]), self._sound.bands[frame]


def _fade(times: Sequence[float], seconds: float, fades_s: float) -> float:
    index = bisect_right(times, seconds) - 1
    return exp(-(seconds - times[index]) / fades_s) if index >= 0 else 0.0
