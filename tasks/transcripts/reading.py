"""Whether captions can be read in time, and what would mend those that cannot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tasks.contracts import Segment, Transcript, Word
from tasks.transcripts.operations import Operation
from tasks.transcripts.paging import PagingRules

MIN_GAP_S = 0.08
"""Two frames at 25 per second: cues closer than this, but not touching, flicker."""

ROUNDING_S = 0.001

Finding = dict[str, Any]


def check_reading(transcript: Transcript, rules: PagingRules) -> list[Finding]:
    """Return what is hard to read: code, segment, sentence, and ``fix``: operations that mend it, if any do."""
    return [
        finding
        for number, segment in enumerate(transcript.segments)
        for finding in _check(segment, transcript.segments[number + 1 :][:1], transcript, rules)
    ]


def _check(
    segment: Segment, following: Sequence[Segment], transcript: Transcript, rules: PagingRules
) -> Iterator[Finding]:
    length_s, characters = segment.end - segment.start, len(segment.text)
    limit_s = following[0].start if following else transcript.duration_s
    if characters > rules.max_characters or length_s > rules.max_duration_s:
        code = "cue.too_long" if characters > rules.max_characters else "cue.too_slow"
        told = (
            f"{characters} characters in {length_s:.1f} s; at most {rules.max_characters} in {rules.max_duration_s:g}"
        )
        yield _finding(code, segment, told, _split(segment))
    elif length_s < characters / rules.max_cps - ROUNDING_S:
        told = f"{characters / max(length_s, 0.001):.1f} characters a second; at most {rules.max_cps:g}"
        yield _finding("cue.too_fast", segment, told, _stretch(segment, characters / rules.max_cps, limit_s))
    elif length_s < rules.min_duration_s - ROUNDING_S:
        told = f"shown for {length_s:.2f} s; at least {rules.min_duration_s:g}"
        yield _finding("cue.too_short", segment, told, _stretch(segment, rules.min_duration_s, limit_s))
    if following and ROUNDING_S < limit_s - segment.end < MIN_GAP_S:
        told = f"{(limit_s - segment.end) * 1000:.0f} ms before the next; none, or at least {MIN_GAP_S * 1000:.0f}"
        yield _finding("cue.flicker", segment, told, _stretch(segment, limit_s - segment.start, limit_s))


def _finding(code: str, segment: Segment, message: str, fix: list[Operation]) -> Finding:
    return {"code": code, "segment": segment.id, "start": segment.start, "message": message, "fix": fix}


def _stretch(segment: Segment, wanted_s: float, limit_s: float) -> list[Operation]:
    """Let the last word stay; none where the next cue leaves no room."""
    end = round(min(segment.start + wanted_s, limit_s), 3)
    if end < segment.start + wanted_s - ROUNDING_S or end <= segment.end:
        return []
    if not segment.words:
        return [{"op": "retime", "segment": segment.id, "start": segment.start, "end": end}]
    last = segment.words[-1]
    return [{"op": "retime", "word": last.id, "start": last.start, "end": end}]


def _split(segment: Segment) -> list[Operation]:
    """Cut at the longest pause near the middle."""
    if len(segment.words) < 2:
        return []
    middle = (segment.start + segment.end) / 2

    def badness(pair: tuple[Word, Word]) -> float:
        left, right = pair
        return abs(right.start - middle) / (segment.end - segment.start) - (right.start - left.end)

    _, right = min(zip(segment.words, segment.words[1:], strict=False), key=badness)
    return [{"op": "split_segment", "before": right.id}]
