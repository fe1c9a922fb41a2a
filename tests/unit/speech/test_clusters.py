"""Voices are grouped."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.speech.clusters import group_voices
from tasks.speech.diarize import Turn, name_speakers
from tasks.speech.engine import HeardSegment, HeardWord
from tests.der import error_rate


def voices(*order: int, spread: float = 0.02) -> np.ndarray:
    """Unit vectors around one axis per voice."""
    made = np.eye(256, dtype=np.float32)[list(order)]
    made = made + np.random.default_rng(3).standard_normal(made.shape).astype(np.float32) * spread
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), np.float32)


ORDER = [2] * 10 + [5] * 10 + [2] * 5 + [0] * 10
BY_APPEARANCE = [0] * 10 + [1] * 10 + [0] * 5 + [2] * 10


@pytest.mark.parametrize("count", [3, None])
def test_voices_are_numbered_in_order_of_appearance(count: int | None) -> None:
    assert group_voices(voices(*ORDER), count=count).tolist() == BY_APPEARANCE


def test_one_voice_is_one_group() -> None:
    assert set(group_voices(voices(*[4] * 30)).tolist()) == {0}


def test_many_windows_are_grouped_from_a_sample() -> None:
    order = ([1] * 700 + [6] * 700) * 2

    assert group_voices(voices(*order), count=2).tolist() == ([0] * 700 + [1] * 700) * 2


def test_a_single_stray_window_does_not_change_the_speaker() -> None:
    vectors = voices(*[1] * 10, *[6] * 10, spread=0.01)
    vectors[5] = (vectors[5] + vectors[15] * 1.04) / np.linalg.norm(vectors[5] + vectors[15] * 1.04)

    assert group_voices(vectors, count=2).tolist() == [0] * 10 + [1] * 10


@given(st.lists(st.integers(0, 7), max_size=40), st.none() | st.integers(1, 8))
def test_whatever_is_heard_gets_numbers_from_zero_without_gaps(order: list[int], count: int | None) -> None:
    labels = group_voices(voices(*order), count=count).tolist()

    assert len(labels) == len(order)
    assert list(dict.fromkeys(labels)) == list(range(len(set(labels))))
    assert count is None or len(set(labels)) <= count


def word(start: float, end: float) -> HeardWord:
    return HeardWord("w", start, end, 0.5)


def test_segments_are_cut_where_the_speaker_changes() -> None:
    segment = HeardSegment(0, 4, (word(0, 1), word(1, 2), word(2.1, 3), word(3, 4)))

    named = name_speakers([segment], [Turn(0, 2, "S1"), Turn(2, 4, "S2")])

    assert [[w.speaker for w in s.words] for s in named] == [["S1", "S1"], ["S2", "S2"]]
    assert [(s.start, s.end) for s in named] == [(0, 2), (2.1, 4)]


def test_a_single_word_between_two_of_another_voice_is_that_voices() -> None:
    segment = HeardSegment(0, 3, (word(0, 1), word(1.2, 1.4), word(2, 3)))

    named = name_speakers([segment], [Turn(0, 1.1, "S1"), Turn(1.1, 1.5, "S2"), Turn(1.5, 3, "S1")])

    assert [[w.speaker for w in s.words] for s in named] == [["S1", "S1", "S1"]]


def test_without_turns_nobody_is_named() -> None:
    segment = HeardSegment(0, 1, (word(0, 1),))

    assert name_speakers([segment], []) == [segment]


def test_error_rate_counts_missed_invented_and_confused_speech() -> None:
    known = [(0.0, 4.0, "a"), (4.0, 8.0, "b")]

    assert error_rate(known, [(0.0, 4.0, "y"), (4.0, 8.0, "x")], length_s=10) == 0.0
    assert error_rate(known, [(0.0, 4.0, "y")], length_s=10) == 0.5
    assert error_rate(known, [(0.0, 8.0, "y")], length_s=10) == 0.5
    assert error_rate(known, [(0.0, 4.0, "y"), (4.0, 10.0, "x")], length_s=10) == 0.25
