"""Looks of a long scenario: each is held once, however many words have it."""

from __future__ import annotations

from tasks.scenario import Scenario, parse
from tests.unit.scenario.scenes import cue, scene, word

WORDS = 40


def long_scenario() -> Scenario:
    """Return many captions that look alike, and one whose words do not."""
    alike = [cue(word(n, start=float(n), end=n + 0.5), number=n, start=float(n), end=n + 1.0) for n in range(WORDS)]
    own = [
        word(99, start=100.0, end=100.5, style={"color": "#FF0000"}),
        word(100, "b", 100.5, 101.0, style={"fontSize": 90}),
    ]
    return parse(scene(*alike, cue(*own, number=99, start=100.0, end=101.0)))


def test_words_that_look_alike_have_one_style_and_others_their_own() -> None:
    scenario = long_scenario()
    words = [each for cue in scenario.cues for each in cue.words]
    assert len({id(each.style) for each in words[:WORDS]}) == 1
    assert words[WORDS].style == {**words[0].style, "color": "#FF0000"}
    assert len({id(each.style) for each in words}) == len({str(each.style) for each in words}) == 3


def test_captions_that_move_alike_have_one_motion() -> None:
    assert len({id(cue.animation) for cue in long_scenario().cues}) == 1
