"""Caption files: what goes out comes back, and other libraries read the same."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace

import pysubs2
import pytest
import ttconv.imsc.reader
import webvtt
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.contracts import Segment, Transcript, Word
from tasks.errors import InvalidInputError
from tasks.transcripts.formats.ass import alignment_of, place_of, read_ass, write_ass
from tasks.transcripts.formats.cues import Notices
from tasks.transcripts.formats.plain import read_plain, write_plain
from tasks.transcripts.formats.srt import read_srt, write_srt
from tasks.transcripts.formats.ttml import read_ttml, write_ttml
from tasks.transcripts.formats.vtt import read_vtt, write_vtt
from tasks.transcripts.words import join_words

LETTERS = st.text("abcdefghijklmnopqrstuvwxyzÄéß&<>'.,!?-", min_size=1, max_size=8).filter(
    lambda text: any(char.isalpha() for char in text)
)
NAMES = st.sampled_from([None, "Ann", "Bob & Co", "SPEAKER_00"])
Reader = Callable[[str, str | None, Notices], tuple[Segment, ...]]


@st.composite
def transcripts(draw: st.DrawFn, step_ms: int = 1) -> Transcript:
    """Transcripts whose times are whole steps: words in order with pauses between, segments apart."""
    at, count, segments = 0, 0, []
    for row in range(draw(st.integers(1, 4))):
        words = []
        at += draw(st.integers(1, 90))
        for text in draw(st.lists(LETTERS, min_size=1, max_size=5)):
            start = at + draw(st.sampled_from([0, 0, 7]))
            at = start + draw(st.integers(4, 90))
            count += 1
            words.append(Word(f"w{count}", text, start * step_ms / 1000, at * step_ms / 1000, 1.0))
        speaker = draw(NAMES)
        words = [replace(word, speaker=speaker) for word in words]
        text = join_words(words, "en")
        segments.append(Segment(f"s{row + 1}", text, words[0].start, words[-1].end, tuple(words), speaker))
    return Transcript("en", 1.0, 3600.0, "faster", "1", "tiny", "dtw", tuple(segments))


def rounded(segments: tuple[Segment, ...]) -> list[object]:
    return [
        (s.text, s.speaker, [(w.id, w.text, round(w.start * 1000), round(w.end * 1000), w.speaker) for w in s.words])
        for s in segments
    ]


@settings(max_examples=60, deadline=None)
@given(transcripts())
def test_webvtt_brings_back_every_word_time_speaker_and_id(transcript: Transcript) -> None:
    read = read_vtt(write_vtt(transcript), "en", Notices())

    assert rounded(read) == rounded(transcript.segments)
    assert [segment.id for segment in read] == [segment.id for segment in transcript.segments]
    assert not any(word.estimated for segment in read for word in segment.words)


@settings(max_examples=60, deadline=None)
@given(transcripts())
def test_ttml_brings_back_every_word_time_speaker_and_id(transcript: Transcript) -> None:
    read = read_ttml(write_ttml(transcript), "en", Notices())

    assert rounded(read) == rounded(transcript.segments)
    assert [segment.id for segment in read] == [segment.id for segment in transcript.segments]


@settings(max_examples=60, deadline=None)
@given(transcripts(step_ms=10))
def test_ass_brings_back_every_word_time_in_hundredths(transcript: Transcript) -> None:
    assert rounded(read_ass(write_ass(transcript), "en", Notices())) == rounded(transcript.segments)


LOOKALIKES = {
    "<s >b": "&lt;s >b",
    "a <i>word</i>": "a &lt;i>word&lt;/i>",
    "{\\an8} up": "&#123;\\an8} up",
    "&lt; and &amp;": "&amp;lt; and &amp;amp;",
    "<b> &copy;": "&lt;b> &amp;copy;",
    "R&D": "R&D",
    "1 < 2 > 0": "1 < 2 > 0",
}


@pytest.mark.parametrize("text", LOOKALIKES)
def test_subrip_brings_back_what_looks_like_a_style_or_a_name(text: str) -> None:
    words = tuple(Word(f"w{n}", one, n * 0.1, n * 0.1 + 0.1) for n, one in enumerate(text.split()))
    told = Transcript("en", 1.0, 1.0, "e", "1", "m", "dtw", (Segment("s1", text, 0.0, words[-1].end, words),))

    written = write_srt(told)

    assert [segment.text for segment in read_srt(written, "en", Notices())] == [text]
    assert written.splitlines()[2] == LOOKALIKES[text]


@settings(max_examples=40, deadline=None)
@given(transcripts())
def test_subrip_brings_back_texts_and_cue_times_with_estimated_words(transcript: Transcript) -> None:
    read = read_srt(write_srt(transcript), "en", Notices())

    assert [(s.text, s.start, s.end) for s in read] == [(s.text, s.start, s.end) for s in transcript.segments]
    assert all(word.estimated for segment in read for word in segment.words)


@settings(max_examples=20, deadline=None)
@given(transcripts())
def test_plain_text_brings_back_the_lines(transcript: Transcript) -> None:
    notices = Notices()

    read = read_plain(write_plain(transcript), "en", notices, duration_s=60.0)

    assert [segment.text for segment in read] == [segment.text for segment in transcript.segments]
    assert notices.items[0]["line"] == 1


@settings(max_examples=20, deadline=None)
@given(transcripts())
def test_another_library_reads_our_webvtt(transcript: Transcript) -> None:
    read = webvtt.from_string(write_vtt(transcript))

    assert [(c.start_in_seconds, c.identifier) for c in read] == [(int(s.start), s.id) for s in transcript.segments]


@settings(max_examples=20, deadline=None)
@given(transcripts(step_ms=10))
def test_another_library_reads_our_ass_and_subrip(transcript: Transcript) -> None:
    ass = pysubs2.SSAFile.from_string(write_ass(transcript))
    srt = pysubs2.SSAFile.from_string(write_srt(transcript), format_="srt")

    wanted = [(round(s.start * 1000), round(s.end * 1000)) for s in transcript.segments]
    assert [(event.start, event.end) for event in ass] == wanted == [(event.start, event.end) for event in srt]
    assert [event.plaintext for event in ass] == [segment.text for segment in transcript.segments]


@settings(max_examples=10, deadline=None)
@given(transcripts())
def test_another_library_reads_our_ttml(transcript: Transcript) -> None:
    import xml.etree.ElementTree as ElementTree

    document = ttconv.imsc.reader.to_model(ElementTree.parse(io.StringIO(write_ttml(transcript))))

    assert document is not None
    paragraphs = [one for one in document.get_body().dfs_iterator() if type(one).__name__ == "P"]
    assert [float(one.get_begin()) for one in paragraphs] == [s.start for s in transcript.segments]


def test_we_read_ass_that_another_library_wrote() -> None:
    file = pysubs2.SSAFile()
    file.append(pysubs2.SSAEvent(start=1000, end=2000, text=r"{\k30}Hello {\k20}{\k50}world", name="Ann"))

    [segment] = read_ass(file.to_string("ass"), "en", Notices())

    assert [(w.text, w.start, w.end) for w in segment.words] == [("Hello", 1.0, 1.3), ("world", 1.5, 2.0)]
    assert segment.speaker == "Ann"


VTT = """WEBVTT - made by hand

