# ruff: noqa: RUF001  (full-width marks are what is tested)
"""Words become lines by the rules of their script."""

from __future__ import annotations

import pytest

from tasks.scenario.clusters import clusters, is_emoji
from tasks.scenario.text import direction_of, han_language, joins, may_split, phrase_model, script_of, scripts_of


def marked(words: str, language: str | None = None) -> str:
    """Return the words with what joins them: ``_`` a space, ``|`` where a line may begin, else nothing."""
    texts = words.split()
    marks = {"space": "_", "break": "|", "none": ""}
    kinds = joins(texts, language)
    assert kinds[0] == "space"
    return texts[0] + "".join(marks[kind] + text for kind, text in zip(kinds[1:], texts[1:], strict=True))


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("It was the best", "It_was_the_best"),
        ("Hello , world ! ( really )", "Hello,_world!_(really)"),
        ("مرحبا ، بالعالم ؟", "مرحبا،_بالعالم؟"),
        ("नमस्ते दुनिया ।", "नमस्ते_दुनिया।"),
        ("안녕하세요 세계 !", "안녕하세요_세계!"),
        ("안녕 大韓民國 만세", "안녕_大韓民國_만세"),
    ],
)
def test_scripts_with_spaces_keep_them_and_punctuation_attaches(words: str, wanted: str) -> None:
    assert marked(words) == wanted


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("今日 は とても 良い 天気 です ね 。", "今日は|とても|良い|天気ですね。"),
        ("今 日 は と て も 良 い 天 気 で す 。", "今日は|とても|良い|天気です。"),
        ("「 今日 」 は", "「今日」は"),
        ("私 は iPhone を 買った", "私は|iPhoneを|買った"),
        ("我们 的 目标 是 什么 ， 朋友 ？", "我们|的|目标|是|什么，|朋友？"),
        ("สวัสดี ครับ 3 คน", "สวัสดี|ครับ_3_คน"),
    ],
)
def test_scripts_without_spaces_break_between_phrases_only(words: str, wanted: str) -> None:
    assert marked(words) == wanted


@pytest.mark.parametrize("mark", list("。、」』ょッー々"))
def test_no_line_begins_with_a_mark_that_closes(mark: str) -> None:
    assert joins(["東京", mark + "東京"], "ja")[1] == "none"
    assert joins(["東京", mark], "ja")[1] == "none"


def test_no_line_ends_with_a_bracket_that_opens() -> None:
    assert joins(["東京「", "大阪"], "ja")[1] == "none"


def test_no_words_have_no_joins() -> None:
    assert joins([]) == []


@pytest.mark.parametrize(
    ("text", "language", "wanted"),
    [
        ("今天天气很好", None, "zh-hans"),
        ("今天天氣很好", None, "zh-hant"),
        ("今天", "zh-TW", "zh-hant"),
        ("今天", "zh-HK", "zh-hk"),
        ("今日", "ja", "ja"),
        ("今日は", "zh-CN", "ja"),
        ("大韓民國 만세", None, "ko"),
    ],
)
def test_chinese_characters_belong_to_a_language(text: str, language: str | None, wanted: str) -> None:
    assert han_language(text, language) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"), [("ภาษา", "th"), ("ひらがな", "ja"), ("hello", None), ("ພາສາ", None), ("漢字們", "zh-hant")]
)
def test_phrases_are_known_for_four_kinds_of_text(text: str, wanted: str | None) -> None:
    assert phrase_model(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("hello", "ltr"), ("שלום hello", "rtl"), ("123 مرحبا", "rtl"), ("hello שלום", "ltr"), ("123 !", "")],
)
def test_first_strong_character_decides_the_direction(text: str, wanted: str) -> None:
    assert direction_of(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("hello", True),
        ("привет", True),
        ("שלום", True),
        ("日本語", True),
        ("ภาษาไทย", True),
        ("नमन", True),
        ("नमस्ते", False),
        ("مرحبا", False),
        ("ܫܠܡܐ", False),
        ("ߒߞߏ", False),
        ("ភាសា", False),
        ("വാക്ക്", False),
    ],
)
def test_letters_that_are_written_joined_stay_together(text: str, wanted: bool) -> None:
    assert may_split(text) is wanted


@pytest.mark.parametrize(
    ("char", "wanted"),
    [("a", "Latn"), ("я", "Cyrl"), ("ω", "Grek"), ("ع", "Arab"), ("ש", "Hebr"), ("क", "Deva"), ("ক", "Beng"),
     ("த", "Taml"), ("ก", "Thai"), ("漢", "Hani"), ("か", "Hira"), ("カ", "Kana"), ("한", "Hang"), ("1", ""), (".", ""),
     ("😀", ""), ("\U000e0067", "")],
)  # fmt: skip
def test_letters_have_scripts(char: str, wanted: str) -> None:
    assert script_of(char) == wanted


def test_scripts_of_a_text_are_listed_in_their_order() -> None:
    assert scripts_of("שלום, hello 東京 abc") == ["Hebr", "Latn", "Hani"]


@pytest.mark.parametrize(
    "parts",
    [
        ["a", "e\u0301", "b"],
        ["👨‍👩‍👧‍👦", "🇺🇸", "🇩🇪", "1️⃣", "👍🏽", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "❤️"],
        ["न", "म", "स्ते"],
        ["क्ष", "त्रि", "य"],
        ["한", "글", "\u1112\u1161\u11ab"],
        ["กำ", "ลั", "ง"],
        ["த", "மி", "ழ்"],
        ["か", "が", "は\u3099"],
    ],
)
def test_clusters_are_what_people_call_a_character(parts: list[str]) -> None:
    assert clusters("".join(parts)) == parts


@pytest.mark.parametrize(
    ("cluster", "wanted"),
    [("😀", True), ("❤️", True), ("❤", False), ("❤︎", False), ("😀︎", False), ("1️⃣", True), ("1", False), ("🇺🇸", True),
     ("👩‍🚀", True), ("©", False), ("a", False), ("क्‍ष", False)],
)  # fmt: skip
def test_emoji_are_known_by_nature_or_by_selector(cluster: str, wanted: bool) -> None:
    assert is_emoji(cluster) is wanted
