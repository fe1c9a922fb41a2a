"""What an engine of rhythm and key does, and choosing one (``REELYARD_MUSIC_ENGINE``).

``librosa`` is permissive and always there. ``madmom`` is a choice: its code is BSD, its trained models are CC BY-NC-SA,
for use without commerce only, so that it takes part where whoever runs the farm has accepted that.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tasks.contracts.music import Key, Meter
from tasks.music.bars import find_bars
from tasks.music.harmony import find_key
from tasks.music.onsets import Floats, Onsets
from tasks.music.options import MusicOptions
from tasks.music.pulse import Pulse, find_pulses
from tasks.music.sound import Sound


@dataclass(frozen=True)
class Heard:
    """What every engine starts from: found once."""

    sound: Sound
    onsets: Onsets
    chroma: Floats


@dataclass(frozen=True)
class Rhythm:
    """Beats and bars.

    :param pulses: ways to count along, likeliest first; empty where nothing recurs. ``beats`` are those of the first.
    :param downbeats: beats that begin bars, in seconds.
    """

    beats: NDArray[np.float64]
    downbeats: NDArray[np.float64]
    pulses: list[Pulse]
    meter: Meter
    method: str


class Engine(Protocol):
    """Finds rhythm and key."""

    @property
    def name(self) -> str:
        """What it is called in the configuration."""

    @property
    def version(self) -> str:
        """Of what does the work."""

    def find_rhythm(self, heard: Heard) -> Rhythm:
        """Return beats, bars and the tempi they may be counted in."""

    def find_key(self, heard: Heard) -> Key:
        """Return the key of the whole."""


class LibrosaEngine:
    """Our own tracking over librosa's spectra."""

    name = "librosa"
    version = metadata.version("librosa")

    def find_rhythm(self, heard: Heard) -> Rhythm:
        """Return the likeliest pulse and its bars."""
        pulses = find_pulses(heard.onsets)
        if not pulses:
            return no_rhythm("Nothing recurs in the sound")
        return with_bars(heard, pulses, "onsets-viterbi")

    def find_key(self, heard: Heard) -> Key:
        """Return the key by chroma."""
        return find_key(heard.chroma)


def with_bars(heard: Heard, pulses: list[Pulse], method: str) -> Rhythm:
    """Return the rhythm of the first pulse, with bars found by accents and harmony."""
    beats = pulses[0].beats
    bars = find_bars(heard.onsets, heard.chroma, beats)
    return Rhythm(beats, beats[bars.downbeats], pulses, bars.meter, method)


def no_rhythm(reason: str) -> Rhythm:
    """Return that there is none."""
    none = np.zeros(0)
    return Rhythm(none, none, [], Meter(0, 0.0, "none", reason=reason), "none")


def load_engine(options: MusicOptions) -> Engine:
    """Return the engine that was asked for; raise ``music.engine_unavailable`` when it is not installed."""
    if options.engine == "madmom":
        from tasks.music.madmom_engine import load_madmom

        return load_madmom()
    return LibrosaEngine()
