"""Turning a person's edit into a new transcript: pure, so that every rule can be tested alone.

What the engine said about itself (engine, model, alignment, duration) is kept; texts, times and speakers are the
person's. Ids stay what they were; words and segments that come without one get the next free one.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tasks.contracts import Segment, Transcript, Word
from tasks.errors import InvalidInputError

ROUNDING_S = 0.001
"""Two times closer than this are the same: clients round to milliseconds."""

END_TOLERANCE_S = 0.05
"""How far a word may reach past the heard audio: the last packet is often counted differently."""

UNSPACED_LANGUAGES = frozenset({"zh", "ja", "th", "lo", "km", "my"})

Finding = dict[str, str]


def apply_edit(current: Transcript, language: str | None, segments: Sequence[Mapping[str, Any]]) -> Transcript:
    """Return the transcript with its content replaced; raise ``transcript.invalid`` with findings.

    :param segments: loaded by ``SegmentRequest``: each with ``words`` or, for text without word times, ``text``,
        ``start`` and ``end``.
    """
    findings = list(find_problems(segments, current.duration_s))
    if findings:
        count = f"{len(findings)} problem{'s' if len(findings) > 1 else ''}"
        raise InvalidInputError("transcript.invalid", f"The transcript has {count}", {"findings": findings})
    spoken = language or current.language
    segment_ids = _free_ids("s", (segment.get("id") for segment in segments))
    word_ids = _free_ids("w", (word.get("id") for segment in segments for word in segment["words"]))
    built = tuple(_build_segment(segment, spoken, segment_ids, word_ids) for segment in segments)
    probability = current.language_probability if spoken == current.language else 1.0
    return dataclasses.replace(current, language=spoken, language_probability=probability, segments=built)


def find_problems(segments: Sequence[Mapping[str, Any]], duration_s: float) -> Iterator[Finding]:
    """Yield one finding (JSON Pointer, message, code) for each rule that is broken."""
    yield from _find_repeated_ids(segments)
    latest_s = 0.0
    for index, segment in enumerate(segments):
        where = f"/document/segments/{index}"
        found = list(_find_in_segment(segment, where, duration_s))
        yield from found
        if found:
            continue
        start_s, end_s = span(segment)
        if start_s < latest_s - ROUNDING_S:
            yield _finding(where, "starts before the segment in front of it has ended", "time.order")
        latest_s = max(latest_s, end_s)


def span(segment: Mapping[str, Any]) -> tuple[float, float]:
    """Return start and end in seconds: those of the words where there are any."""
    words = segment["words"]
    if not words:
        return segment["start"], segment["end"]
    return words[0]["start"], max(word["end"] for word in words)


def _find_in_segment(segment: Mapping[str, Any], where: str, duration_s: float) -> Iterator[Finding]:
    words = segment["words"]
    if not words:
        if segment.get("start") is None or segment.get("end") is None or not (segment.get("text") or "").strip():
            yield _finding(where, "needs words, or text with start and end", "segment.empty")
            return
        yield from _find_in_times(segment, where, duration_s)
        return
    previous_s = 0.0
    for index, word in enumerate(words):
        at = f"{where}/words/{index}"
        yield from _find_in_times(word, at, duration_s)
        if not word["text"].strip():
            yield _finding(f"{at}/text", "must not be blank", "word.blank")
        if word["start"] < previous_s - ROUNDING_S:
            yield _finding(f"{at}/start", "is before the start of the word in front of it", "time.order")
        previous_s = word["start"]


def _find_in_times(item: Mapping[str, Any], where: str, duration_s: float) -> Iterator[Finding]:
    if item["end"] <= item["start"]:
        yield _finding(f"{where}/end", "must be after start", "time.reversed")
    if item["end"] > duration_s + END_TOLERANCE_S:
        yield _finding(f"{where}/end", f"is after the end of the media ({duration_s:g} s)", "time.outside")


def _find_repeated_ids(segments: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    seen: dict[str, set[str]] = {"segment": set(), "word": set()}
    for index, segment in enumerate(segments):
        where = f"/document/segments/{index}"
        named = [("segment", where, segment.get("id"))]
        named += [("word", f"{where}/words/{i}", word.get("id")) for i, word in enumerate(segment["words"])]
        for kind, at, name in named:
            if name and name in seen[kind]:
                yield _finding(f"{at}/id", f"names two {kind}s: {name}", "id.repeated")
            seen[kind].add(name or "")


def _finding(pointer: str, message: str, code: str) -> Finding:
    return {"pointer": pointer, "message": message, "code": code}


def _free_ids(prefix: str, taken: Iterator[str | None]) -> Iterator[str]:
    used = {name for name in taken if name}
    return (name for name in (f"{prefix}{number}" for number in itertools.count(1)) if name not in used)


def _build_segment(
    segment: Mapping[str, Any], language: str, segment_ids: Iterator[str], word_ids: Iterator[str]
) -> Segment:
    words = tuple(
        Word(
            id=word.get("id") or next(word_ids),
            text=word["text"].strip(),
            start=word["start"],
            end=word["end"],
            score=word["score"],
            speaker=word.get("speaker"),
            estimated=word.get("estimated", False),
        )
        for word in segment["words"]
    )
    start_s, end_s = span(segment)
    return Segment(
        id=segment.get("id") or next(segment_ids),
        text=join_text(words, segment.get("text") or "", language),
        start=start_s,
        end=end_s,
        words=words,
        speaker=segment.get("speaker"),
        placement=segment.get("placement"),
    )


def join_text(words: Sequence[Word], given: str, language: str) -> str:
    """Return a segment's text: the given one while it says what the words say, else the words joined."""
    if not words:
        return given.strip()
    if "".join(given.split()) == "".join("".join(word.text.split()) for word in words):
        return given.strip()
    return ("" if language in UNSPACED_LANGUAGES else " ").join(word.text for word in words)
