"""Corrections and sections of a song, as pure functions."""

from __future__ import annotations

from typing import Any

import pytest

from api.songs.overrides import apply, count_bars, merge
from api.songs.sections import place, suggest
from tasks.contracts.music import (
    Curve,
    Genre,
    Key,
    Loudness,
    Meter,
    Mood,
    SongAnalysis,
    SongSection,
    Tempo,
    VideoType,
)
from tasks.errors import InvalidInputError

BEATS = tuple(round(0.5 + 0.5 * number, 3) for number in range(79))


def heard(*sections: tuple[float, float], beats: tuple[float, ...] = BEATS) -> SongAnalysis:
    """A song of 40 s at 120 beats a minute in bars of four."""
    return SongAnalysis(
        duration_s=40.0,
        engine="librosa",
        engine_version="0",
        tempo=Tempo(120.0 if beats else None, 0.8, "test"),
        meter=Meter(4, 0.6, "test"),
        key=Key("A minor", 0.7, "test"),
        loudness=Loudness(-14.0, 6.0, -1.0),
        energy=Curve(0.5, (0.5,) * 80),
        genre=Genre("pop", 0.4, "test"),
        mood=Mood("happy", "test"),
        video_type=VideoType("dance", "test"),
        beats=beats,
        downbeats=beats[::4],
        sections=tuple(SongSection(start, end, "verse", 0, 0.5) for start, end in sections),
    )


@pytest.mark.parametrize(
    ("bpm", "beats", "downbeats"),
    [
        (60.0, [0.5, 1.5, 2.5], [0.5, 4.5]),
        (240.0, [0.5, 0.75, 1.0], [0.5, 1.5]),
        (119.0, [0.5, 1.0, 1.5], [0.5, 2.5]),
        (100.0, [0.5, 1.1, 1.7], [0.5, 2.9]),
    ],
    ids=["half", "double", "nearly the same", "another"],
)
def test_beats_and_bars_follow_a_tempo(bpm: float, beats: list[float], downbeats: list[float]) -> None:
    song = apply(heard(), {"bpm": bpm})

    assert song.tempo.bpm == bpm
    assert list(song.beats[:3]) == pytest.approx(beats, abs=1e-3)
    assert list(song.downbeats[:2]) == pytest.approx(downbeats, abs=1e-3)
    assert all(beat < 40 for beat in song.beats)


def test_a_tempo_gives_beats_to_a_song_that_had_none() -> None:
    song = apply(heard(beats=()), {"bpm": 60.0})

    assert song.beats == tuple(float(second) for second in range(40))


def test_bars_begin_where_they_were_heard_to_begin() -> None:
    assert count_bars((0.0, 1.0, 2.0, 3.0, 4.0, 5.0), 2, near=(1.0, 5.0)) == (1.0, 3.0, 5.0)
    assert count_bars((), 4, near=()) == ()


def test_null_forgets_a_correction_and_nothing_else() -> None:
    assert merge({"key": "C major", "bpm": 100}, {"key": None, "genre": "dub"}) == {"bpm": 100, "genre": "dub"}


def section(start: float, end: float) -> dict[str, Any]:
    return {"start": start, "end": end, "label": "verse", "note": ""}


@pytest.mark.parametrize(
    ("wanted", "pointer"),
    [
        ([section(2, 40)], "/sections/0/start"),
        ([section(0, 30)], "/sections/0/end"),
        ([section(0, 60)], "/sections/0/end"),
        ([section(0, 10), section(12, 40)], "/sections/1/start"),
        ([section(0, 10), section(8, 40)], "/sections/1/start"),
        ([section(0, 20), section(20, 10), section(10, 40)], "/sections/1/end"),
        ([section(0, 1), section(1, 40)], "/sections/0/end"),
    ],
    ids=["late start", "early end", "beyond the end", "gap", "overlap", "backwards", "too short"],
)
def test_sections_that_do_not_divide_the_song_are_refused(wanted: list[dict[str, Any]], pointer: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        place(wanted, heard())

    assert caught.value.code == "section.invalid"
    assert pointer in [one["pointer"] for one in caught.value.extra["findings"]]


def test_edges_lie_on_beats_and_meet() -> None:
    placed = place([section(0.3, 9.9), section(10.1, 40.0)], heard())

    assert [(one.start_s, one.end_s, one.moved_ms) for one in placed] == [
        (0.0, 10.0, (-300.0, 100.0)),
        (10.0, 40.0, (-100.0, 0.0)),
    ]


def test_suggestions_that_are_too_short_join_their_neighbours() -> None:
    song = heard((0.0, 1.2), (1.2, 15.9), (15.9, 38.5), (38.5, 40.0))

    assert [(one["start"], one["end"]) for one in suggest(song)] == [(0.0, 16.0), (16.0, 40.0)]
