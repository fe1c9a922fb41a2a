"""Faces that stand in for what a style asked for are told, once for each caption and face."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tasks.fonts import available_faces, find_substitutes
from tasks.scenario import parse
from tests.unit.scenario.scenes import cue, scene, word

STYLE = {"fontFamily": "Montserrat", "fontWeight": 800, "fontStyle": "italic"}


def found(text: str, **style: Any) -> list[dict[str, Any]]:
    said = cue(word(1, text, 0.1, 1.0), word(2, text, 1.0, 1.5), start=0, end=2)
    return list(find_substitutes(parse(scene(said, style={**STYLE, **style}))))


@pytest.mark.parametrize(
    ("text", "used"),
    [("مرحبا", "Noto Sans Arabic"), ("שלום", "Noto Sans Hebrew"), ("こんにちは", "Noto Sans CJK JP")],
)
def test_a_script_without_an_italic_is_told_once_with_what_was_asked_and_used(text: str, used: str) -> None:
    [told] = found(text)
    assert told["message"].endswith(f"is drawn in {used} 800 normal: it has no 800 italic")
    assert (told["code"], told["cue_id"], told["word_id"]) == ("font.substituted", "c1", "w1")
    assert (told["pointer"], told["suggestion"]) == ("/tracks/0/cues/0/words/0", "fontStyle normal")
    assert found(text, fontStyle="normal") == []


def test_a_weight_that_the_face_has_not_is_told_with_the_one_that_it_has() -> None:
    lettering = cue(word(1, "नमस्ते", 0.1, 1.0), start=0, end=2)
    others = [face for face in available_faces() if face.family != "Noto Sans Devanagari" or face.style == "normal"]
    thin = [replace(face, weight_max=400) if face.family == "Noto Sans Devanagari" else face for face in others]
    document = parse(scene(lettering, style={**STYLE, "fontStyle": "normal"}))
    [told] = find_substitutes(document, thin)
    assert told["message"].endswith("is drawn in Noto Sans Devanagari 400 normal: it has no 800 normal")
    assert told["suggestion"] == "fontWeight 400"


@pytest.mark.parametrize("text", ["Hello", "Hello \U0001f600", "Grüße"])
def test_what_the_own_font_draws_and_emoji_are_not_told(text: str) -> None:
    assert found(text) == []
