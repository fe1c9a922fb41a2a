"""Whole documents that are sent back become operations where operations can say what changed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tasks.contracts import Segment, Transcript, Word
from tasks.transcripts.changes import derive_operations
from tasks.transcripts.operations import apply_operations
from tasks.transcripts.words import segment_of

WORDS = tuple(Word(f"w{n}", text, n * 1.0, n + 0.8, 0.5) for n, text in enumerate(["a", "b", "c", "d", "e", "f"]))
OLD = Transcript(
    "en", 1.0, 60.0, "x", "1", "m", "dtw",
    (segment_of("s1", WORDS[:3], speaker="A"), segment_of("s2", WORDS[3:], speaker="B")),
)  # fmt: skip


def states() -> dict[str, Transcript]:
    a, b, c, d, e, f = WORDS
    new = Word("w9", "new", 2.8, 2.95, 1.0)

    def built(*groups: tuple[str, list[Word]]) -> Transcript:
        segments = [segment_of(f"n{row}", words, speaker=who) for row, (who, words) in enumerate(groups)]
        return replace(OLD, segments=tuple(segments))

    return {
        "text": built(("A", [a, replace(b, text="B!"), c]), ("B", [d, e, f])),
        "delete": built(("A", [a, c]), ("B", [d, e, f])),
        "insert": built(("A", [a, b, c, new]), ("B", [d, e, f])),
        "retime": built(("A", [a, b, replace(c, end=2.9)]), ("B", [d, e, f])),
        "speaker": built(("A", [a, b, c]), ("Zoe", [d, e, f])),
        "split": built(("A", [a]), ("A", [b, c]), ("B", [d, e, f])),
        "move": built(("A", [a, b]), ("B", [replace(c, speaker="A"), d, e, f])),
    }


@pytest.mark.parametrize("name", states())
def test_a_change_is_said_in_operations_that_reach_it(name: str) -> None:
    new = states()[name]

    operations = derive_operations(OLD, new)

    assert operations
    assert "replace_all" not in [operation["op"] for operation in operations]
    reached = apply_operations(OLD, operations)[0]
    assert [segment.text for segment in reached.segments] == [segment.text for segment in new.segments]


def test_what_did_not_change_needs_no_operation() -> None:
    assert derive_operations(OLD, OLD) == []


def test_what_operations_cannot_say_is_kept_whole() -> None:
    other = replace(OLD, segments=(Segment("s1", "only text", 1.0, 5.0),))

    [operation] = derive_operations(OLD, other)

    assert operation["op"] == "replace_all"
    assert apply_operations(OLD, [operation])[0].segments == other.segments
