"""Words into cues, and cues that are hard to read."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.contracts import Segment, Transcript, Word
from tasks.transcripts.operations import apply_operations
from tasks.transcripts.paging import PagingRules, page_words
from tasks.transcripts.reading import check_reading


def spoken(text: str, *, word_s: float = 0.3, speaker: str | None = None, at: float = 0.0) -> list[Word]:
    return [
        Word(f"w{n}", token, round(at + n * word_s, 3), round(at + (n + 1) * word_s, 3), 1.0, speaker)
        for n, token in enumerate(text.split())
    ]


def texts(words: list[Word], language: str = "en", **rules: float) -> list[str]:
    return [page.text for page in page_words(words, PagingRules(**rules), language=language)]  # type: ignore[arg-type]


def test_cues_end_at_sentences_and_phrases_before_they_are_full() -> None:
    words = spoken("We went home. When the rain had stopped, we all went out again to see the river.")

    assert texts(words, max_characters=42) == [
        "We went home.",
        "When the rain had stopped,",
        "we all went out again to see the river.",
    ]


def test_a_long_pause_and_another_speaker_end_a_cue() -> None:
    words = [*spoken("one two", speaker="A"), *spoken("three", speaker="B", at=0.6), *spoken("four", speaker="B", at=3)]

    assert texts(words) == ["one two", "three", "four"]


def test_no_cue_has_more_words_than_asked() -> None:
    assert texts(spoken("a b c d e f g"), max_words=3) in (
        ["a b c", "d e f", "g"], ["a b c", "d e", "f g"], ["a b", "c d e", "f g"], ["a", "b c d", "e f g"],
        ["a b", "c d", "e f g"],
    )  # fmt: skip


def test_japanese_ends_between_phrases_and_never_before_a_mark() -> None:
    text = "今日は天気がいいですから、散歩しましょう。"
    words = [Word(f"w{n}", char, n / 10, (n + 1) / 10) for n, char in enumerate(text)]

    pages = texts(words, "ja", max_characters=30)

    assert "".join(pages) == text
    assert len(pages) > 1
    assert not any(page[0] in "、。" for page in pages)


def test_a_short_cue_stays_until_it_can_be_read_but_never_into_the_next() -> None:
    alone, first, second = [
        page_words(words, PagingRules(max_gap_s=0.2))
        for words in (spoken("Hi"), *[[*spoken("Hi"), *spoken("you", at=0.6)]] * 2)
    ]

    assert [(page.start, page.end) for page in alone] == [(0.0, 0.8)]
    assert [(page.start, page.end) for page in first] == [(0.0, 0.6), (0.6, 1.4)]
    assert first == second


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.text("abc.,", min_size=1, max_size=12), st.sampled_from([0.0, 0.1, 1.0])), max_size=40),
    st.integers(10, 60),
    st.integers(0, 5),
)
def test_every_word_is_in_one_cue_in_order_and_cues_fit(said: list[tuple[str, float]], most: int, words: int) -> None:
    at, spoken_words = 0.0, []
    for number, (text, gap) in enumerate(said):
        start, at = round(at + gap, 3), round(at + gap + 0.2, 3)
        spoken_words.append(Word(f"w{number}", text, start, at))
    rules = PagingRules(max_characters=most, max_words=words)

    pages = page_words(spoken_words, rules)

    assert [word for page in pages for word in page.words] == spoken_words
    assert all(len(page.text) <= most or len(page.words) == 1 for page in pages)
    assert all(not words or len(page.words) <= words for page in pages)
    assert all(page.end <= later.start for page, later in itertools.pairwise(pages))


def transcript(*lines: tuple[str, float, float]) -> Transcript:
    segments, count = [], 0
    for row, (text, start, end) in enumerate(lines, 1):
        tokens = text.split()
        step = (end - start) / len(tokens)
        words = []
        for n, token in enumerate(tokens):
            count += 1
            words.append(Word(f"w{count}", token, start + n * step, start + (n + 1) * step))
        segments.append(Segment(f"s{row}", text, start, end, tuple(words)))
    return Transcript("en", 1.0, 60.0, "x", "1", "m", "dtw", tuple(segments))


def test_what_is_hard_to_read_is_told_with_operations_that_mend_it() -> None:
    heard = transcript(
        ("This is said so very fast", 0.0, 1.0),
        ("ok", 5.0, 5.2),
        ("fine then", 8.0, 9.95),
        ("and next", 10.0, 12.0),
        ("word " * 19 + "word", 20.0, 26.0),
    )

    found = check_reading(heard, PagingRules())
    mended, _ = apply_operations(heard, [operation for finding in found for operation in finding["fix"]])

    assert [(finding["code"], finding["segment"]) for finding in found] == [
        ("cue.too_fast", "s1"),
        ("cue.too_short", "s2"),
        ("cue.flicker", "s3"),
        ("cue.too_long", "s5"),
    ]
    assert check_reading(mended, PagingRules()) == []


def test_a_cue_with_no_room_behind_it_is_told_without_a_fix() -> None:
    [finding] = check_reading(transcript(("far too many words", 0.0, 0.9), ("here", 0.9, 2.0)), PagingRules())

    assert (finding["code"], finding["fix"]) == ("cue.too_fast", [])
