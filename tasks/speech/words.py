"""Repairing what engines say about words: pieces glued, times ordered, nothing of length zero. Pure."""

from __future__ import annotations

from dataclasses import replace

from tasks.contracts import Segment, Word
from tasks.speech.engine import HeardSegment, HeardWord

SHORTEST_S = 0.04
"""A word shorter than this cannot be seen highlighted; one frame at 25 per second."""

_UNSPACED = frozenset({"zh", "ja", "th", "lo", "my", "yue"})


def glue_pieces(segment: HeardSegment, *, language: str) -> HeardSegment:
    """Join pieces that carry on a word (``" light"`` + ``"-hearted"``) and drop empty ones.

    Languages written without spaces have words that look like pieces; there each stays by itself.
    """
    glued: list[HeardWord] = []
    for word in segment.words:
        text = word.text.strip()
        if not text:
            continue
        carries_on = not word.text[0].isspace() and language not in _UNSPACED
        if glued and carries_on:
            last = glued[-1]
            glued[-1] = replace(
                last, text=last.text + text, end=max(last.end, word.end), score=min(last.score, word.score)
            )
        else:
            glued.append(replace(word, text=text))
    return replace(segment, words=tuple(glued))


def shift(segment: HeardSegment, offset_s: float) -> HeardSegment:
    """Move a segment in time."""
    words = tuple(replace(word, start=word.start + offset_s, end=word.end + offset_s) for word in segment.words)
    return HeardSegment(segment.start + offset_s, segment.end + offset_s, words)


def build_segments(heard: list[HeardSegment], *, language: str, duration_s: float) -> tuple[Segment, ...]:
    """Return segments with stable ids whose words are in order, apart, and at least SHORTEST_S long."""
    groups = [group for group in heard if group.words]
    words = order_words([word for group in groups for word in group.words], duration_s=duration_s)
    joiner = "" if language in _UNSPACED else " "
    segments, taken = [], 0
    for number, group in enumerate(groups, 1):
        numbered = tuple(
            _numbered(index, word) for index, word in enumerate(words[taken : taken + len(group.words)], taken + 1)
        )
        taken += len(group.words)
        text = joiner.join(word.text for word in numbered)
        speaker = numbered[0].speaker
        segments.append(Segment(f"s{number:05d}", text, numbered[0].start, numbered[-1].end, numbered, speaker))
    return tuple(segments)


def _numbered(index: int, word: HeardWord) -> Word:
    times = round(word.start, 3), round(word.end, 3)
    return Word(f"w{index:06d}", word.text, *times, round(word.score, 4), word.speaker)


def order_words(words: list[HeardWord], *, duration_s: float) -> list[HeardWord]:
    """Return the words with times that never run backwards or overlap, all within the media."""
    if not words:
        return []
    shortest_s = min(SHORTEST_S, duration_s / len(words))
    ordered: list[HeardWord] = []
    for word in words:
        start, end = max(0.0, word.start), word.end
        if ordered and start < ordered[-1].end:
            last = ordered[-1]
            ordered[-1] = replace(last, end=max(last.start + shortest_s, start))
            start = max(start, ordered[-1].end)
        ordered.append(replace(word, start=start, end=max(end, start + shortest_s)))
    return _push_back(ordered, duration_s=duration_s, shortest_s=shortest_s)


def _push_back(words: list[HeardWord], *, duration_s: float, shortest_s: float) -> list[HeardWord]:
    """Keep the last words inside the media, moving those before them only as far as needed."""
    limit, moved = duration_s, []
    for word in reversed(words):
        end = min(word.end, limit)
        start = min(word.start, end - shortest_s)
        moved.append(replace(word, start=max(0.0, start), end=end))
        limit = start
    return moved[::-1]
