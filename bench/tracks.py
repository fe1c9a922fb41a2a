"""Tracks that people composed, from packages, whose tempo is written down: ``bench.music`` hears them beside its own.

Debian's ``planetblupi-music-ogg`` (Daniel Roux, GPL-3+) holds recordings, ``planetblupi-music-midi`` the same pieces as
notes. Each keeps one tempo. Beats are not compared: a recording may begin before its first note.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.songs import write_wav
from tasks.media.audio import Samples, iter_mono

FOLDER = Path("/usr/share/planetblupi/music")
UNSAID_BPM = 120.0
"""What a file that says nothing means: those tempos were never chosen by anybody, and are left out."""
FROM_S, LENGTH_S, RATE = 20, 90, 44_100
_META, _TEMPO, _SYSEX = 0xFF, 0x51, (0xF0, 0xF7)
_SHORT = (0xC, 0xD)


@dataclass(frozen=True)
class Track:
    """A minute and a half of a recording as WAV, and its beats per minute."""

    name: str
    path: Path
    bpm: float


def find_tracks(folder: Path, out: Path) -> list[Track]:
    """Write a stretch of each recording whose notes tell a tempo; nothing where the packages are not installed."""
    found = []
    for notes in sorted(folder.glob("*.mid")):
        tempos = set(read_tempos(notes.read_bytes()))
        recording = notes.with_suffix(".ogg")
        if len(tempos) == 1 and UNSAID_BPM not in tempos and recording.is_file():
            path = write_wav(out / f"{notes.stem}.wav", take(recording, FROM_S * RATE, (FROM_S + LENGTH_S) * RATE))
            found.append(Track(notes.stem, path, tempos.pop()))
    return found


def take(recording: Path, first: int, stop: int) -> Samples:
    """Return a stretch of a recording, given in samples."""
    pieces: list[Samples] = []
    count = 0
    for piece in iter_mono(recording, RATE):
        pieces.append(piece)
        count += len(piece)
        if count >= stop:
            break
    return np.concatenate(pieces)[first:stop]


def read_tempos(data: bytes) -> list[float]:
    """Return the tempos that a Standard MIDI File sets, in beats per minute (MIDI 1.0, RP-001)."""
    if data[:4] != b"MThd":
        raise ValueError("no MIDI file")
    found, at = [], 14
    for _ in range(struct.unpack(">H", data[10:12])[0]):
        size = struct.unpack(">I", data[at + 4 : at + 8])[0]
        found += _tempos_of(data[at + 8 : at + 8 + size])
        at += 8 + size
    return found


def _tempos_of(track: bytes) -> list[float]:
    found, at, status = [], 0, 0
    while at < len(track):
        _, at = _number(track, at)
        if track[at] & 0x80:
            status, at = track[at], at + 1
        if status == _META or status in _SYSEX:
            kind = track[at] if status == _META else 0
            size, at = _number(track, at + (status == _META))
            if kind == _TEMPO:
                found.append(round(60e6 / int.from_bytes(track[at : at + 3], "big"), 2))
            at += size
        else:
            at += 1 if status >> 4 in _SHORT else 2
    return found


def _number(data: bytes, at: int) -> tuple[int, int]:
    """Return a number of variable length and where it ends."""
    value = 0
    while True:
        value, at = value << 7 | data[at] & 0x7F, at + 1
        if data[at - 1] < 0x80:
            return value, at
