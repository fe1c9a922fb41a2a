"""Silences, fillers and stutters as an edit list."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.contracts import Transcript
from tasks.contracts.shorts import Removal
from tasks.edits.pauses import find_pauses, snap_in, snap_out, words_of
from tasks.edits.removal import PACES, RemovalOptions, enabled_cuts, find_removals, preview, switch
from tasks.errors import InvalidInputError
from tests.unit.shorts.talks import talk, talks

HEARD = talk(
    ("So", 1.0, 1.3), ("um", 1.4, 1.7), ("I", 1.8, 1.9), ("I", 2.0, 2.1), ("went", 2.15, 2.5), ("home.", 2.6, 3.0),
    ("You", 5.0, 5.2), ("know,", 5.25, 5.5), ("late.", 5.6, 6.0), duration_s=7.0,
)  # fmt: skip
OPTIONS = st.builds(RemovalOptions, st.sampled_from(["", *PACES]), st.booleans(), st.booleans(), st.booleans())


def test_a_talk_loses_its_silences_fillers_and_stutters_with_a_pad_beside_each_word() -> None:
    edits = find_removals(HEARD)

    assert [(r.id, r.kind, r.text, r.start, r.end) for r in edits.removals] == [
        ("r1", "silence", "", 0.0, 0.85),
        ("r2", "filler", "um", 1.4, 1.7),
        ("r3", "stutter", "I", 1.8, 1.9),
        ("r4", "silence", "", 3.15, 4.85),
        ("r5", "silence", "", 6.15, 7.0),
    ]


def test_phrases_go_only_when_asked_for() -> None:
    edits = find_removals(HEARD, RemovalOptions(pace="", phrases=True, fillers=False, stutters=False))

    assert [(r.kind, r.text, r.word_ids) for r in edits.removals] == [("phrase", "You know,", ("w6", "w7"))]


def test_words_doubled_by_usage_and_numbers_stay() -> None:
    heard = talk(
        ("very", 0, 0.3), ("very", 0.4, 0.7), ("good", 0.8, 1.0), ("7", 1.1, 1.3), ("7", 1.4, 1.6), duration_s=2
    )

    assert find_removals(heard, RemovalOptions(pace="")).removals == ()


def test_each_language_has_its_own_fillers_and_an_unknown_one_loses_none() -> None:
    words = (("Also", 0.2, 0.5), ("ähm", 0.6, 1.0), ("ja", 1.1, 1.3))
    only_fillers = RemovalOptions(pace="")

    assert [r.text for r in find_removals(talk(*words, duration_s=2, language="de"), only_fillers).removals] == ["ähm"]
    assert find_removals(talk(*words, duration_s=2, language="xx"), only_fillers).removals == ()


def test_a_removal_that_is_switched_off_comes_back_in_the_preview() -> None:
    edits = find_removals(HEARD)
    undone = switch(edits, ["r4"], enabled=False)
    shorter, words = preview(HEARD, edits)
    longer, _ = preview(HEARD, undone)

    assert longer.duration_s - shorter.duration_s == pytest.approx(1.7)
    assert [word.text for word in words_of(words)] == ["So", "I", "went", "home.", "You", "know,", "late."]
    assert switch(undone, ["r4"], enabled=True) == edits
    with pytest.raises(InvalidInputError) as caught:
        switch(edits, ["r99"], enabled=True)
    assert caught.value.code == "shorts.unknown_removal"


def test_an_unknown_pace_is_refused() -> None:
    with pytest.raises(InvalidInputError) as caught:
        find_removals(HEARD, RemovalOptions(pace="wild"))

    assert caught.value.code == "shorts.unknown_pace"


@given(talks(), OPTIONS)
def test_no_cut_touches_a_word_that_stays_and_cuts_lie_apart(heard: Transcript, options: RemovalOptions) -> None:
    edits = find_removals(heard, options)
    gone = {name for removal in edits.removals for name in removal.word_ids}
    cuts = enabled_cuts(edits)

    for word in words_of(heard):
        if word.id not in gone:
            assert all(cut.end <= word.start + 0.0021 or cut.start >= word.end - 0.0021 for cut in cuts)
    assert all(0 <= cut.start < cut.end <= heard.duration_s + 0.001 for cut in cuts)
    assert all(before.end <= after.start for before, after in itertools.pairwise(cuts))


@given(talks(), OPTIONS)
def test_removed_words_are_gone_and_all_others_keep_their_length(heard: Transcript, options: RemovalOptions) -> None:
    edits = find_removals(heard, options)
    gone = {name for removal in edits.removals for name in removal.word_ids}
    left = {word.id: word.end - word.start for word in words_of(preview(heard, edits)[1])}

    whole = {word.id: word.end - word.start for word in words_of(heard) if word.id not in gone}
    assert left.keys() == whole.keys()
    assert all(left[name] == pytest.approx(whole[name], abs=0.0045) for name in whole)


@given(talks(), st.floats(-5, 120))
def test_snapped_times_lie_in_a_pause(heard: Transcript, time_s: float) -> None:
    words = words_of(heard)
    pauses = find_pauses(words, heard.duration_s)

    for snapped in (snap_in(time_s, pauses), snap_out(time_s, pauses)):
        assert not any(word.start + 0.0006 < snapped < word.end - 0.0006 for word in words)


def test_a_snap_beyond_its_reach_is_refused() -> None:
    pauses = find_pauses(words_of(HEARD), HEARD.duration_s)

    assert snap_in(4.99 + 0.2, pauses, reach_s=0.5) == 4.88
    assert snap_out(2.95, pauses, reach_s=0.5) == 3.25
    with pytest.raises(ValueError, match="nearest pause"):
        snap_out(5.55, find_pauses(words_of(HEARD), 7.0, shortest_s=1.0), reach_s=0.1)


def test_an_entry_is_plain_json() -> None:
    edits = find_removals(HEARD)

    assert type(edits).from_json(edits.to_json()) == edits
    assert isinstance(edits.removals[0], Removal)
