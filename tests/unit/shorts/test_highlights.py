"""Highlights by evidence: what is chosen, why, and that nothing said is cut."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.contracts import Transcript
from tasks.contracts.music import Curve
from tasks.contracts.shorts import Highlight, MediaFeatures
from tasks.edits.pauses import words_of
from tasks.errors import InvalidInputError
from tasks.shorts.highlights import Wish, find_highlights
from tests.unit.shorts.talks import evenly, talk, talks

DULL = "We moved the chairs and then we moved the tables and after that the room was done. "
STORY = (
    "Why do volcanoes sleep for centuries? Nobody expected the magma to stop under the mountain. "
    "For a thousand years snow fell on quiet slopes while heat climbed through broken stone. "
    "A plug of granite holds the magma until the pressure wins. That's why volcanoes sleep for centuries. "
)
LONG = evenly(DULL * 6 + STORY + DULL * 6)


def features(
    transcript: Transcript, *, cuts: Sequence[float] = (), loud: tuple[float, float] | None = None
) -> MediaFeatures:
    """Return features of a talk at one loudness, but for a louder stretch."""
    count = int(transcript.duration_s * 10) + 1
    values = [0.9 if loud and loud[0] <= n / 10 < loud[1] else 0.4 for n in range(count)]
    return MediaFeatures(transcript.duration_s, Curve(0.1, tuple(values)), tuple(cuts))


def test_the_story_is_found_between_dull_stretches_and_says_why() -> None:
    best = find_highlights(LONG, features(LONG), Wish(count=1))[0]

    assert best.text.startswith("Why do volcanoes sleep")
    assert best.text.endswith("volcanoes sleep for centuries.")
    assert best.title == "Why do volcanoes sleep for centuries? Nobody expected the"
    assert {"opens with a question", "a question is answered", "whole sentences"} <= set(best.evidence.reasons)
    assert best.evidence.hook > 0.5
    assert best.evidence.boundary == 1.0
    assert 15 <= best.end - best.start <= 90


def test_a_louder_stretch_is_preferred_when_all_else_is_equal() -> None:
    heard = evenly(DULL * 12)
    loud = (heard.duration_s * 0.6, heard.duration_s * 0.85)

    best = find_highlights(heard, features(heard, loud=loud), Wish(count=1, longest_s=20))[0]

    assert loud[0] - 8 <= best.start <= loud[1]
    assert "louder than the rest" in best.evidence.reasons


def test_keywords_and_a_range_steer_the_choice() -> None:
    named = find_highlights(LONG, features(LONG), Wish(count=1, keywords=("granite",)))[0]
    early = find_highlights(LONG, features(LONG), Wish(count=3, end_s=30.0))

    assert named.evidence.reasons[0] == "speaks of “granite”"
    assert early
    assert all(one.end <= 30.0 for one in early)


def test_a_clip_begins_with_the_scene_that_begins_just_before_its_words() -> None:
    start_s = next(word.start for word in words_of(LONG) if word.text == "Why")
    cut = start_s - 0.4

    best = find_highlights(LONG, features(LONG, cuts=[cut]), Wish(count=1))[0]

    assert best.start == pytest.approx(cut, abs=0.001)
    assert "begins or ends with a scene" in best.evidence.reasons


def test_a_video_without_words_is_cut_at_its_scenes() -> None:
    silent = talk(duration_s=120.0)
    cuts = [10.0, 30.0, 55.0, 80.0, 100.0]

    found = find_highlights(silent, features(silent, cuts=cuts, loud=(30, 55)), Wish(count=2, longest_s=40))

    assert len(found) == 2
    assert all(min(abs(one.start - cut) for cut in [0, *cuts]) <= 0.26 for one in found)


def test_a_short_video_has_no_highlight() -> None:
    brief = evenly("That was all.")

    assert find_highlights(brief, features(brief)) == []


def test_a_wish_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(InvalidInputError) as caught:
        Wish(shortest_s=50, longest_s=20)

    assert caught.value.code == "shorts.invalid_wish"


class LatestFirst:
    """A scorer that likes what comes late."""

    name = "latest"

    def score(self, candidates: Sequence[Highlight]) -> list[float]:
        """Return the place in the talk."""
        return [one.start / LONG.duration_s for one in candidates]


def test_a_plugged_in_scorer_decides_among_the_best_by_evidence() -> None:
    plain = find_highlights(LONG, features(LONG), Wish(count=1))[0]
    judged = find_highlights(LONG, features(LONG), Wish(count=1), scorer=LatestFirst())[0]

    assert judged.start > plain.start
    assert judged.scorer == "latest"
    assert judged.score == pytest.approx(judged.start / LONG.duration_s, abs=1e-4)


@settings(deadline=None)
@given(talks(), st.lists(st.floats(0, 60), max_size=5), st.integers(1, 4))
def test_no_highlight_is_cut_inside_a_word_and_none_overlap(heard: Transcript, cuts: list[float], count: int) -> None:
    wish = Wish(count=count, shortest_s=2, longest_s=12)
    found = find_highlights(heard, features(heard, cuts=sorted(cuts)), wish)

    for one in found:
        assert 2 - 0.001 <= one.end - one.start <= 12.001
        assert 0 <= one.start < one.end <= heard.duration_s + 0.001
        for word in words_of(heard):
            assert not word.start + 0.0011 < one.start < word.end - 0.0011
            assert not word.start + 0.0011 < one.end < word.end - 0.0011
    ordered = sorted(found, key=lambda one: one.start)
    assert all(before.end <= after.start for before, after in itertools.pairwise(ordered))
    assert len(found) <= count
