# ruff: noqa: RUF001  (full-width marks are part of what is tested)
"""Which face draws which script: the chain as data, and nothing beyond it."""

from __future__ import annotations

import io
from typing import Any

import pytest
from fontTools.ttLib import TTFont

from tasks.errors import InvalidInputError
from tasks.fonts import (
    chain_for,
    check_scenario,
    describe_fonts,
    drawn_texts,
    dress,
    find_face,
    font_faces,
    nearest_face,
    subset_faces,
)
from tasks.fonts.chains import chains, split_parts
from tasks.scenario import parse
from tests.unit.scenario.scenes import cue, scene, word

STYLE = {"fontFamily": "Montserrat", "fontWeight": 800, "fontStyle": "normal"}
SERIF = {"fontFamily": "Noto Serif", "fontWeight": 700, "fontStyle": "normal"}
FAMILY = "👨‍👩‍👧‍👦"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("hello", []),
        ("Привет", []),
        ("مرحبا،", ["Noto Sans Arabic"]),
        ("שלום", ["Noto Sans Hebrew"]),
        ("नमस्ते।", ["Noto Sans Devanagari"]),
        ("ওহে", ["Noto Sans Bengali"]),
        ("வணக்கம்", ["Noto Sans Tamil"]),
        ("నమస్తే", ["Noto Sans Telugu"]),
        ("ನಮಸ್ತೆ", ["Noto Sans Kannada"]),
        ("നമസ്കാരം", ["Noto Sans Malayalam"]),
        ("નમસ્તે", ["Noto Sans Gujarati"]),
        ("ਸਤਿ", ["Noto Sans Gurmukhi"]),
        ("නම", ["Noto Sans Sinhala"]),
        ("สวัสดี", ["Noto Sans Thai"]),
        ("ສະບາຍ", ["Noto Sans Lao"]),
        ("ជំរាប", ["Noto Sans Khmer"]),
        ("မင်္ဂလာ", ["Noto Sans Myanmar"]),
        ("გამარჯობა", ["Noto Sans Georgian"]),
        ("բարև", ["Noto Sans Armenian"]),
        ("ሰላም", ["Noto Sans Ethiopic"]),
        ("안녕", ["Noto Sans CJK KR"]),
        ("今日は。", ["Noto Sans CJK JP"]),
        ("天气，", ["Noto Sans CJK SC"]),
        ("天氣，", ["Noto Sans CJK TC"]),
        ("wow" + FAMILY, ["Noto Color Emoji"]),
        ("♪", ["Noto Sans Symbols"]),
    ],
)
def test_each_script_is_drawn_by_the_family_that_the_chain_names(text: str, wanted: list[str]) -> None:
    assert chain_for(STYLE, text) == ["Montserrat", *wanted]


@pytest.mark.parametrize(
    ("text", "wanted"), [("مرحبا", "Amiri"), ("שלום", "Noto Serif Hebrew"), ("नमन", "Noto Sans Devanagari")]
)
def test_a_style_with_serifs_has_a_chain_of_its_own(text: str, wanted: str) -> None:
    assert chain_for(SERIF, text) == ["Noto Serif", wanted]


def test_whole_caption_and_its_language_decide_whose_characters_are_drawn() -> None:
    assert chain_for(STYLE, "東京", context="東京 は") == ["Montserrat", "Noto Sans CJK JP"]
    assert chain_for(STYLE, "東京", language="zh-HK") == ["Montserrat", "Noto Sans CJK HK"]


def test_every_family_of_every_chain_is_installed() -> None:
    named = {family for chain in chains()["chains"].values() for families in chain.values() for family in families}
    assert named | {chains()["emoji"]} <= {face.family for face in font_faces()}


def test_letters_of_the_own_alphabets_have_no_substitute() -> None:
    (part,) = split_parts({**STYLE, "fontFamily": "Poppins"}, "п", context="п")
    assert part.face is None


