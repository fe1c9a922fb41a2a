"""Texts and words: how words join into a text, and how a text with one span of time becomes words."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

from tasks.contracts import Segment, Transcript, Word
from tasks.scenario.text import SPACE, joins


def join_words(words: Sequence[Word], language: str | None = None) -> str:
    """Return the text of words in order, with spaces where their scripts set them."""
    texts = [word.text for word in words]
    kinds = joins(texts, language)
    return "".join(
        (" " if number and kind == SPACE else "") + text
        for number, (text, kind) in enumerate(zip(texts, kinds, strict=True))
    )


def spread_text(
    texts: Sequence[str], start_s: float, end_s: float, *, ids: Iterable[str], speaker: str | None = None
) -> list[Word]:
    """Return words that share a span of seconds by their lengths, marked as estimated; none is of length zero."""
    total = sum(len(text) + 1 for text in texts)
    edges = list(itertools.accumulate((len(text) + 1 for text in texts), initial=0))
    times = [round(start_s + (end_s - start_s) * edge / total, 6) for edge in edges] if total else []
    return [
        Word(name, text, times[number], times[number + 1], 0.0, speaker, estimated=True)
        for number, (text, name) in enumerate(zip(texts, ids, strict=False))
    ]


def number_ids(prefix: str, taken: Iterable[str]) -> Iterator[str]:
    """Yield ids that nobody has: ``w1``, ``w2`` …"""
    used = set(taken)
    return (name for name in (f"{prefix}{number}" for number in itertools.count(1)) if name not in used)


def word_ids(transcript: Transcript) -> list[str]:
    """Return the ids of all words, in order."""
    return [word.id for segment in transcript.segments for word in segment.words]


def segment_of(
    name: str, words: Sequence[Word], *, speaker: str | None, placement: str | None = None, language: str | None = None
) -> Segment:
    """Return a segment that spans its words and says what they say."""
    start_s, end_s = words[0].start, max(word.end for word in words)
    return Segment(name, join_words(words, language), start_s, end_s, tuple(words), speaker, placement)
