"""Drawing: the same for the same seed, different for another, moved by beat, sound, energy, section and mood."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from tasks.clips.draw import Painter
from tasks.clips.palette import build_palette
from tasks.clips.scenes import SCENES, Canvas
from tasks.clips.score import Moment, Score
from tasks.clips.sound import BANDS, RATE, measure_frames
from tasks.contracts.clips import ClipPlan, ClipSection, PlannedClip
from tasks.contracts.music import (
    VIDEO_TYPES,
    Curve,
    Genre,
    Key,
    Loudness,
    Meter,
    Mood,
    SongAnalysis,
    Tempo,
    VideoType,
)
from tasks.errors import InvalidInputError

SIZE = (320, 180)
QUIET = Moment(4.6, 0.1, 9.2, 9.5, 0.2, 0.1, 0.3, 0.0, 0.0, np.full(BANDS, 0.1, np.float32))


def song_of(mood: Mood, beats: tuple[float, ...] = (0.0, 0.5, 1.0, 1.5, 2.0)) -> SongAnalysis:
    return SongAnalysis(
        duration_s=8.0,
        engine="test",
        engine_version="0",
        tempo=Tempo(120.0, 1.0, "test"),
        meter=Meter(4, 1.0, "test"),
        key=Key("A minor", 1.0, "test"),
        loudness=Loudness(-14.0, 6.0, -1.0),
        energy=Curve(0.5, (0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0)),
        genre=Genre("pop", 0.5, "test"),
        mood=mood,
        video_type=VideoType("dance", "test"),
        beats=beats,
        downbeats=beats[::4],
    )


GLAD = song_of(Mood("happy", "test", (), {"valence": 0.9, "arousal": 0.7}))


def painter_of(
    kind: str, *, seed: int = 5, number: int = 0, song: SongAnalysis = GLAD, label: str = "verse"
) -> Painter:
    clip = PlannedClip(number, 0, 0, 240, "", seed)
    plan = ClipPlan(30, 1, 240, (ClipSection(0.0, 8.0, label, energy=0.6),), (clip,))
    return Painter(song, plan, clip, video_type=kind, size=SIZE)


def picture(painter: Painter, moment: Moment = QUIET) -> np.ndarray:
    return painter.paint(moment).to_ndarray().astype(np.int16)


def difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).mean())


def test_there_is_something_to_draw_for_every_video_type_and_for_no_other() -> None:
    assert set(SCENES) == set(VIDEO_TYPES)
    with pytest.raises(InvalidInputError) as refused:
        painter_of("opera")
    assert refused.value.code == "clips.unknown_type"


@pytest.mark.parametrize("kind", sorted(SCENES))
class TestEveryScene:
    """What holds for each kind of drawing."""

    def test_the_same_seed_draws_the_same_and_another_another(self, kind: str) -> None:
        first = picture(painter_of(kind))

        assert np.array_equal(first, picture(painter_of(kind)))
        assert difference(first, picture(painter_of(kind, seed=6))) > 1

    def test_frames_can_be_drawn_in_any_order(self, kind: str) -> None:
        painter = painter_of(kind)
        before = picture(painter)
        picture(painter, replace(QUIET, seconds=7.0, beats=14.3, travel=14.6))

        assert np.array_equal(before, picture(painter))

    def test_a_beat_is_brighter_than_what_lies_between(self, kind: str) -> None:
        painter = painter_of(kind)
        on = picture(painter, replace(QUIET, pulse=1.0, bar=1.0))[: SIZE[1]]
        off = picture(painter, replace(QUIET, pulse=0.0, bar=0.0))[: SIZE[1]]

        assert on.mean() > off.mean() + 1.5

    def test_sound_and_energy_move_it(self, kind: str) -> None:
        painter = painter_of(kind)
        loud = replace(QUIET, bands=np.full(BANDS, 0.9, np.float32), onset=1.0)

        assert difference(picture(painter), picture(painter, loud)) > 1
        assert difference(picture(painter), picture(painter, replace(QUIET, energy=1.0))) > 0.5

    def test_time_moves_it(self, kind: str) -> None:
        painter = painter_of(kind)
        later = replace(QUIET, seconds=4.85, beats=9.7, travel=10.1)

        assert difference(picture(painter), picture(painter, later)) > 0.5

    def test_following_clips_differ_plainly(self, kind: str) -> None:
        first, second = (picture(painter_of(kind, number=number, seed=number)) for number in (0, 1))

        assert difference(first, second) > 8

    def test_it_is_neither_black_nor_white_nor_flat(self, kind: str) -> None:
        luma = picture(painter_of(kind), replace(QUIET, energy=0.8, bands=np.full(BANDS, 0.5, np.float32)))[: SIZE[1]]

        assert 24 < luma.mean() < 170
        assert luma.std() > 8

    def test_odd_shapes_are_drawn_too(self, kind: str) -> None:
        for width, height in ((64, 64), (90, 160), (320, 90)):
            scene = SCENES[kind](Canvas.of(width, height), np.random.default_rng(1), 0.5)
            bright, hue = scene.draw(QUIET)
            assert bright.shape == hue.shape == (height, width)
            assert hue.max() < 16


def test_colours_follow_mood_and_section() -> None:
    sad = Mood("sad", "test", (), {"valence": 0.1, "arousal": 0.2})
    glad = build_palette(GLAD.mood, "verse", number=0, energy=0.5).rgb[:, 200].mean(axis=0)
    cold = build_palette(sad, "verse", number=0, energy=0.5).rgb[:, 200].mean(axis=0)
    spread = {
        label: build_palette(GLAD.mood, label, number=0, energy=0.5).rgb[:, 200].std(axis=0).sum()
        for label in ("verse", "chorus")
    }

    assert glad[0] > glad[2] + 0.2
    assert cold[2] > cold[0] + 0.2
    assert spread["chorus"] > spread["verse"]


def test_the_score_counts_beats_and_fades_after_each() -> None:
    score = Score(GLAD, Fraction(50))
    on, later, between = score.at(25, 0), score.at(30, 0), score.at(37, 0)

    assert on.beats == pytest.approx(1.02)
    assert between.beats == pytest.approx(1.5)
    assert on.pulse > 0.9 > later.pulse > between.pulse
    assert score.at(100, 0).bar > 0.9 > 0.5 > score.at(75, 0).bar
    assert score.at(250, 0).beats > score.at(249, 0).beats > score.at(120, 0).beats
    assert score.at(0, 0).energy < 0.1 < 0.9 < score.at(390, 0).energy
    assert score.at(125, 0).rise == 1.0


def test_a_song_without_beats_is_moved_by_its_energy() -> None:
    score = Score(song_of(Mood("calm", "test"), beats=()), Fraction(50))

    assert score.at(50, 0).pulse == 0
    assert score.at(125, 0).onset == 1.0
    assert score.at(60, 0).beats > score.at(50, 0).beats


def test_bands_and_onsets_are_where_the_sound_is() -> None:
    samples = np.zeros(4 * RATE, np.float32)
    time = np.arange(RATE // 2) / RATE
    samples[2 * RATE : 2 * RATE + RATE // 2] = np.sin(2 * np.pi * 100 * time)
    heard = measure_frames(samples, fps=Fraction(30), frame_count=120)

    assert heard.bands.shape == (120, BANDS)
    assert 58 <= int(heard.onset.argmax()) <= 60
    assert heard.bands[66].argmax() < 6
    assert heard.bands[30].max() == 0
    assert measure_frames(np.zeros(1, np.float32), fps=Fraction(30), frame_count=9).onset.max() == 0
