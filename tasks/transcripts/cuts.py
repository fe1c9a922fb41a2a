"""Trims and removed silences as an edit list: which stretches of the media are kept, and what becomes of its words.

Cuts never change a transcript that is stored: they are laid over it, so edits before and after a cut are the same.
"""

from __future__ import annotations

import bisect
import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tasks.contracts import Segment, Transcript, Word
from tasks.errors import InvalidInputError
from tasks.transcripts.words import segment_of

SHORTEST_S = 0.04
"""What is left of a word that a cut goes through must be at least one frame at 25 per second."""


@dataclass(frozen=True)
class Span:
    """A stretch of media in seconds."""

    start: float
    end: float


@dataclass(frozen=True)
class TimeMap:
    """Where each moment of the source is once the cuts are made; ``kept`` are in order and apart."""

    kept: tuple[Span, ...]

    @classmethod
    def of(cls, cuts: Iterable[Span], duration_s: float) -> TimeMap:
        """Return the map of a media from which these stretches are cut; they may touch, overlap and reach outside.

        Raises ``transcript.cut_invalid`` for a cut that does not end after its start.
        """
        kept, at_s = [], 0.0
        for cut in sorted(cuts, key=lambda span: (span.start, span.end)):
            if not cut.end > cut.start:
                raise InvalidInputError(
                    "transcript.cut_invalid", f"A cut at {cut.start:g} s does not end after it starts"
                )
            if cut.start > at_s:
                kept.append(Span(at_s, min(cut.start, duration_s)))
            at_s = max(at_s, cut.end)
        if at_s < duration_s:
            kept.append(Span(at_s, duration_s))
        return cls(tuple(span for span in kept if span.end > span.start))

    @property
    def duration_s(self) -> float:
        """Return how long what is kept lasts."""
        return sum(span.end - span.start for span in self.kept)

    def to_cut(self, time_s: float) -> float:
        """Return where a moment of the source is; one that is cut away is where its cut is."""
        passed_s = 0.0
        for span in self.kept:
            if time_s <= span.end:
                return passed_s + max(0.0, time_s - span.start)
            passed_s += span.end - span.start
        return passed_s

    def to_source(self, time_s: float) -> float:
        """Return the moment of the source that is seen at a time; at a cut: what comes after it."""
        passed_s = 0.0
        for span in self.kept:
            length_s = span.end - span.start
            if time_s < passed_s + length_s:
                return span.start + time_s - passed_s
            passed_s += length_s
        return self.kept[-1].end if self.kept else 0.0


def retime(transcript: Transcript, cuts: Sequence[Span]) -> Transcript:
    """Return the transcript of what is left: words that are cut away go, the others move; ids stay.

    A word that a cut goes through keeps its largest piece; less than one frame is nothing.
    """
    times = TimeMap.of(cuts, transcript.duration_s)
    segments = [kept for segment in transcript.segments if (kept := _cut_segment(segment, times, transcript.language))]
    return dataclasses.replace(transcript, segments=tuple(segments), duration_s=round(times.duration_s, 6))


def _cut_segment(segment: Segment, times: TimeMap, language: str) -> Segment | None:
    if not segment.words:
        span = _cut_span(segment.start, segment.end, times)
        return dataclasses.replace(segment, start=span.start, end=span.end) if span else None
    words = [kept for word in segment.words if (kept := _cut_word(word, times))]
    if not words:
        return None
    made = segment_of(segment.id, words, speaker=segment.speaker, placement=segment.placement, language=language)
    return dataclasses.replace(made, text=segment.text) if len(words) == len(segment.words) else made


def _cut_word(word: Word, times: TimeMap) -> Word | None:
    span = _cut_span(word.start, word.end, times)
    return dataclasses.replace(word, start=span.start, end=span.end) if span else None


def _cut_span(start_s: float, end_s: float, times: TimeMap) -> Span | None:
    """Return where the largest piece of a stretch is; a whole one keeps its length exactly."""
    first = bisect.bisect_right([span.end for span in times.kept], start_s)
    pieces = []
    for span in times.kept[first:]:
        if span.start >= end_s:
            break
        pieces.append(Span(max(start_s, span.start), min(end_s, span.end)))
    if not pieces:
        return None
    best = max(pieces, key=lambda piece: piece.end - piece.start)
    if best.end - best.start < min(SHORTEST_S, end_s - start_s) - 1e-9:
        return None
    at_s = round(times.to_cut(best.start), 6)
    return Span(at_s, round(at_s + best.end - best.start, 6))