STYLE
::cue { color: red }

NOTE nothing

intro
00:01.000 --> 00:03.000 line:10% align:start
<v Ann>Hello <00:01.500>there<00:02.000> <00:02.400>friend

00:03.500 --> 00:05.000
<v.loud Bob>No &amp; <i>yes</i>
"""


def test_webvtt_keeps_voices_settings_inline_times_and_pauses() -> None:
    notices = Notices()

    first, second = read_vtt(VTT, "en", notices)

    assert (first.id, first.speaker, first.placement) == ("intro", "Ann", "line:10% align:start")
    assert [(w.text, w.start, w.end, w.estimated) for w in first.words] == [
        ("Hello", 1.0, 1.5, True),
        ("there", 1.5, 2.0, False),
        ("friend", 2.4, 3.0, False),
    ]
    assert (second.text, second.speaker) == ("No & yes", "Bob")
    assert notices.items == [{"line": 3, "message": "STYLE blocks are not kept"}]
    again = write_vtt(Transcript("en", 1.0, 9.0, "x", "1", "m", "none", (first,)))
    assert "00:00:01.000 --> 00:00:03.000 line:10% align:start" in again


TTML = """<?xml version="1.0"?>
<tt xmlns="http://www.w3.org/ns/ttml" xmlns:ttp="http://www.w3.org/ns/ttml#parameter"
 ttp:frameRate="25" ttp:tickRate="1000">
