"""Sounds in which nobody speaks, made by arithmetic: 16-bit samples at 16 kHz."""

from __future__ import annotations

from typing import Any

import numpy as np

RATE = 16_000

_Sound = np.ndarray[Any, np.dtype[np.int16]]


def hiss(seconds: float, *, level: float = 0.1) -> _Sound:
    """White noise."""
    return _to_pcm(np.random.default_rng(7).standard_normal(int(seconds * RATE)) * level)


def rumble(seconds: float) -> _Sound:
    """Brown noise, like wind or a road."""
    walk = np.cumsum(np.random.default_rng(8).standard_normal(int(seconds * RATE)))
    walk -= np.convolve(walk, np.ones(RATE) / RATE, mode="same")
    return _to_pcm(walk / np.abs(walk).max() * 0.5)


def applause(seconds: float) -> _Sound:
    """Many short bursts of noise."""
    random = np.random.default_rng(9)
    sound = np.zeros(int(seconds * RATE))
    clap = random.standard_normal(320) * np.exp(-np.arange(320) / 60)
    for start in random.integers(0, len(sound) - len(clap), int(seconds * 60)):
        sound[start : start + len(clap)] += clap * random.uniform(0.05, 0.2)
    return _to_pcm(sound)


def music(seconds: float, *, beats_a_minute: int = 120) -> _Sound:
    """Four chords with overtones over a drum."""
    beat = RATE * 60 // beats_a_minute
    count = int(seconds * RATE)
    at = np.arange(count)
    sound = np.zeros(count)
    chords = ((220.0, 261.6, 329.6), (174.6, 220.0, 261.6), (261.6, 329.6, 392.0), (196.0, 246.9, 293.7))
    for number, chord in enumerate(chords):
        plays = (at // (2 * beat)) % len(chords) == number
        for hertz in chord:
            for overtone in range(1, 6):
                sound[plays] += np.sin(2 * np.pi * hertz * overtone * at[plays] / RATE) * 0.05 / overtone
    since = at % beat
    sound += np.sin(2 * np.pi * 60 * since / RATE) * np.exp(-since / 900) * 0.3
    hat = np.random.default_rng(4).standard_normal(count) * np.exp(-((at + beat // 2) % beat) / 300)
    return _to_pcm(sound + hat * 0.1)


def _to_pcm(sound: np.ndarray[Any, np.dtype[np.float64]]) -> _Sound:
    return (np.clip(sound, -1, 1) * 32767).astype(np.int16)
