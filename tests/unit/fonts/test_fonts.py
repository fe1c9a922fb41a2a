"""Fonts and glyphs: what a scenario names must be there, and the refusal says where and what instead."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tasks.errors import InvalidInputError
from tasks.fonts import FontFace, catalogue, check_scenario, faces_of, find_face, subset_faces
from tasks.scenario import parse, presets
from tests.unit.scenario.scenes import cue, scene, word


def refusal(text: str = "hello", **style: Any) -> tuple[str, dict[str, Any]]:
    with pytest.raises(InvalidInputError) as refused:
        check_scenario(parse(scene(cue(word(1, "ok"), word(2, text, 0.5, 1.0)), style=style)))
    (*_, last) = refused.value.extra["findings"]
    return refused.value.code, last


def accept(text: str, **style: Any) -> None:
    check_scenario(parse(scene(cue(word(1, text)), style=style)))


def test_catalogue_names_every_family_with_hashes_of_its_files() -> None:
    families = {entry["family"]: entry["faces"] for entry in catalogue()}
    assert {"Anton", "Inter", "Montserrat", "Noto Sans", "Poppins", "Roboto"} <= families.keys()
    face = find_face("Montserrat", weight=800, style="normal")
    assert face is not None
    assert hashlib.sha256(face.path.read_bytes()).hexdigest() in {entry["sha256"] for entry in families["Montserrat"]}


@pytest.mark.parametrize("name", [preset["name"] for preset in presets()])
def test_fonts_of_every_preset_are_here(name: str) -> None:
    (style,) = [preset["style"] for preset in presets() if preset["name"] == name]
    assert find_face(style["fontFamily"], weight=style["fontWeight"], style="normal") is not None


def test_unknown_font_is_refused_with_the_nearest_and_its_place() -> None:
    code, finding = refusal(fontFamily="Monserat")
    assert code == "scenario.font_unknown"
    assert finding["suggestion"] == "did you mean Montserrat?"
    assert (finding["cue_id"], finding["word_id"]) == ("c1", "w2")
    assert finding["pointer"] == "/tracks/0/cues/0/words/1"


def test_font_like_no_other_is_refused_with_all_there_are() -> None:
    assert "Noto Sans" in refusal(fontFamily="Zzz")[1]["suggestion"]


def test_weight_that_a_font_lacks_is_refused_with_those_it_has() -> None:
    code, finding = refusal(fontFamily="Anton", fontWeight=700)
    assert (code, finding["suggestion"]) == ("scenario.font_unknown", "it has: normal 400-400")


@pytest.mark.parametrize(("family", "weight"), [("Montserrat", 100), ("Montserrat", 455), ("Poppins", 100)])
def test_weights_in_between_and_thin_ones_are_found(family: str, weight: int) -> None:
    assert find_face(family, weight=weight, style="normal") is not None


def test_missing_glyph_is_named_with_its_word_and_fonts_that_have_it() -> None:
    code, finding = refusal("привет", fontFamily="Poppins", fontWeight=700)
    assert code == "scenario.glyph_missing"
    assert "п (U+043F)" in finding["message"]
    assert (finding["cue_id"], finding["word_id"], finding["pointer"]) == ("c1", "w2", "/tracks/0/cues/0/words/1")
    assert "Noto Sans" in finding["suggestion"]


def test_capitals_count_when_the_style_shows_capitals(tmp_path: Path) -> None:
    small = cut_face(tmp_path, "Montserrat", "abcdefghijklmnopqrstuvwxyz")
    check_scenario(parse(scene(cue(word(1, "abc")))), [small])
    with pytest.raises(InvalidInputError, match=r"A \(U\+0041\), B \(U\+0042\), C \(U\+0043\)") as refused:
        check_scenario(parse(scene(cue(word(1, "abc")), style={"textTransform": "uppercase"})), [small])
    assert refused.value.code == "scenario.glyph_missing"


def cut_face(folder: Path, family: str, text: str) -> FontFace:
    """Return a face that has only the characters of a text."""
    face = find_face(family, weight=800, style="normal")
    assert face is not None
    path = folder / "cut.ttf"
    path.write_bytes(*subset_faces([face], text))
    return replace(face, path=path)


@pytest.mark.parametrize("text", ["café", "cafe\u0301", "soft\u00adhyphen", "zero\u200bwidth", "ﬁne", "¿qué?"])
def test_accents_in_either_form_and_invisible_marks_are_accepted(text: str) -> None:
    accept(text, fontFamily="Noto Sans", fontWeight=400)


def test_faces_are_listed_once_each_in_a_fixed_order() -> None:
    said = cue(word(1), word(2, style={"fontFamily": "Anton", "fontWeight": 400}), word(3))
    faces = faces_of(parse(scene(said)))
    assert [face.family for face in faces] == ["Anton", "Montserrat"]
