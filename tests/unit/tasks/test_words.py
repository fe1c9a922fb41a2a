"""Repairing what an engine says about words."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.speech.engine import HeardSegment, HeardWord
from tasks.speech.whisperx import fill_times
from tasks.speech.words import SHORTEST_S, build_segments, glue_pieces, order_words, shift


def heard(*words: tuple[str, float, float]) -> HeardSegment:
    return HeardSegment(words[0][1], words[-1][2], tuple(HeardWord(t, s, e, 0.5) for t, s, e in words))


def test_pieces_are_glued_to_the_word_they_carry_on() -> None:
    segment = glue_pieces(heard((" light", 1.0, 1.2), ("-hearted", 1.2, 1.6), (" man", 1.6, 1.9)), language="en")

    assert [(w.text, w.start, w.end) for w in segment.words] == [("light-hearted", 1.0, 1.6), ("man", 1.6, 1.9)]


def test_glued_word_has_the_lower_score() -> None:
    pieces = HeardSegment(0, 1, (HeardWord(" a", 0, 0.5, 0.9), HeardWord("b", 0.5, 1, 0.4)))

    assert [w.score for w in glue_pieces(pieces, language="en").words] == [0.4]


def test_first_word_needs_no_space_and_empty_ones_vanish() -> None:
    segment = glue_pieces(heard(("Hello", 0, 1), (" ", 1, 1), (" world", 1, 2)), language="en")

    assert [w.text for w in segment.words] == ["Hello", "world"]


def test_languages_without_spaces_keep_their_words_apart() -> None:
    segment = glue_pieces(heard(("今日", 0, 1), ("は", 1, 2)), language="ja")

    assert [w.text for w in segment.words] == ["今日", "は"]
    assert build_segments([segment], language="ja", duration_s=2)[0].text == "今日は"


def test_zero_length_words_get_the_shortest_length() -> None:
    words = order_words([HeardWord("a", 1.0, 1.0, 1), HeardWord("b", 2.0, 2.5, 1)], duration_s=10)

    assert [(w.start, w.end) for w in words] == [(1.0, 1.0 + SHORTEST_S), (2.0, 2.5)]


def test_an_overlap_ends_the_earlier_word_where_the_later_begins() -> None:
    words = order_words([HeardWord("a", 1.0, 2.0, 1), HeardWord("b", 1.5, 2.5, 1)], duration_s=10)

    assert [(w.start, w.end) for w in words] == [(1.0, 1.5), (1.5, 2.5)]


def test_words_beyond_the_end_are_moved_inside() -> None:
    words = order_words([HeardWord("a", 1.9, 1.95, 1), HeardWord("b", 2.4, 2.6, 1)], duration_s=2.0)

    assert [time for w in words for time in (w.start, w.end)] == pytest.approx([1.9, 1.95, 1.96, 2.0])


def test_words_out_of_order_are_pushed_forward() -> None:
    words = order_words([HeardWord("a", 5.0, 5.5, 1), HeardWord("b", 4.0, 4.2, 1)], duration_s=10)

    assert words[0].start == 5.0
    assert words[1].start == words[0].end == pytest.approx(5.0 + SHORTEST_S)


TIME = st.floats(0, 30, allow_nan=False)


@given(st.lists(st.tuples(TIME, TIME), max_size=40))
def test_whatever_the_engine_says_words_are_ordered_apart_and_inside(times: list[tuple[float, float]]) -> None:
    duration_s = 30.0

    words = order_words([HeardWord("w", start, end, 1) for start, end in times], duration_s=duration_s)

    assert len(words) == len(times)
    assert all(word.end - word.start > SHORTEST_S * 0.99 for word in words)
    assert all(a.end <= b.start + 1e-9 for a, b in itertools.pairwise(words))
    assert all(word.start >= -1e-9 and word.end <= duration_s + 1e-9 for word in words)


def test_segments_and_words_are_numbered_through_and_empty_segments_left_out() -> None:
    groups = [heard(("a", 0, 1), ("b", 1, 2)), HeardSegment(2, 3, ()), heard(("c", 3, 4))]

    segments = build_segments(groups, language="en", duration_s=5)

    assert [s.id for s in segments] == ["s00001", "s00002"]
    assert [w.id for s in segments for w in s.words] == ["w000001", "w000002", "w000003"]
    assert (segments[0].text, segments[0].start, segments[0].end) == ("a b", 0.0, 2.0)


def test_shift_moves_every_time() -> None:
    moved = shift(heard(("a", 1, 2)), 600.0)

    assert (moved.start, moved.end, moved.words[0].start, moved.words[0].end) == (601, 602, 601, 602)


def test_words_left_without_times_share_the_gap_they_stand_in() -> None:
    words = fill_times(
        [
            {"word": "in", "start": 0.0, "end": 0.2, "score": 0.9},
            {"word": "1859"},
            {"word": "we", "start": 1.0, "end": 1.2},
        ],
        start=0.0,
        end=2.0,
    )

    assert [(w.text, w.start, w.end) for w in words] == [("in", 0.0, 0.2), ("1859", 0.2, 1.0), ("we", 1.0, 1.2)]


def test_times_missing_at_both_ends_come_from_the_segment() -> None:
    words = fill_times(
        [{"word": "1"}, {"word": "two", "start": 1.0, "end": 2.0}, {"word": "3"}, {"word": "4"}], start=0.5, end=3.0
    )

    assert [(w.start, w.end) for w in words] == [(0.5, 1.0), (1.0, 2.0), (2.0, 2.5), (2.5, 3.0)]
