"""Who speaks: by whose mouth moves while a voice is heard, and nobody where that is not clear."""

from __future__ import annotations

import itertools
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from tasks.contracts import Segment, Transcript, Word
from tasks.contracts.shorts import Face, Framing, Sighting, Turn
from tasks.edits.framing import SWITCH_PAUSE_S, Shape, crop_at, plan_framing
from tasks.edits.speaking import turns_of

SHAPE = Shape(Fraction(16, 9), "9:16")
LEFT, RIGHT = 0.25, 0.75
TURNS = (Turn(0.0, 4.0, "A"), Turn(4.0, 8.0, "B"), Turn(8.0, 12.0, "A"))


def look(t: float, left: float, right: float) -> Sighting:
    """Return two faces whose mouths move so much."""
    size = {"y": 0.3, "width": 0.1, "height": 0.2}
    return Sighting(t, (Face(LEFT - 0.05, mouth=left, **size), Face(RIGHT - 0.05, mouth=right, **size)))


def talk(turns: tuple[Turn, ...], *, loud: float = 0.05, still: float = 0.01) -> list[Sighting]:
    """Return what is seen of A, who sits left, and B, who sits right."""
    seen = []
    for number in range(int(turns[-1].end * 2)):
        t = number / 2
        voice = next(turn.speaker for turn in turns if turn.start <= t < turn.end)
        seen.append(look(t, loud if voice == "A" else still, loud if voice == "B" else still))
    return seen


def frame(seen: list[Sighting], turns: tuple[Turn, ...]) -> Framing:
    return plan_framing(seen, SHAPE, span=(0.0, turns[-1].end), turns=turns)


def test_the_crop_goes_to_who_speaks_and_says_how_sure_that_is() -> None:
    [scene] = frame(talk(TURNS), TURNS).scenes

    places = [crop_at(scene.keys, t)[0] for t in (2.0, 6.0, 10.0)]

    assert (scene.source, [round(place, 2) for place in places]) == ("speaker", [LEFT, RIGHT, LEFT])
    assert scene.certainty is not None and scene.certainty > 0.9
    assert [key.t for key in scene.keys if key.jump] == [4.0, 8.0]


def test_where_no_mouth_is_clear_nobody_is_said_to_speak() -> None:
    [scene] = frame(talk(TURNS, loud=0.011), TURNS).scenes

    assert (scene.source, scene.certainty) == ("faces", None)


def test_a_weak_difference_is_shown_as_uncertain() -> None:
    [scene] = frame(talk(TURNS, loud=0.016), TURNS).scenes

    assert scene.source == "speaker"
    assert scene.certainty is not None and 0.2 < scene.certainty < 0.4


def test_one_voice_or_one_face_needs_no_telling() -> None:
    alone = (Turn(0.0, 8.0, "A"),)
    one = [Sighting(sighting.t, sighting.faces[:1]) for sighting in talk(TURNS)]

    assert frame(talk(alone), alone).scenes[0].source == "faces"
    assert frame(one, TURNS).scenes[0].source == "faces"


def test_a_short_word_between_does_not_move_the_crop() -> None:
    turns = (Turn(0.0, 4.0, "A"), Turn(4.0, 8.0, "B"), Turn(8.0, 8.5, "A"), Turn(8.5, 12.0, "B"))
    [scene] = frame(talk(turns), turns).scenes

    assert [key.t for key in scene.keys if key.jump] == [4.0]


@given(st.lists(st.tuples(st.sampled_from("AB"), st.floats(0.3, 5.0)), min_size=4, max_size=20))
def test_the_crop_changes_sides_no_sooner_than_every_two_seconds(parts: list[tuple[str, float]]) -> None:
    turns, at = [], 0.0
    for speaker, length_s in parts:
        turns.append(Turn(at, at + length_s, speaker))
        at += length_s
    [scene] = frame(talk(tuple(turns)), tuple(turns)).scenes

    jumps = [key.t for key in scene.keys if key.jump]

    assert all(b - a >= SWITCH_PAUSE_S - 0.05 for a, b in itertools.pairwise(jumps))


def test_turns_are_told_of_the_words_of_a_stretch() -> None:
    words = tuple(Word(f"w{n}", "x", n, n + 0.5, speaker="A" if n < 3 else "B") for n in range(6))
    heard = Transcript("en", 1.0, 6.0, "e", "1", "m", "dtw", (Segment("s", "x", 0, 5.5, words),))

    assert turns_of(heard, 1.0, 4.2) == (Turn(1, 2.5, "A"), Turn(3, 4.5, "B"))
