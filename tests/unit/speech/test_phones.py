"""Words of other languages in English sounds."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.speech.align import align_segment, can_align
from tasks.speech.engine import HeardSegment, HeardWord
from tasks.speech.phones import sound_out


@pytest.mark.parametrize(
    ("language", "word", "phones"),
    [
        ("it", "Perché,", "P EH R K EH"),
        ("it", "cambiasse", "K AA M B Y AA S EH"),
        ("it", "famiglia", "F AA M IY L Y AA"),
        ("it", "cielo", "CH IY EH L AO"),
        ("pt", "manhã", "M AA N Y AH N"),
        ("pt", "cedo", "S IY D AO"),
        ("es", "quince", "K IY N S EH"),
        ("es", "año", "AA N Y AO"),
        ("es", "—", ""),
    ],
)
def test_letters_become_the_nearest_sounds(language: str, word: str, phones: str) -> None:
    assert sound_out(word, language) == phones


def test_figures_of_other_languages_are_left_to_the_engine() -> None:
    words = (HeardWord("nel", 0.0, 0.4, 1.0), HeardWord("1859", 0.4, 1.0, 1.0))
    segment = HeardSegment(0.0, 1.0, words)

    assert can_align("it") and not can_align("ja")
    assert align_segment(segment, np.zeros(16000, np.float32), language="it") is None
