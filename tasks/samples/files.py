"""The files of a sample, each made of the one before; steps and the command line make them alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from tasks.contracts.samples import Loop
from tasks.media.audio import Samples, iter_mono
from tasks.media.limits import MediaLimits
from tasks.media.sound_file import MP3_320, WAV_24, write_sound
from tasks.media.waveform import write_waveform
from tasks.samples.loops import Grid, find_loops
from tasks.samples.picture import draw_waveform

OUTLINE_RATE = 22_050
FADE_SAMPLES = 96
"""Two milliseconds: enough that cutting is not heard as a click, too little to be heard itself."""
Tick = Callable[[float], None]


def extract_sound(source: Path, wav: Path, mp3: Path, *, limits: MediaLimits, tick: Tick | None = None) -> float:
    """Write the sound of a file as 48 kHz 24-bit WAV and as MP3 at 320 kbit/s; return its length in seconds.

    :param tick: hears seconds of sound written, first of one file, then of the other.
    """
    length_s = write_sound(source, wav, WAV_24, limits=limits, tick=tick)
    write_sound(wav, mp3, MP3_320, limits=limits, tick=None if tick is None else lambda done: tick(length_s + done))
    return length_s


def read_outline(path: Path, limits: MediaLimits) -> Samples:
    """Return a sound as mono samples at :data:`OUTLINE_RATE`."""
    pieces = list(iter_mono(path, OUTLINE_RATE, limits))
    return np.concatenate(pieces) if pieces else np.zeros(1, np.float32)


def draw_sound(samples: Samples, picture: Path, peaks: Path) -> None:
    """Write the picture and the peaks of a sound."""
    draw_waveform(samples, picture)
    write_waveform(peaks, samples, OUTLINE_RATE)


def cut_loops(wav: Path, target: Path, grid: Grid, *, limits: MediaLimits) -> tuple[Loop, ...]:
    """Return the stretches of a WAV of ours that can be repeated, the best first, and write that one to a file."""
    loops = find_loops(read_outline(wav, limits), OUTLINE_RATE, grid)
    if loops:
        best = loops[0]
        count = best.end_sample - best.start_sample
        filters = [
            ("atrim", f"start_sample={best.start_sample}:end_sample={best.end_sample}"),
            ("asetpts", "PTS-STARTPTS"),
            ("afade", f"t=in:ss=0:ns={FADE_SAMPLES}"),
            ("afade", f"t=out:ss={count - FADE_SAMPLES}:ns={FADE_SAMPLES}"),
        ]
        write_sound(wav, target, WAV_24, filters=filters, limits=limits)
    return loops
