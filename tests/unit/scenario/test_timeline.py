"""What is on screen at a time: equal looks are equal states, and motion happens only in its window."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.scenario import parse
from tasks.scenario.timeline import CueState, Timeline, state_at
from tests.unit.scenario.scenes import cue, scene, word


def timeline(kind: str, **animation: Any) -> Timeline:
    motion = {"activeWord": {"type": kind, "durationMs": 200}, **animation}
    said = cue(word(1, start=1.0, end=1.4), word(2, start=1.5, end=2.5), start=0.5, end=3.0)
    return Timeline(parse(scene(said, animation=motion)))


def test_nothing_is_shown_before_a_cue_and_from_its_end_on() -> None:
    still = timeline("none")
    assert [still.at(t) for t in (-1.0, 0.0, 0.499, 3.0, 99.0)] == [()] * 5
    assert [len(still.at(t)) for t in (0.5, 2.999)] == [1, 1]


def test_highlight_changes_only_when_the_spoken_word_does() -> None:
    shown = [timeline("highlight").at(t)[0] for t in (0.9, 1.0, 1.3, 1.45, 1.5, 2.9)]
    assert shown == [CueState(0, active, 0.0, 255) for active in (-1, 0, 0, 0, 1, 1)]


def test_pop_moves_in_its_window_and_rests_after() -> None:
    phases = [timeline("pop").at(t)[0].phase for t in (0.7, 1.0, 1.1, 1.2, 1.3, 1.5, 1.6, 2.9)]
    assert phases == [0.0, 0.0, 0.5, 1.0, 1.0, 0.0, 0.5, 1.0]


def test_karaoke_follows_the_voice_through_each_word() -> None:
    phases = [timeline("karaoke").at(t)[0].phase for t in (1.0, 1.1, 1.4, 1.45, 1.75, 2.5, 2.9)]
    assert phases == [0.0, 0.25, 1.0, 1.0, 0.25, 1.0, 1.0]


def test_plain_captions_are_one_state_from_start_to_end() -> None:
    assert {timeline("none").at(0.5 + n / 30) for n in range(75)} == {(CueState(0, -1, 0.0, 255),)}


def test_fades_reach_full_and_leave_again() -> None:
    faded = timeline("none", enter={"type": "fade", "durationMs": 100}, exit={"type": "fade", "durationMs": 200})
    assert faded.at(0.5) == ()  # fully transparent
    assert [faded.at(t)[0].opacity for t in (0.55, 0.6, 2.0, 2.9)] == [128, 255, 255, 128]


def test_fade_of_no_length_is_no_fade() -> None:
    assert timeline("none", enter={"type": "fade", "durationMs": 0}).at(0.5)[0].opacity == 255


def test_word_without_length_is_sung_at_once() -> None:
    said = cue(word(1, start=1.0, end=1.0), end=2.0)
    sung = Timeline(parse(scene(said, animation={"activeWord": {"type": "karaoke"}})))
    assert sung.at(1.0) == (CueState(0, 0, 1.0, 255),)


def test_overlapping_tracks_are_drawn_in_their_order() -> None:
    document = scene(cue(start=0.0, end=3.0))
    document["tracks"].append({"id": "u", "type": "captions", "cues": [cue(word(9), number=2)]})
    assert [state.cue for state in Timeline(parse(document)).at(0.2)] == [0, 1]


@st.composite
def scenes(draw: st.DrawFn) -> dict[str, Any]:
    tenths = st.integers(0, 60).map(lambda n: n / 10)
    cues = []
    for number in range(draw(st.integers(1, 5))):
        start, end = sorted(draw(st.tuples(tenths, tenths).filter(lambda pair: pair[0] != pair[1])))
        moments = sorted(draw(st.lists(st.floats(start, end), min_size=2, max_size=6)))
        said = [word(number * 10 + n, start=at, end=end) for n, at in enumerate(moments)]
        kind = draw(st.sampled_from(["none", "highlight", "pop", "karaoke"]))
        motion = {"activeWord": {"type": kind}, "exit": {"type": draw(st.sampled_from(["none", "fade"]))}}
        cues.append(cue(*said, number=number, start=start, end=end, animation=motion))
    return scene(*cues)


@settings(max_examples=100, deadline=None)
@given(document=scenes(), moments=st.lists(st.floats(-1, 8), min_size=1, max_size=20))
def test_timeline_equals_asking_every_cue(document: dict[str, Any], moments: list[float]) -> None:
    parsed = parse(document)
    quick = Timeline(parsed)
    for t in moments:  # in any order
        states = [state_at(each, index, t) for index, each in enumerate(parsed.cues)]
        assert quick.at(t) == tuple(state for state in states if state and state.opacity)
