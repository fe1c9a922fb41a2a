"""Telling of faces that stand in: a script's own family has not every weight and slant that a style asks for."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.fonts.catalogue import FontFace, available_faces, find_face
from tasks.fonts.chains import Faces, Part, parts_of
from tasks.scenario import Scenario, SceneCue, SceneWord
from tasks.scenario.clusters import is_emoji
from tasks.scenario.quality import WARNING, Finding, make_finding

MOST_FAMILIES = 5
"""Fonts that a suggestion names."""
Asked = tuple[int, str]
"""Weight and slant."""


def find_substitutes(scenario: Scenario, faces: Faces = None) -> Iterator[Finding]:
    """Yield a finding for each caption and face in it that is not of the weight and slant asked for.

    A style's own font never stands in for itself: what it has not is refused before. Emoji have neither.

    :param scenario: one that was checked, :param faces: what there is to draw with; None: all that is installed.
    """
    known = available_faces() if faces is None else tuple(faces)
    told: set[tuple[str, FontFace, Asked]] = set()
    for cue, word, parts in parts_of(scenario, known):
        asked = (int(word.style["fontWeight"]), str(word.style["fontStyle"]))
        for part in parts:
            if part.face is None or is_emoji(part.text) or is_as_asked(part.face, asked):
                continue
            if (cue.pointer, part.face, asked) not in told:
                told.add((cue.pointer, part.face, asked))
                yield describe(cue, word, part, asked=asked, faces=known)


def is_as_asked(face: FontFace, asked: Asked) -> bool:
    """Tell whether a face has a weight and a slant."""
    weight, slant = asked
    return face.style == slant and face.weight_min <= weight <= face.weight_max


def describe(cue: SceneCue, word: SceneWord, part: Part, *, asked: Asked, faces: tuple[FontFace, ...]) -> Finding:
    """Say of a word which face was asked for, which one draws it, and what would be drawn as asked."""
    assert part.face is not None
    weight, slant = asked
    used = max(part.face.weight_min, min(weight, part.face.weight_max))
    return make_finding(
        "font.substituted",
        WARNING,
        cue,
        f"{part.text} is drawn in {part.face.family} {used} {part.face.style}: it has no {weight} {slant}",
        word_id=word.id,
        pointer=word.pointer,
        suggestion=suggest(word, part, used=used, asked=asked, faces=faces),
    )


def suggest(word: SceneWord, part: Part, *, used: int, asked: Asked, faces: tuple[FontFace, ...]) -> str | None:
    """Name a style that all of the word has, else fonts that have what was asked for; None when there is neither."""
    assert part.face is not None
    own = find_face(word.style["fontFamily"], weight=used, style=part.face.style, faces=faces)
    if own is not None:
        wishes = {"fontWeight": (asked[0], used), "fontStyle": (asked[1], part.face.style)}
        return " and ".join(f"{name} {has}" for name, (wanted, has) in wishes.items() if has != wanted)
    able = sorted({face.family for face in faces if is_as_asked(face, asked) and face.draws(part.text)})
    return f"these fonts have it: {', '.join(able[:MOST_FAMILIES])}" if able else None
