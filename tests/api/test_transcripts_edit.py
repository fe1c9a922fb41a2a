"""Edits of transcripts and their exports, as pure functions."""

from __future__ import annotations

from typing import Any

import pytest

from api.transcripts.edit import apply_edit
from tasks.contracts import Segment, Transcript, Word
from tasks.errors import InvalidInputError
from tasks.transcripts.formats.plain import write_plain
from tasks.transcripts.formats.srt import write_srt
from tasks.transcripts.formats.vtt import write_vtt

HEARD = Transcript(
    language="en",
    language_probability=0.98,
    duration_s=10.0,
    engine="faster",
    engine_version="1.2",
    model="tiny.en",
    alignment_method="dtw",
    segments=(
        Segment("s1", "It was", 0.5, 1.5, (Word("w1", "It", 0.5, 0.8, 0.9), Word("w2", "was", 0.8, 1.5, 0.8)), "A"),
        Segment("s2", "the best", 2.0, 3.0, (Word("w3", "the", 2.0, 2.4, 0.7), Word("w4", "best", 2.4, 3.0, 0.6))),
    ),
)


def word(text: str, start: float, end: float, **more: Any) -> dict[str, Any]:
    return {"text": text, "start": start, "end": end, "score": 1.0, **more}


def findings_of(segments: list[dict[str, Any]]) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInputError) as caught:
        apply_edit(HEARD, None, segments)
    assert caught.value.code == "transcript.invalid"
    return [(finding["pointer"], finding["code"]) for finding in caught.value.extra["findings"]]


def test_an_unchanged_document_stays_exactly_what_it_was() -> None:
    segments = HEARD.to_json()["segments"]

    assert apply_edit(HEARD, "en", segments) == HEARD


def test_an_edit_keeps_what_the_engine_said_about_itself() -> None:
    edited = apply_edit(HEARD, "fr", [{"words": [word("Oui", 1.0, 2.0)]}])

    assert (edited.engine, edited.engine_version, edited.model) == ("faster", "1.2", "tiny.en")
    assert (edited.alignment_method, edited.duration_s) == ("dtw", 10.0)
    assert (edited.language, edited.language_probability) == ("fr", 1.0)


def test_new_words_get_ids_that_nobody_has() -> None:
    edited = apply_edit(HEARD, None, [{"id": "s1", "words": [word("a", 1.0, 2.0, id="w1"), word("b", 2.0, 3.0)]}])

    assert [w.id for w in edited.segments[0].words] == ["w1", "w2"]


def test_a_segment_spans_its_words_and_stale_text_is_made_again() -> None:
    stale = {"text": "It was", "start": 0.0, "end": 9.0, "words": [word("It", 1.0, 2.0), word("is", 2.0, 3.5)]}

    segment = apply_edit(HEARD, None, [stale]).segments[0]

    assert (segment.start, segment.end, segment.text) == (1.0, 3.5, "It is")


def test_text_that_says_what_the_words_say_keeps_its_spaces() -> None:
    edited = apply_edit(HEARD, "zh", [{"text": "你好", "words": [word("你", 1.0, 2.0), word("好", 2.0, 3.0)]}])

    assert edited.segments[0].text == "你好"


def test_words_of_unspaced_languages_are_joined_without_spaces() -> None:
    edited = apply_edit(HEARD, "zh", [{"words": [word("你", 1.0, 2.0), word("好", 2.0, 3.0)]}])

    assert edited.segments[0].text == "你好"


def test_an_empty_transcript_is_fine() -> None:
    assert apply_edit(HEARD, None, []).segments == ()


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        ([{"words": [word("a", 2.0, 2.0)]}], [("/document/segments/0/words/0/end", "time.reversed")]),
        ([{"words": [word("a", 9.5, 10.2)]}], [("/document/segments/0/words/0/end", "time.outside")]),
        (
            [{"words": [word("a", 3.0, 4.0), word("b", 1.0, 2.0)]}],
            [("/document/segments/0/words/1/start", "time.order")],
        ),
        (
            [{"words": [word("a", 3.0, 4.0)]}, {"words": [word("b", 3.5, 5.0)]}],
            [("/document/segments/1", "time.order")],
        ),
        ([{"words": [word("  ", 1.0, 2.0)]}], [("/document/segments/0/words/0/text", "word.blank")]),
        ([{"words": [], "text": "hello"}], [("/document/segments/0", "segment.empty")]),
        (
            [{"words": [word("a", 1.0, 2.0, id="x"), word("b", 2.0, 3.0, id="x")]}],
            [("/document/segments/0/words/1/id", "id.repeated")],
        ),
    ],
    ids=["reversed", "outside", "unordered words", "overlapping segments", "blank", "empty segment", "repeated id"],
)
def test_each_broken_rule_is_found_where_it_is(segments: list[dict[str, Any]], expected: list[tuple[str, str]]) -> None:
    assert findings_of(segments) == expected


def test_all_problems_are_told_at_once() -> None:
    segments = [{"words": [word("a", 2.0, 1.0)]}, {"words": [word("", 3.0, 4.0)]}]

    assert [code for _, code in findings_of(segments)] == ["time.reversed", "word.blank"]


def test_subrip_numbers_cues_and_writes_commas() -> None:
    assert write_srt(HEARD) == (
        "1\n00:00:00,500 --> 00:00:01,500\nIt was\n\n2\n00:00:02,000 --> 00:00:03,000\nthe best\n"
    )


def test_webvtt_names_speakers_and_escapes_text() -> None:
    sharp = apply_edit(HEARD, None, [{"speaker": "A", "text": "a < b", "start": 1.0, "end": 2.0, "words": []}])

    assert write_vtt(sharp) == "WEBVTT\n\ns1\n00:00:01.000 --> 00:00:02.000\n<v A>a &lt; b\n"


def test_plain_text_has_one_line_per_segment() -> None:
    assert write_plain(HEARD) == "It was\nthe best\n"
