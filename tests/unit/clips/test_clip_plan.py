"""Clip plans: exact to the frame, cut on beats, for any song."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.contracts.clips import ClipPlan, ClipSection
from tasks.contracts.music import Curve, Genre, Key, Loudness, Meter, Mood, SongAnalysis, Tempo, VideoType
from tasks.errors import InvalidInputError
from tasks.workflows.clip_plan import plan_clips
from tasks.workflows.clip_prompts import ProviderRates, build_prompt, estimate_clips

RATES = [Fraction(24), Fraction(25), Fraction(30), Fraction(60), Fraction(30000, 1001), Fraction(24000, 1001)]


def song_of(duration_s: float, beats: tuple[float, ...] = (), downbeats: tuple[float, ...] = ()) -> SongAnalysis:
    """A song of which only length and beats matter."""
    return SongAnalysis(
        duration_s=duration_s,
        engine="test",
        engine_version="0",
        tempo=Tempo(None, 0.0, "test"),
        meter=Meter(4, 1.0, "test"),
        key=Key("A minor", 1.0, "test"),
        loudness=Loudness(-14.0, 6.0, -1.0),
        energy=Curve(0.5, (0.5,)),
        genre=Genre("pop", 0.5, "test"),
        mood=Mood("happy", "test"),
        video_type=VideoType("dance", "test"),
        beats=beats,
        downbeats=downbeats,
    )


def steady(bpm: float, duration_s: float, first_s: float = 0.0) -> tuple[float, ...]:
    """Beats of one tempo."""
    step = 60 / bpm
    return tuple(round(first_s + n * step, 4) for n in range(int((duration_s - first_s) / step)))


def whole(duration_s: float, energy: float = 0.5) -> ClipSection:
    """One section over all of a song."""
    return ClipSection(0.0, duration_s, "verse", energy=energy)


def lengths_of(plan: ClipPlan) -> list[int]:
    return [clip.frame_count for clip in plan.clips]


@st.composite
def songs(draw: st.DrawFn) -> tuple[SongAnalysis, list[ClipSection], Fraction]:
    """A song of any tempo with some beats lost, divided anywhere; its frame rate."""
    duration_s = draw(st.floats(3.2, 200.0))
    bpm = draw(st.floats(30, 240))
    beats = steady(bpm, duration_s, draw(st.floats(0, 3)))
    lost = draw(st.sets(st.integers(0, max(0, len(beats) - 1)), max_size=40))
    kept = tuple(beat for number, beat in enumerate(beats) if number not in lost)
    kept = draw(st.sampled_from([kept, kept[: len(kept) // 3], ()]))
    inner = draw(st.lists(st.floats(0.1, 0.9), max_size=5, unique=True))
    edges = [0.0, *sorted(share * duration_s for share in inner), duration_s]
    edges = [edge for n, edge in enumerate(edges) if n in (0, len(edges) - 1) or edge - edges[n - 1] > 0.3]
    sections = [ClipSection(a, b, "verse", energy=draw(st.floats(0, 1))) for a, b in pairwise(edges)]
    return song_of(duration_s, kept, kept[::4]), sections, draw(st.sampled_from(RATES))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(songs())
def test_lengths_add_up_to_each_section_to_the_frame(
    case: tuple[SongAnalysis, list[ClipSection], Fraction],
) -> None:
    song, sections, fps = case
    plan = plan_clips(song, sections, fps=fps)

    assert plan.frame_count == round(Fraction(song.duration_s) * fps)
    assert plan.clips[0].start_frame == 0
    assert plan.clips[-1].end_frame == plan.frame_count
    assert all(after.start_frame == before.end_frame for before, after in pairwise(plan.clips))
    for number, section in enumerate(sections):
        clips = [clip for clip in plan.clips if clip.section == number]
        start, end = round(Fraction(section.start_s) * fps), round(Fraction(section.end_s) * fps)
        assert sum(clip.frame_count for clip in clips) == end - start
        if end - start >= 3 * fps:
            assert all(3 <= clip.frame_count / fps <= 10 for clip in clips)
        else:
            assert len(clips) == 1


@settings(max_examples=60, deadline=None, derandomize=True)
@given(songs())
def test_every_cut_tells_its_true_distance_to_the_nearest_beat(
    case: tuple[SongAnalysis, list[ClipSection], Fraction],
) -> None:
    song, sections, fps = case
    for clip in plan_clips(song, sections, fps=fps).clips:
        at_s = float(clip.start_frame / fps)
        if not song.beats:
            assert clip.beat_s is None
            assert clip.from_beat_ms is None
            continue
        nearest = min(abs(at_s - beat) for beat in song.beats)
        assert clip.from_beat_ms is not None
        assert abs(clip.from_beat_ms) == pytest.approx(nearest * 1000, abs=0.01)
        assert clip.is_downbeat == (clip.beat_s in song.downbeats)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(bpm=st.floats(60, 190), seconds=st.integers(20, 120), fps=st.sampled_from(RATES), energy=st.floats(0, 1))
def test_in_a_steady_song_every_cut_is_within_half_a_frame_of_a_beat(
    bpm: float, seconds: int, fps: Fraction, energy: float
) -> None:
    beats = steady(bpm, seconds)
    plan = plan_clips(song_of(float(seconds), beats, beats[::4]), [whole(float(seconds), energy)], fps=fps)

    half_frame_ms = float(500 / fps)
    assert len(plan.clips) > 1
    assert all(abs(clip.from_beat_ms or 0) <= half_frame_ms + 0.01 for clip in plan.clips)


def test_bars_are_cut_on_and_livelier_sections_are_cut_oftener() -> None:
    beats = steady(120, 64)
    song = song_of(64.0, beats, beats[::4])
    calm = plan_clips(song, [whole(64.0, 0.0)], fps=Fraction(30))
    lively = plan_clips(song, [whole(64.0, 1.0)], fps=Fraction(30))

    assert all(clip.is_downbeat for clip in (*calm.clips, *lively.clips))
    assert set(lengths_of(calm)) <= {180, 240}
    assert set(lengths_of(lively)) == {120}


def test_without_beats_clips_still_keep_their_lengths_and_say_so() -> None:
    plan = plan_clips(song_of(25.0), [whole(25.0)], fps=Fraction(25))

    assert sum(lengths_of(plan)) == 625
    assert all(75 <= frames <= 250 for frames in lengths_of(plan))
    assert {clip.from_beat_ms for clip in plan.clips} == {None}


def test_a_plan_is_the_same_each_time_and_survives_json() -> None:
    song = song_of(40.0, steady(100, 40))
    first, again = (plan_clips(song, [whole(40.0)], fps=Fraction(30000, 1001), seed=7) for _ in range(2))

    assert first == again
    assert ClipPlan.from_json(first.to_json()) == first
    assert len({clip.seed for clip in first.clips}) == len(first.clips)


@pytest.mark.parametrize(
    "sections",
    [
        [],
        [ClipSection(0.0, 10.0, "a"), ClipSection(11.0, 20.0, "b")],
        [ClipSection(0.0, 10.0, "a"), ClipSection(9.0, 20.0, "b")],
        [ClipSection(0.0, 15.0, "a")],
        [ClipSection(2.0, 20.0, "a")],
    ],
)
def test_sections_that_do_not_cover_the_song_are_refused(sections: list[ClipSection]) -> None:
    with pytest.raises(InvalidInputError) as refused:
        plan_clips(song_of(20.0), sections, fps=Fraction(30))

    assert refused.value.code == "clips.invalid_sections"


@pytest.mark.parametrize("fps", [Fraction(0), Fraction(1000), Fraction(1, 2)])
def test_senseless_rates_are_refused(fps: Fraction) -> None:
    with pytest.raises(InvalidInputError) as refused:
        plan_clips(song_of(20.0), [whole(20.0)], fps=fps)

    assert refused.value.code == "clips.invalid_rate"


def test_prompts_begin_with_what_the_user_says() -> None:
    section = ClipSection(0, 8, "chorus", "two dancers in red", 0.9)

    assert build_prompt(section, song_of(8.0), overall="neon city") == (
        "neon city, two dancers in red, a wide, sweeping shot at full intensity, happy mood, "
        "fast, energetic movement, pop music video"
    )


def test_estimates_count_what_is_billed() -> None:
    beats = steady(120, 64)
    plan = plan_clips(song_of(64.0, beats, beats[::4]), [whole(64.0, 1.0)], fps=Fraction(30))
    rates = ProviderRates("replicate", usd_per_s=0.05, work_s_per_s=12, at_once=4, lengths_s=(5, 10))

    estimate = estimate_clips(plan, rates)

    assert (estimate.clip_count, estimate.billed_s, estimate.cost_usd, estimate.time_s) == (16, 80.0, 4.0, 240.0)
    assert estimate_clips(plan, rates, frozenset({3})).cost_usd == 0.25