def test_an_emoji_of_several_people_is_one_glyph() -> None:
    (part,) = split_parts(STYLE, FAMILY, context=FAMILY)
    assert part.face is not None
    assert part.face.family == "Noto Color Emoji"
    assert part.face.draws_as_one(FAMILY)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("wow😀\u200d😀", "Noto Color Emoji has no picture for 😀\u200d😀 (U+1F600 U+200D U+1F600)"),
        ("\U00013000", "Montserrat has no glyph for \U00013000 (U+13000)"),
        ("\ue000", "Montserrat has no glyph for \ue000 (U+E000)"),
    ],
)
def test_what_no_face_draws_is_refused_with_its_place(text: str, shown: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        check_scenario(parse(scene(cue(word(1, "ok"), word(2, text, 0.5, 1.0)))))
    (found,) = refused.value.extra["findings"]
    assert (refused.value.code, found["message"]) == ("scenario.glyph_missing", shown)
    assert (found["cue_id"], found["word_id"], found["pointer"]) == ("c1", "w2", "/tracks/0/cues/0/words/1")


@pytest.mark.parametrize(
    ("family", "weight", "style", "wanted"),
    [
        ("Amiri", 800, "normal", ("normal", 700)),
        ("Amiri", 500, "normal", ("normal", 400)),
        ("Amiri", 300, "italic", ("italic", 400)),
        ("Noto Sans Thai", 900, "italic", ("normal", 100)),
        ("Noto Sans Bengali", 900, "normal", ("normal", 400)),
    ],
)
def test_a_substitute_comes_as_near_as_its_family_can(
    family: str, weight: int, style: str, wanted: tuple[str, int]
) -> None:
    face = nearest_face(family, weight=weight, style=style)
    assert face is not None
    assert (face.style, face.weight_min) == wanted


def test_scenario_is_dressed_with_the_families_of_each_word() -> None:
    plain = parse(scene(cue(word(1, "hi"), word(2, "שלום", 0.5, 1.0))))
    assert [each.fonts for each in dress(plain).cues[0].words] == [("Montserrat",), ("Montserrat", "Noto Sans Hebrew")]
    assert dress(plain).to_stage()["layers"][0]["words"][1]["fonts"] == ["Montserrat", "Noto Sans Hebrew"]


def test_receipt_names_each_face_with_its_scripts_and_hash() -> None:
    entries: list[dict[str, Any]] = describe_fonts(parse(scene(cue(word(1, "hi é"), word(2, "שלום,", 0.5, 1.0)))))
    told = {entry["family"]: (entry["scripts"], len(entry["sha256"])) for entry in entries}
    assert told == {"Montserrat": (["Latn", "Zyyy"], 64), "Noto Sans Hebrew": (["Hebr"], 64)}


def test_each_face_is_asked_for_what_it_draws_only() -> None:
    texts = drawn_texts(parse(scene(cue(word(1, "hi"), word(2, "שלום", 0.5, 1.0)))))
    assert {face.family: text for face, text in texts.items()} == {"Montserrat": "hi", "Noto Sans Hebrew": "ולםש"}


def test_large_fonts_are_cut_to_a_text_always_to_the_same_bytes() -> None:
    face = find_face("Noto Sans CJK JP", weight=700, style="normal")
    assert face is not None
    assert face.path.stat().st_size > 30_000_000
    (first,) = subset_faces([face], "今日は")
    assert subset_faces([face], "は日今今") == [first]
    assert len(first) < 20_000
    with TTFont(io.BytesIO(first)) as font:
        assert {ord(char) for char in "今日は"} <= set(font.getBestCmap())
        assert [axis.axisTag for axis in font["fvar"].axes] == ["wght"]


def test_a_cut_font_keeps_how_letters_join() -> None:
    face = find_face("Noto Sans Arabic", weight=700, style="normal")
    assert face is not None
    with TTFont(io.BytesIO(*subset_faces([face], "مرحبا"))) as font:
        features = {record.FeatureTag for record in font["GSUB"].table.FeatureList.FeatureRecord}
    assert {"init", "medi", "fina"} <= features
