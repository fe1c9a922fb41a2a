"""Edits by operations, as pure functions."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.contracts import Segment, Transcript, Word
from tasks.errors import InvalidInputError
from tasks.transcripts.operations import apply_operations
from tasks.transcripts.retext import tokenise

A, B = "SPEAKER_00", "SPEAKER_01"
HEARD = Transcript(
    "en", 0.98, 10.0, "faster", "1.2", "tiny.en", "dtw",
    (
        Segment("s1", "It was", 0.5, 1.5, (Word("w1", "It", 0.5, 0.8, 0.9), Word("w2", "was", 0.8, 1.5, 0.8)), A),
        Segment("s2", "the best", 2.0, 3.0, (Word("w3", "the", 2.0, 2.4, 0.7), Word("w4", "best", 2.4, 3.0, 0.6)), B),
    ),
)  # fmt: skip


def edit(*operations: dict[str, Any]) -> Transcript:
    return apply_operations(HEARD, list(operations))[0]


def refused(*operations: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(InvalidInputError) as caught:
        edit(*operations)
    assert caught.value.code == "transcript.operation_invalid"
    [finding] = caught.value.extra["findings"]
    return finding["pointer"], finding["code"]


def said(transcript: Transcript) -> list[tuple[str, str]]:
    return [(segment.id, segment.text) for segment in transcript.segments]


def times(transcript: Transcript, row: int) -> list[tuple[str, float, float]]:
    return [(word.id, word.start, word.end) for word in transcript.segments[row].words]


def test_a_word_gets_another_text_and_keeps_its_id_and_times() -> None:
    edited = edit({"op": "set_text", "word": "w2", "text": "is"})

    assert said(edited) == [("s1", "It is"), ("s2", "the best")]
    assert edited.segments[0].words[1] == Word("w2", "is", 0.8, 1.5, 1.0)


def test_a_segment_gets_another_text_and_words_that_stay_keep_everything() -> None:
    edited = edit({"op": "set_text", "segment": "s2", "text": "the very best"})

    words = edited.segments[1].words
    assert [word.text for word in words] == ["the", "very", "best"]
    assert words[2] == HEARD.segments[1].words[1]
    assert [word.estimated for word in words] == [True, True, False]
    assert (words[0].start, words[1].end) == (2.0, 2.4)


def test_words_in_front_share_the_first_words_time() -> None:
    edited = edit({"op": "set_text", "segment": "s1", "text": "So It was"})

    assert [(w.text, w.estimated) for w in edited.segments[0].words] == [("So", True), ("It", True), ("was", False)]
    assert times(edited, 0) == [("w5", 0.5, 0.65), ("w1", 0.65, 0.8), ("w2", 0.8, 1.5)]


def test_an_inserted_word_takes_the_pause_or_the_times_it_is_given() -> None:
    given = edit({"op": "insert_word", "after": "w2", "text": "truly", "start": 1.6, "end": 1.9})
    shared = edit({"op": "insert_word", "before": "w3", "text": "of"})

    assert times(given, 0)[-1] == ("w5", 1.6, 1.9)
    assert given.segments[0].end == 1.9
    assert said(shared)[1] == ("s2", "of the best")
    assert times(shared, 1)[0][1] == 2.0


def test_deleting_every_word_of_a_segment_removes_it() -> None:
    assert said(edit({"op": "delete", "words": ["w1", "w2"]})) == [("s2", "the best")]
    assert said(edit({"op": "delete", "segment": "s2"})) == [("s1", "It was")]


def test_splitting_and_merging_go_back_and_forth() -> None:
    split = edit({"op": "split_segment", "before": "w2"})
    again = edit({"op": "split_segment", "before": "w2"}, {"op": "merge_segments", "segments": ["s1", "s3"]})

    assert [(s.id, s.text, s.speaker) for s in split.segments][:2] == [("s1", "It", A), ("s3", "was", A)]
    assert again == HEARD


def test_merging_two_speakers_segments_keeps_who_said_which_word() -> None:
    [segment] = edit({"op": "merge_segments", "segments": ["s1", "s2"]}).segments

    assert (segment.id, segment.text, segment.speaker) == ("s1", "It was the best", A)
    assert [word.speaker for word in segment.words] == [A, A, B, B]


def test_retiming_a_segment_scales_its_words() -> None:
    edited = edit({"op": "retime", "segment": "s2", "start": 4.0, "end": 6.0})

    assert times(edited, 1) == [("w3", 4.0, 4.8), ("w4", 4.8, 6.0)]


def test_speakers_are_assigned_renamed_and_merged() -> None:
    renamed = edit({"op": "rename_speaker", "speaker": A, "to": "Ann"})
    merged = edit({"op": "merge_speakers", "speakers": [A, B], "to": "Ann"})
    assigned = edit({"op": "set_speaker", "word": "w4", "speaker": "Bob"})

    assert [s.speaker for s in renamed.segments] == ["Ann", B]
    assert [s.speaker for s in merged.segments] == ["Ann", "Ann"]
    assert [w.speaker for w in assigned.segments[1].words] == [B, "Bob"]


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ({"op": "shout"}, "op.unknown"),
        ({"op": "set_text", "word": "w1"}, "op.shape"),
        ({"op": "set_text", "word": "w1", "segment": "s1", "text": "x"}, "op.shape"),
        ({"op": "set_text", "word": "w9", "text": "x"}, "op.word_unknown"),
        ({"op": "set_text", "word": "w1", "text": "  "}, "op.text_blank"),
        ({"op": "set_text", "words": ["w1", "w4"], "text": "x"}, "op.words_apart"),
        ({"op": "merge_segments", "segments": ["s2", "s1"]}, "op.segments_apart"),
        ({"op": "merge_segments", "segments": ["s1", "s7"]}, "op.segment_unknown"),
        ({"op": "retime", "word": "w1", "start": 0.8, "end": 0.8}, "op.time_reversed"),
        ({"op": "retime", "word": "w2", "start": 0.1, "end": 0.4}, "op.time_order"),
        ({"op": "retime", "segment": "s1", "start": 1.0, "end": 2.5}, "op.time_order"),
        ({"op": "retime", "segment": "s2", "start": 9.0, "end": 11.0}, "op.time_outside"),
        ({"op": "rename_speaker", "speaker": "Zoe", "to": "Ann"}, "op.speaker_unknown"),
        ({"op": "rename_speaker", "speaker": A, "to": B}, "op.speaker_taken"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name_and_nothing_is_done(operation: dict[str, Any], code: str) -> None:
    assert refused({"op": "delete", "word": "w1"} if code == "op.shape" else operation, operation)[1] == code


def test_the_finding_names_the_operation() -> None:
    assert refused({"op": "delete", "word": "w1"}, {"op": "delete", "word": "w1"}) == ("/ops/1", "op.word_unknown")


def test_languages_without_spaces_are_cut_into_characters() -> None:
    heard = Transcript("ja", 1.0, 5.0, "x", "1", "m", "dtw", (Segment("s1", "日本", 0.0, 1.0, (
        Word("w1", "日", 0.0, 0.5), Word("w2", "本", 0.5, 1.0))),))  # fmt: skip

    edited, _ = apply_operations(heard, [{"op": "set_text", "segment": "s1", "text": "日本語"}])

    assert edited.segments[0].text == "日本語"
    assert [word.text for word in edited.segments[0].words] == ["日", "本", "語"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't stop, (please)!", ["Don't", "stop,", "(please)!"]),
        ("「日本」です。", ["「日", "本」", "で", "す。"]),
        ("AI技術2024年", ["AI", "技", "術2024", "年"]),
    ],
)
def test_texts_are_cut_into_words_by_their_script(text: str, words: list[str]) -> None:
    assert tokenise(text) == words
