"""Music made by arithmetic, with a tempo and a key that are known, and files of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame

RATE = 44_100
Sound = np.ndarray[Any, np.dtype[np.float64]]
CHORDS = {
    "A minor": ((220.0, 261.63, 329.63), (174.61, 220.0, 261.63), (293.66, 349.23, 440.0), (164.81, 207.65, 246.94)),
    "C major": ((261.63, 329.63, 392.0), (174.61, 220.0, 261.63), (196.0, 246.94, 293.66), (261.63, 329.63, 392.0)),
}
"""i VI iv V, and I IV V I: a bar each."""


def groove(seconds: float, *, bpm: float = 120.0, key: str = "A minor", seed: int = 1) -> Sound:
    """Drums on every beat, a hat between, chords that change with the bars: mono, -1..1."""
    count, beat = round(seconds * RATE), RATE * 60 / bpm
    at = np.arange(count)
    sound = np.zeros(count)
    bar = (at // (4 * beat)).astype(int) % 4
    fade = 1 - 0.5 * ((at % (4 * beat)) / (4 * beat))
    for number, chord in enumerate(CHORDS[key]):
        plays = bar == number
        for hertz in chord:
            for overtone in range(1, 5):
                sound[plays] += np.sin(2 * np.pi * hertz * overtone * at[plays] / RATE) * 0.08 / overtone * fade[plays]
    noise = np.random.default_rng(seed).standard_normal(count)
    since = at % beat
    strong = np.where((at // beat).astype(int) % 4 == 0, 1.0, 0.6)
    sound += np.sin(2 * np.pi * 55 * since / RATE) * np.exp(-since / 2500) * 0.5 * strong
    sound += noise * np.exp(-since / 300) * 0.15 * strong
    sound += noise * np.exp(-((at + beat / 2) % beat) / 500) * 0.08
    return np.asarray(sound / np.abs(sound).max() * 0.8)


def write_tune(path: Path, sound: Sound | None = None, *, seconds: float = 3.0, bit_rate: int = 128_000) -> Path:
    """Write mono sound as MP3, or as WAV by the name."""
    sound = groove(seconds) if sound is None else sound
    codec = "pcm_s16le" if path.suffix == ".wav" else "libmp3lame"
    layout = "s16" if path.suffix == ".wav" else "s16p"
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=RATE, layout="mono")
        stream.bit_rate = bit_rate
        pcm = (np.clip(sound, -1, 1) * 32767).astype(np.int16).reshape(1, -1)
        for start in range(0, pcm.shape[1], 1152):
            frame = AudioFrame.from_ndarray(np.ascontiguousarray(pcm[:, start : start + 1152]), layout, "mono")
            frame.sample_rate, frame.pts = RATE, start
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path
