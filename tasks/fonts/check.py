"""Refusing a scenario whose fonts or glyphs are not there, before anything is spent on it."""

from __future__ import annotations

import difflib
from typing import Any

from tasks.errors import InvalidInputError
from tasks.fonts.catalogue import FontFace, available_faces, find_face
from tasks.fonts.chains import Faces, Part, chain_for, chains, drawn_texts, parts_of
from tasks.scenario import Scenario, SceneCue, SceneWord
from tasks.scenario.clusters import is_emoji


def check_scenario(scenario: Scenario, faces: Faces = None) -> None:
    """Raise InvalidInputError ``scenario.font_unknown`` or ``scenario.glyph_missing`` with findings.

    Each finding carries a pointer and the ids of cue and word.

    :param faces: what there is to draw with; None: all that is installed.
    """
    known = available_faces() if faces is None else tuple(faces)
    unknown, missing = [], []
    for cue, word, parts in parts_of(scenario, known):
        if face_of(word, known) is None:
            unknown.append(describe_unknown(cue, word, known))
        elif lacking := missing_parts(parts):
            missing.append(describe_missing(cue, word, lacking, known))
    refuse("scenario.font_unknown", unknown)
    refuse("scenario.glyph_missing", missing)


def faces_of(scenario: Scenario, faces: Faces = None) -> list[FontFace]:
    """Return the faces that a checked scenario is drawn with, each once, in a fixed order."""
    return list(drawn_texts(scenario, faces))


def face_of(word: SceneWord, faces: Faces = None) -> FontFace | None:
    """Return the face of a word's style."""
    style = word.style
    return find_face(style["fontFamily"], weight=style["fontWeight"], style=style["fontStyle"], faces=faces)


def missing_parts(parts: list[Part]) -> list[str]:
    """Return the characters that no face of the chain draws, each once."""
    return sorted({part.text for part in parts if part.face is None})


def describe_unknown(cue: SceneCue, word: SceneWord, faces: tuple[FontFace, ...]) -> dict[str, Any]:
    """Say what is wrong with a style's font, and what comes near."""
    style = word.style
    family, weight, slant = style["fontFamily"], style["fontWeight"], style["fontStyle"]
    families = sorted({face.family for face in faces})
    if family not in families:
        near = difflib.get_close_matches(family, families, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"fonts here: {', '.join(families)}"
        return finding(cue, word, f"there is no font {family}", hint)
    own = [face for face in faces if face.family == family]
    weights = ", ".join(f"{face.style} {face.weight_min}-{face.weight_max}" for face in own)
    return finding(cue, word, f"{family} has no {slant} of weight {weight}", f"it has: {weights}")


def describe_missing(cue: SceneCue, word: SceneWord, lacking: list[str], faces: tuple[FontFace, ...]) -> dict[str, Any]:
    """Say which characters the chain lacks, and which fonts have them all."""
    named = ", ".join(f"{cluster} ({' '.join(f'U+{ord(char):04X}' for char in cluster)})" for cluster in lacking)
    chain = chain_for(word.style, word.text, faces=faces)
    if any(map(is_emoji, lacking)):
        return finding(cue, word, f"{chains()['emoji']} has no picture for {named}", None)
    able = sorted({face.family for face in faces if all(face.draws(cluster) for cluster in lacking)})
    hint = f"these fonts have them: {', '.join(able)}" if able else None
    return finding(cue, word, f"{' and '.join(chain)} {'have' if len(chain) > 1 else 'has'} no glyph for {named}", hint)


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
