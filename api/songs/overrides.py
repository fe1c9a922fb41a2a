"""What a song's owner says instead of what was heard. Pure; by name of value, null forgets it again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from tasks.contracts.music import Genre, Key, Meter, Mood, SongAnalysis, Tempo, VideoType

METHOD = "user"
_MULTIPLES = (0.25, 1 / 3, 0.5, 1.0, 2.0, 3.0, 4.0)
_NEAR = 0.04
"""How far a tempo may lie from a multiple of the one that was heard and still count as that multiple."""


def merge(kept: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Return the overrides after a change."""
    merged = {**kept, **given}
    return {name: value for name, value in merged.items() if value is not None}


def apply(heard: SongAnalysis, overrides: dict[str, Any]) -> SongAnalysis:
    """Return the analysis as its owner wants it: beats follow a tempo that was set, bars follow beats and meter."""
    song = heard
    for name, change in CHANGES.items():
        if name in overrides:
            song = change(song, overrides[name])
    return song


def set_bpm(heard: SongAnalysis, bpm: float) -> SongAnalysis:
    """Count the song at another tempo."""
    tempo = Tempo(bpm, 1.0, METHOD, heard.tempo.candidates, is_steady=True)
    return replace(with_beats(heard, regrid(heard, bpm)), tempo=tempo)


def set_meter(song: SongAnalysis, size: int) -> SongAnalysis:
    """Count so many beats in a bar."""
    bars = count_bars(song.beats, size, near=song.downbeats)
    return replace(song, meter=Meter(size, 1.0, METHOD, song.meter.subdivision), downbeats=bars)


def set_mood(song: SongAnalysis, said: dict[str, Any]) -> SongAnalysis:
    """Take the owner's word, tags and numbers; numbers that are not given stay."""
    vector = {**song.mood.vector, **said.get("vector", {})}
    return replace(song, mood=Mood(said["primary"], METHOD, tuple(said.get("tags", [])), vector))


def with_beats(song: SongAnalysis, beats: tuple[float, ...]) -> SongAnalysis:
    """Return the song with other beats, its bars counted on them."""
    downbeats = count_bars(beats, song.meter.beats_per_bar or 4, near=song.downbeats)
    return replace(song, beats=beats, downbeats=downbeats)


def count_bars(beats: Sequence[float], size: int, *, near: Sequence[float]) -> tuple[float, ...]:
    """Return every ``size``-th beat, beginning so that as many as can be lie where bars were heard to begin."""
    if not beats:
        return ()

    def hits(offset: int) -> int:
        chosen = list(beats[offset::size])
        return sum(any(abs(beat - other) < 0.07 for other in near) for beat in chosen)

    best = max(range(min(size, len(beats))), key=lambda offset: (hits(offset), -offset))
    return tuple(beats[best::size])


def regrid(heard: SongAnalysis, bpm: float) -> tuple[float, ...]:
    """Return the beats at another tempo: those that were heard, thinned or divided; else an even grid."""
    if heard.tempo.bpm and len(heard.beats) > 1:
        ratio = bpm / heard.tempo.bpm
        multiple = min(_MULTIPLES, key=lambda one: abs(ratio / one - 1))
        if abs(ratio / multiple - 1) < _NEAR:
            return thin(heard, round(1 / multiple)) if multiple < 1 else divide(heard.beats, round(multiple))
    first = next(iter(heard.downbeats or heard.beats), 0.0)
    gap = 60 / bpm
    first -= int(first / gap) * gap
    count = int((heard.duration_s - first) / gap) + 1
    return tuple(round(first + gap * number, 4) for number in range(count) if first + gap * number < heard.duration_s)


def thin(heard: SongAnalysis, step: int) -> tuple[float, ...]:
    """Keep every ``step``-th beat, the first beats of bars among them."""
    return count_bars(heard.beats, step, near=heard.downbeats)


def divide(beats: Sequence[float], parts: int) -> tuple[float, ...]:
    """Put beats between beats."""
    inside = [round(a + (b - a) * part / parts, 4) for a, b in pairwise(beats) for part in range(parts)]
    return (*inside, beats[-1])


CHANGES: dict[str, Callable[[SongAnalysis, Any], SongAnalysis]] = {
    "bpm": set_bpm,
    "beats": lambda song, beats: with_beats(song, tuple(beats)),
    "beats_per_bar": set_meter,
    "downbeats": lambda song, beats: replace(song, downbeats=tuple(beats)),
    "key": lambda song, name: replace(song, key=Key(name, 1.0, METHOD), key_spans=()),
    "genre": lambda song, name: replace(song, genre=Genre(name, 1.0, METHOD, song.genre.scores)),
    "mood": set_mood,
    "video_type": lambda song, name: replace(song, video_type=VideoType(name, "Chosen by the user")),
}
"""What each override changes, in the order in which they are applied."""
NAMES = tuple(CHANGES)
