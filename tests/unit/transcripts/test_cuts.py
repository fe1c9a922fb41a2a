"""Cuts as an edit list laid over a transcript."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.contracts import Segment, Transcript, Word
from tasks.errors import InvalidInputError
from tasks.transcripts.cuts import Span, TimeMap, retime
from tasks.transcripts.operations import apply_operations

WORDS = tuple(Word(f"w{i}", f"t{i}", float(i), i + 0.5, 0.9) for i in range(10))
HEARD = Transcript(
    "en", 1.0, 10.0, "faster", "1", "tiny", "dtw",
    (Segment("s1", "t0 t1 t2 t3 t4", 0.0, 4.5, WORDS[:5]), Segment("s2", "t5 t6 t7 t8 t9", 5.0, 9.5, WORDS[5:])),
)  # fmt: skip
SPANS = st.lists(
    st.tuples(st.integers(0, 110), st.integers(1, 40)).map(lambda pair: Span(pair[0] / 10, (pair[0] + pair[1]) / 10)),
    max_size=6,
)


def test_words_in_a_cut_go_and_those_behind_it_move_up() -> None:
    cut = retime(HEARD, [Span(0.9, 4.9)])

    assert [(s.id, s.text, s.start, s.end) for s in cut.segments] == [
        ("s1", "t0", 0.0, 0.5),
        ("s2", "t5 t6 t7 t8 t9", 1.0, 5.5),
    ]
    assert cut.duration_s == 6.0


def test_a_word_that_a_cut_goes_through_keeps_its_larger_piece_and_a_sliver_is_nothing() -> None:
    cut = retime(HEARD, [Span(0.3, 1.0), Span(2.02, 3.0)])

    assert [(w.id, w.start, w.end) for w in cut.segments[0].words][:3] == [
        ("w0", 0.0, 0.3),
        ("w1", 0.3, 0.8),
        ("w3", 1.32, 1.82),
    ]


def test_a_cut_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(InvalidInputError) as caught:
        retime(HEARD, [Span(2.0, 2.0)])

    assert caught.value.code == "transcript.cut_invalid"


@given(SPANS)
def test_what_is_cut_never_overlaps_and_keeps_its_order(cuts: list[Span]) -> None:
    cut = retime(HEARD, cuts)

    words = [word for segment in cut.segments for word in segment.words]
    assert all(before.end <= after.start + 1e-6 for before, after in itertools.pairwise(words))
    assert all(0 <= word.start < word.end <= cut.duration_s + 1e-6 for word in words)


@given(SPANS, st.integers(0, 100))
def test_times_go_to_the_source_and_back(cuts: list[Span], tenth: int) -> None:
    times = TimeMap.of(cuts, 10.0)
    at_s = times.duration_s * tenth / 101

    assert times.to_cut(times.to_source(at_s)) == pytest.approx(at_s)


@given(SPANS)
def test_an_edit_of_texts_is_the_same_before_and_after_cuts(cuts: list[Span]) -> None:
    kept = {word.id for segment in retime(HEARD, cuts).segments for word in segment.words}
    edit = [{"op": "set_text", "word": name, "text": name.upper()} for name in sorted(kept)]

    assert retime(apply_operations(HEARD, edit)[0], cuts).segments == tuple(
        apply_operations(retime(HEARD, cuts), edit)[0].segments
    )