<body begin="10s"><div><p begin="00:00:01:05" dur="2s">One<br/>two
<span begin="500t" end="900t">three</span></p></div></body>
</tt>
"""


def test_ttml_times_add_up_through_nested_elements_frames_and_ticks() -> None:
    [segment] = read_ttml(TTML, "en", Notices())

    assert [(w.text, round(w.start, 3), round(w.end, 3)) for w in segment.words][2] == ("three", 11.7, 12.1)
    assert (segment.text, segment.start) == ("One two three", 11.2)


def test_cues_that_overlap_give_way_to_the_next_and_say_so() -> None:
    notices = Notices()

    read = read_srt("1\n00:00:01,000 --> 00:00:04,000\none\n\n2\n00:00:03,000 --> 00:00:05,000\ntwo\n", "en", notices)

    assert [(s.start, s.end) for s in read] == [(1.0, 3.0), (3.0, 5.0)]
    assert notices.items == [{"line": 2, "message": "ends at 00:00:03.000 now: the next cue begins there"}]


BOMB = '<!DOCTYPE tt [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>\n<tt xmlns="http://www.w3.org/ns/ttml">&b;</tt>'
OUTSIDE = '<!DOCTYPE tt SYSTEM "file:///etc/passwd">\n<tt xmlns="http://www.w3.org/ns/ttml"/>'


@pytest.mark.parametrize(
    ("read", "text", "line"),
    [
        (read_srt, "1\n00:00:01,000 --> 00:00:02,000\nfine\n\n2\nno time\n", 5),
        (read_srt, "1\n00:00:01,000 --> 00:00:99,000\nbad\n", 2),
        (read_srt, "1\n00:00:02,000 --> 00:00:01,000\nreversed\n", 2),
        (read_vtt, "00:01.000 --> 00:02.000\nno header\n", 1),
        (read_vtt, "WEBVTT\n\n00:01.000 --> 00:02.000\n<00:09.000>late\n", 3),
        (read_vtt, "WEBVTT\n\n00:01.000 --> 00:02.000\nx\n<99:99.000>y\n", 5),
        (read_vtt, "WEBVTT\n\nname\nno arrow\n", 4),
        (read_ass, "hello", 1),
        (read_ass, "[Events]\nFormat: Layer, Start, End, Text\nDialogue: 0,0:00:01.00\n", 3),
        (read_ass, "[Events]\nFormat: Start, Text, End\n", 2),
        (read_ttml, "<tt xmlns='http://www.w3.org/ns/ttml'>\n<body>\n</tt>", 3),
        (read_ttml, "<tt xmlns='http://www.w3.org/ns/ttml'><body><div>\n<p begin='soon'>x</p></div></body></tt>", 2),
        (read_ttml, BOMB, 1),
        (read_ttml, OUTSIDE, 1),
        (read_ttml, "<a>" * 100, 1),
        (read_ttml, "", 1),
    ],
)
def test_a_bad_file_is_refused_with_the_line(read: Reader, text: str, line: int) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read(text, "en", Notices())

    assert (caught.value.code, caught.value.extra["line"]) == ("transcript.file_invalid", line)


@pytest.mark.parametrize("read", [read_srt, read_vtt, read_ass, read_ttml])
def test_a_file_of_millions_of_characters_is_not_read(read: Reader) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read("x" * 5_000_001, "en", Notices())

    assert caught.value.code == "transcript.file_too_large"


@settings(max_examples=80, deadline=None)
@given(st.text("<>:-.,0123456789[]{}\\nkvWEBVTTDialogue: EvntsFormatSarEdx\n ", max_size=300), st.integers(0, 3))
def test_no_text_makes_a_reader_fail_otherwise(text: str, which: int) -> None:
    head = ["", "WEBVTT\n\n", "[Events]\nDialogue: ", "<tt xmlns='http://www.w3.org/ns/ttml'>"][which]
    try:
        segments = [read_srt, read_vtt, read_ass, read_ttml][which](head + text, "en", Notices())
    except InvalidInputError as error:
        assert error.code == "transcript.file_invalid"
    else:
        assert all(word.end > word.start for segment in segments for word in segment.words)


@pytest.mark.parametrize("alignment", range(1, 10))
def test_alignments_of_ass_come_back_from_cue_settings(alignment: int) -> None:
    assert alignment_of(place_of(alignment)) == alignment


def test_a_language_without_spaces_keeps_its_words_in_webvtt() -> None:
    words = (Word("w1", "日本", 0.0, 0.5, 1.0), Word("w2", "語", 0.5, 1.0, 1.0))
    transcript = Transcript("ja", 1.0, 5.0, "x", "1", "m", "dtw", (Segment("s1", "日本語", 0.0, 1.0, words),))

    [segment] = read_vtt(write_vtt(transcript), "ja", Notices())

    assert (segment.text, [w.text for w in segment.words]) == ("日本語", ["日本", "語"])
    assert json.dumps(transcript.to_json())
