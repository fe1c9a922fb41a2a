"""Which face draws which part of a text: the style's own, then those that ``data/chains.json`` names for its script.

Nothing else is ever used: a part that none of them draws is missing. Latin, Greek and Cyrillic letters have no
substitute on purpose, since a caption half in another typeface is a mistake that nobody asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from tasks.fonts import shaping
from tasks.fonts.catalogue import FontFace, find_face, nearest_face
from tasks.scenario import Scenario, SceneCue, SceneWord, shown_text
from tasks.scenario.clusters import clusters, is_emoji
from tasks.scenario.text import han_language, script_of, scripts_of

DATA = Path(__file__).parent / "data" / "chains.json"
CHINESE = "Hani"
Faces = Sequence[FontFace] | None


@dataclass(frozen=True)
class Part:
    """A grapheme cluster and the face that draws it; None: no face of the chain does."""

    text: str
    face: FontFace | None
    script: str


@cache
def chains() -> dict[str, Any]:
    """Return the fallback chains as data: which families draw which script, for each kind of style family."""
    data: dict[str, Any] = json.loads(DATA.read_text(encoding="utf-8"))
    return data


def chain_for(
    style: dict[str, Any], text: str, *, context: str = "", language: str | None = None, faces: Faces = None
) -> list[str]:
    """Return the families that draw a text, the style's own first.

    :param context: the whole caption, by which Japanese and Chinese are told apart.
    :param faces: what there is to choose from; None: all that is installed.
    """
    parts = split_parts(style, text, context=context or text, language=language, faces=faces)
    used = (part.face.family for part in parts if part.face is not None)
    return list(dict.fromkeys((str(style["fontFamily"]), *used)))


def split_parts(
    style: dict[str, Any], text: str, *, context: str, language: str | None = None, faces: Faces = None
) -> list[Part]:
    """Return each grapheme cluster of a text with the face that draws it."""
    weight, slant = style["fontWeight"], style["fontStyle"]
    own = find_face(style["fontFamily"], weight=weight, style=slant, faces=faces)
    if own is not None and text.isascii() and own.characters.issuperset(map(ord, text)):
        return [Part(char, own, "") for char in text]
    found = []
    for cluster in clusters(text):
        script = next((script for char in cluster if (script := script_of(char))), "")
        named = _candidates(style["fontFamily"], cluster, script, context, language)
        others = (nearest_face(family, weight=weight, style=slant, faces=faces) for family in named)
        found.append(Part(cluster, _choose(own, others, cluster), script))
    return found


def _choose(own: FontFace | None, others: Iterator[FontFace | None], cluster: str) -> FontFace | None:
    if is_emoji(cluster):
        return next((face for face in others if face is not None and face.draws_as_one(cluster)), None)
    if own is not None and own.draws(cluster):
        return own
    return next((face for face in others if face is not None and face.draws(cluster)), None)


def _candidates(family: str, cluster: str, script: str, context: str, language: str | None) -> list[str]:
    if is_emoji(cluster):
        return [chains()["emoji"]]
    kind = chains()["styles"].get(family, "sans")
    scripts = [script] if script else [*scripts_of(context), ""]
    return [name for each in scripts for name in _of_script(kind, _by_language(each, context, language))]


def _by_language(script: str, context: str, language: str | None) -> str:
    """Chinese characters look different in each language that writes them."""
    return han_language(context, language) if script == CHINESE else script


def _of_script(kind: str, script: str) -> list[str]:
    own: list[str] | None = chains()["chains"][kind].get(script)
    if own is not None:
        return own
    parent = chains()["inherit"].get(kind)
    return _of_script(parent, script) if parent else []


def parts_of_word(word: SceneWord, cue: SceneCue, faces: Faces = None) -> list[Part]:
    """Return the parts of a word as shown, its emoji too."""
    context = " ".join(each.text for each in cue.words)
    return split_parts(word.style, shown_text(word) + word.emoji, context=context, language=cue.language, faces=faces)


def parts_of(scenario: Scenario, faces: Faces = None) -> Iterator[tuple[SceneCue, SceneWord, list[Part]]]:
    """Yield every word with its parts."""
    for cue in scenario.cues:
        for word in cue.words:
            yield cue, word, parts_of_word(word, cue, faces)


def dress(scenario: Scenario, faces: Faces = None) -> Scenario:
    """Return the scenario with every word's ``fonts`` filled in: the families that draw it, in order."""

    def dressed(cue: SceneCue, word: SceneWord) -> SceneWord:
        used = (part.face.family for part in parts_of_word(word, cue, faces) if part.face is not None)
        return replace(word, fonts=tuple(dict.fromkeys((word.style["fontFamily"], *used))))

    layers = tuple(
        replace(layer, words=tuple(dressed(layer, word) for word in layer.words))
        if isinstance(layer, SceneCue)
        else layer
        for layer in scenario.layers
    )
    return replace(scenario, layers=layers)


def drawn_texts(scenario: Scenario, faces: Faces = None) -> dict[FontFace, str]:
    """Return every face that a scenario is drawn with and the characters it draws, both in a fixed order."""
    found: dict[FontFace, set[str]] = {}
    for _, _, parts in parts_of(scenario, faces):
        for part in parts:
            if part.face is not None:
                found.setdefault(part.face, set()).update(part.text)
    order = sorted(found, key=lambda face: (str(face.path), face.index))
    return {face: "".join(sorted(found[face])) for face in order}


def subset_faces(faces: Sequence[FontFace], text: str) -> list[bytes]:
    """Return each face cut down to the characters of a text; the same characters give the same bytes."""
    wanted = "".join(sorted(set(text)))
    return [_cut(face, wanted) for face in faces]


def _cut(face: FontFace, text: str) -> bytes:
    if not face.may_subset:
        return face.path.read_bytes()
    return shaping.subset(face.path, face.index, text)


def describe_fonts(scenario: Scenario, faces: Faces = None) -> list[dict[str, Any]]:
    """Return the faces of a scenario as receipts name them, each with the scripts it draws."""
    scripts: dict[FontFace, set[str]] = {}
    for _, _, parts in parts_of(scenario, faces):
        for part in parts:
            if part.face is not None:
                scripts.setdefault(part.face, set()).add(part.script or "Zyyy")
    return [{**face.to_json(), "scripts": sorted(scripts[face])} for face in drawn_texts(scenario, faces)]
