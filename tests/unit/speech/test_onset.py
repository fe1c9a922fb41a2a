"""Words leave pauses."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.speech.engine import HeardSegment, HeardWord
from tasks.speech.onset import snap_to_sound

RATE = 16_000


def sound(*loud: tuple[float, float], length_s: float = 4.0) -> np.ndarray:
    audio = np.random.default_rng(2).standard_normal(int(length_s * RATE)).astype(np.float32) * 1e-4
    for start_s, end_s in loud:
        count = int(end_s * RATE) - int(start_s * RATE)
        audio[int(start_s * RATE) : int(end_s * RATE)] = np.sin(np.arange(count) * 0.2, dtype=np.float32) * 0.3
    return audio


def segment(*times: tuple[float, float]) -> HeardSegment:
    return HeardSegment(times[0][0], times[-1][1], tuple(HeardWord("w", start, end, 0.5) for start, end in times))


def test_a_word_that_begins_in_a_pause_begins_with_its_sound() -> None:
    snapped = snap_to_sound(segment((0.7, 1.4), (1.5, 2.4)), sound((1.0, 1.4), (2.0, 2.3)))

    assert [(w.start, w.end) for w in snapped.words] == [(1.0, 1.4), (2.0, 2.3)]


def test_a_word_that_begins_in_sound_begins_a_little_later() -> None:
    """Cross-attention runs ahead of the voice."""
    snapped = snap_to_sound(segment((1.013, 1.4), (1.4, 1.45), (1.45, 1.46)), sound((0.5, 2.0)))

    assert [w.start for w in snapped.words] == pytest.approx([1.053, 1.41, 1.45])
    assert [w.end for w in snapped.words] == pytest.approx([1.4, 1.45, 1.49])


def test_a_word_without_any_sound_stays() -> None:
    words = segment((0.2, 0.4), (1.0, 1.4))

    assert snap_to_sound(words, sound((1.0, 1.4))).words[0] == words.words[0]


def test_silence_changes_nothing() -> None:
    words = segment((0.2, 0.4))

    assert snap_to_sound(words, np.zeros(RATE, np.float32)) == words
    assert snap_to_sound(words, np.zeros(0, np.float32)) == words
