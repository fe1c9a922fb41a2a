"""What is said for what is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.speech.spell import guess_phones, speak


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("Hello,", "hello"),
        ("light-hearted", "light hearted"),
        ("don\u2019t", "don't"),
        ("7", "seven"),
        ("24", "twenty four"),
        ("300", "three hundred"),
        ("1,859", "one thousand eight hundred fifty nine"),
        ("1859", "eighteen fifty nine"),
        ("1905", "nineteen oh five"),
        ("1900", "nineteen hundred"),
        ("2005", "two thousand five"),
        ("2024", "twenty twenty four"),
        ("007", "zero zero seven"),
        ("3.14", "three point one four"),
        ("$20", "twenty dollars"),
        ("50%", "fifty percent"),
        ("2000000", "two million"),
        ("R&B", "r and b"),
        ("-", ""),
    ],
)
def test_figures_and_signs_are_words(written: str, spoken: str) -> None:
    assert " ".join(speak(written)) == spoken


def test_a_year_can_be_read_as_a_number() -> None:
    assert speak("1859", years=False) == ["one", "thousand", "eight", "hundred", "fifty", "nine"]


@given(st.text(max_size=20))
def test_whatever_is_written_is_spoken_in_plain_words(text: str) -> None:
    assert all(set(word) <= set("abcdefghijklmnopqrstuvwxyz'") and word for word in speak(text))


@pytest.mark.parametrize(
    ("word", "phones"), [("ship", "SH IH P"), ("reelyard", "R IY L IY AA R D"), ("kitten", "K IH T EH N"), ("'", "AH")]
)
def test_a_word_of_no_dictionary_gets_a_likely_sound(word: str, phones: str) -> None:
    assert guess_phones(word) == phones


@given(st.text("abcdefghijklmnopqrstuvwxyz'", min_size=1, max_size=30))
def test_every_word_has_a_sound(word: str) -> None:
    assert guess_phones(word).strip()
