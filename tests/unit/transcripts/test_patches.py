"""Edits outlive the pass of the engine they were made on."""

from __future__ import annotations

from typing import Any

from tasks.contracts import Segment, Transcript, Word
from tasks.transcripts.patches import Patch, Rebased, rebase_patches, record_patches


def heard(*lines: tuple[str, str], prefix: str = "w", shift_s: float = 0.0) -> Transcript:
    """A pass that hears each line's words half a second apart."""
    segments, number = [], 0
    for row, (speaker, text) in enumerate(lines, 1):
        words = []
        for token in text.split():
            words.append(
                Word(f"{prefix}{number}", token, number / 2 + shift_s, number / 2 + 0.4 + shift_s, 0.9, speaker)
            )
            number += 1
        segments.append(Segment(f"{prefix}s{row}", text, words[0].start, words[-1].end, tuple(words), speaker))
    return Transcript("en", 1.0, 60.0, "faster", "1", "tiny", "dtw", tuple(segments))


FIRST = heard(("A", "we use real yard for the the videos"), ("B", "it is god"))


def carried(onto: Transcript, *operations: dict[str, Any]) -> Rebased:
    _, patches = record_patches(FIRST, list(operations))
    stored = [Patch.from_json(patch.to_json()) for patch in patches]
    return rebase_patches(onto, stored)


def texts(transcript: Transcript) -> list[str]:
    return [segment.text for segment in transcript.segments]


def test_a_corrected_word_stays_corrected_though_ids_and_times_moved() -> None:
    fresh = heard(("A", "we use real yard for the the videos"), ("B", "it is god"), prefix="x", shift_s=0.12)

    result = carried(fresh, {"op": "set_text", "word": "w10", "text": "good"})

    assert texts(result.transcript) == ["we use real yard for the the videos", "it is good"]
    assert result.conflicts == ()
    assert result.patches[0].op["words"] == ["x10"]


def test_a_word_that_is_now_heard_otherwise_is_found_by_its_place() -> None:
    fresh = heard(("A", "we use real yard for the the videos"), ("B", "it is gut"), prefix="x")

    result = carried(fresh, {"op": "set_text", "word": "w10", "text": "good"})

    assert texts(result.transcript)[1] == "it is good"


def test_of_words_that_repeat_the_same_one_is_removed() -> None:
    fresh = heard(("A", "we use real yard for the the videos"), ("B", "it is god"), prefix="x", shift_s=0.2)

    result = carried(fresh, {"op": "delete", "word": "w6"})

    assert [w.id for w in result.transcript.segments[0].words] == ["x0", "x1", "x2", "x3", "x4", "x5", "x7"]


def test_edits_on_edits_are_carried_in_order() -> None:
    operations = [
        {"op": "set_text", "words": ["w2", "w3"], "text": "Reelyard"},
        {"op": "set_text", "words": ["w4", "w5"], "text": "for all my"},
        {"op": "set_text", "word": "w11", "text": "our"},
        {"op": "split_segment", "before": "w7"},
    ]
    edited, patches = record_patches(FIRST, operations[:3])
    made = [name for patch in patches for name in patch.op.get("ids", [])]
    assert made == ["w11"]

    result = carried(
        heard(("A", "we use real yard for the the videos"), ("B", "it is god"), prefix="x"), *operations[:4]
    )

    assert result.conflicts == ()
    assert texts(result.transcript) == ["we use Reelyard for all our the", "videos", "it is god"]
    assert texts(edited) == ["we use Reelyard for all our the videos", "it is god"]


def test_what_is_not_there_any_more_is_a_conflict_and_is_tried_again_on_the_next_pass() -> None:
    shorter = heard(("A", "we use"), prefix="x")
    operation = {"op": "set_text", "word": "w10", "text": "good"}

    lost = carried(shorter, operation, {"op": "set_text", "word": "w0", "text": "You"})
    found = rebase_patches(heard(("A", "we use real yard for the the videos"), ("B", "it is god")), lost.patches)

    assert [patch.conflict for patch in lost.patches] == ["The word 'god' at 5.00 s is not in the new pass", None]
    assert texts(lost.transcript) == ["You use"]
    assert found.conflicts == ()
    assert texts(found.transcript) == ["You use real yard for the the videos", "it is good"]


def test_a_named_speaker_is_known_by_what_was_said_though_the_numbers_changed_sides() -> None:
    fresh = heard(("B", "we use real yard for the the videos"), ("A", "it is god"), prefix="x")

    result = carried(fresh, {"op": "rename_speaker", "speaker": "A", "to": "Ann"})

    assert [segment.speaker for segment in result.transcript.segments] == ["Ann", "A"]


def test_patches_made_after_a_pass_know_what_the_engine_heard_before_earlier_edits() -> None:
    edited, first = record_patches(FIRST, [{"op": "set_text", "word": "w10", "text": "good"}])
    _, second = record_patches(edited, [{"op": "retime", "word": "w10", "start": 5.1, "end": 5.6}], first)

    assert second[0].anchors[0].text == "god"
    result = rebase_patches(heard(("A", "it is god"), prefix="x", shift_s=4.0), [*first, *second])
    assert result.conflicts == ()
    [word] = [w for w in result.transcript.segments[0].words if w.text == "good"]
    assert (word.start, word.end) == (5.1, 5.6)
