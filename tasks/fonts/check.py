"""Refusing a scenario whose fonts or glyphs are not there, before anything is spent on it."""

from __future__ import annotations

import difflib
import unicodedata
from typing import Any

from tasks.errors import InvalidInputError
from tasks.fonts.catalogue import FontFace, find_face, font_faces
from tasks.scenario import Scenario, SceneCue, SceneWord, shown_text

INVISIBLE = {0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2060, 0xFE0E, 0xFE0F, 0xAD, 0x20, 0xA0}
"""Characters that draw nothing of their own: joiners, marks of direction, variation selectors, spaces."""


def check_scenario(scenario: Scenario) -> None:
    """Raise InvalidInputError ``scenario.font_unknown`` or ``scenario.glyph_missing`` with findings.

    Each finding carries a pointer and the ids of cue and word.
    """
    unknown, missing = [], []
    for cue in scenario.cues:
        for word in cue.words:
            face = face_of(word)
            if face is None:
                unknown.append(describe_unknown(cue, word))
            elif lacking := missing_characters(word, face):
                missing.append(describe_missing(cue, word, face, lacking))
    refuse("scenario.font_unknown", unknown)
    refuse("scenario.glyph_missing", missing)


def faces_of(scenario: Scenario) -> list[FontFace]:
    """Return the faces that a checked scenario is drawn with, each once, in a fixed order."""
    found = {face for cue in scenario.cues for word in cue.words if (face := face_of(word)) is not None}
    return sorted(found, key=lambda face: str(face.path))


def face_of(word: SceneWord) -> FontFace | None:
    """Return the face of a word's style."""
    style = word.style
    return find_face(style["fontFamily"], weight=style["fontWeight"], style=style["fontStyle"])


def missing_characters(word: SceneWord, face: FontFace) -> list[str]:
    """Return the characters of a word that its face has no glyph for, composed or decomposed."""
    text = unicodedata.normalize("NFC", shown_text(word))
    return sorted({char for char in text if ord(char) not in INVISIBLE and not has_glyph(face, char)})


def has_glyph(face: FontFace, char: str) -> bool:
    """Tell whether a face draws a character, also from its parts as shapers do."""
    parts = unicodedata.normalize("NFD", char)
    return ord(char) in face.characters or (len(parts) > 1 and all(ord(part) in face.characters for part in parts))


def describe_unknown(cue: SceneCue, word: SceneWord) -> dict[str, Any]:
    """Say what is wrong with a style's font, and what comes near."""
    style = word.style
    family, weight, slant = style["fontFamily"], style["fontWeight"], style["fontStyle"]
    families = sorted({face.family for face in font_faces()})
    if family not in families:
        near = difflib.get_close_matches(family, families, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"fonts here: {', '.join(families)}"
        return finding(cue, word, f"there is no font {family}", hint)
    faces = [face for face in font_faces() if face.family == family]
    weights = ", ".join(f"{face.style} {face.weight_min}-{face.weight_max}" for face in faces)
    return finding(cue, word, f"{family} has no {slant} of weight {weight}", f"it has: {weights}")


def describe_missing(cue: SceneCue, word: SceneWord, face: FontFace, lacking: list[str]) -> dict[str, Any]:
    """Say which characters a font lacks, and which fonts have them all."""
    named = ", ".join(f"{char} (U+{ord(char):04X})" for char in lacking)
    able = sorted({other.family for other in font_faces() if all(has_glyph(other, char) for char in lacking)})
    hint = f"these fonts have them: {', '.join(able)}" if able else None
    return finding(cue, word, f"{face.family} has no glyph for {named}", hint)


def finding(cue: SceneCue, word: SceneWord, message: str, suggestion: str | None) -> dict[str, Any]:
    """Build one finding about a word."""
    return {
        "pointer": word.pointer,
        "cue_id": cue.id,
        "word_id": word.id,
        "message": message,
        "suggestion": suggestion,
    }


def refuse(code: str, findings: list[dict[str, Any]]) -> None:
    """Raise when there is something to say."""
    if findings:
        shown = [{**entry, "code": code} for entry in findings[:100]]
        raise InvalidInputError(code, f"In word {shown[0]['word_id']}: {shown[0]['message']}", {"findings": shown})
