"""Crops that follow faces: calm within tested limits, to the letter where a person says so."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.contracts.shorts import CropKey, Face, FrameOverride, Framing, Sighting
from tasks.edits.framing import (
    MOST_ACCELERATION,
    MOST_SPEED,
    SWITCH_PAUSE_S,
    TICK_S,
    TICKS_A_KEY,
    Shape,
    crop_at,
    plan_framing,
)
from tasks.errors import InvalidInputError

WIDE = Fraction(16, 9)
UPRIGHT = Shape(WIDE, "9:16")
KEY_S = TICK_S * TICKS_A_KEY


def face(x: float, *, size: float = 0.2, y: float = 0.4) -> Face:
    """Return a face around a middle."""
    return Face(x - size / 4, y - size / 2, size / 2, size, 1.0)


def watch(*xs: float, step_s: float = 0.5, **more: float) -> list[Sighting]:
    """See one face at these places, one after the other."""
    return [Sighting(number * step_s, (face(x, **more),)) for number, x in enumerate(xs)]


def plan(sightings: list[Sighting], shape: Shape = UPRIGHT, *, end_s: float = 10.0, **more: object) -> Framing:
    """Frame the first seconds."""
    return plan_framing(sightings, shape, span=(0.0, end_s), **more)  # type: ignore[arg-type]


def test_a_crop_stands_on_a_face_that_stays_and_keeps_within_the_picture() -> None:
    scene = plan(watch(*[0.7, 0.71, 0.69] * 6)).scenes[0]
    edge = plan(watch(*[0.97] * 20)).scenes[0]

    assert (scene.source, scene.layout, scene.width, scene.height) == ("faces", "fill", 0.316406, 1.0)
    assert {(key.x, key.y) for key in scene.keys} == {(0.7, 0.5)}
    assert len(scene.keys) == 2
    assert edge.keys[0].x == pytest.approx(1 - 0.316406 / 2)


def test_a_crop_follows_a_face_that_walks_and_keeps_it_inside() -> None:
    sightings = watch(*[0.2 + 0.03 * n for n in range(20)])
    scene = plan(sightings).scenes[0]

    assert not any(key.jump for key in scene.keys)
    for sighting in sightings:
        middle = sighting.faces[0].x + sighting.faces[0].width / 2
        assert abs(crop_at(scene.keys, sighting.t)[0] - middle) < scene.width / 2


def test_a_larger_face_that_flickers_up_is_not_gone_to_but_one_that_stays_is_cut_to_once() -> None:
    steady = [Sighting(n * 0.25, (face(0.2),)) for n in range(40)]
    flicker = [Sighting(s.t, (*s.faces, face(0.8, size=0.4))) if n % 4 == 0 else s for n, s in enumerate(steady)]
    stays = [Sighting(s.t, (*s.faces, face(0.8, size=0.4))) if n >= 12 else s for n, s in enumerate(steady)]

    assert not any(key.jump for key in plan(flicker).scenes[0].keys)
    jumps = [key for key in plan(stays).scenes[0].keys if key.jump]
    assert [(key.t, key.x) for key in jumps] == [(pytest.approx(4.28, abs=0.05), 0.8)]


def test_without_faces_movement_is_followed_and_without_that_the_middle_is_shown() -> None:
    moving = [Sighting(n * 0.5, (), 0.8, 0.5, 0.6) for n in range(20)]

    assert plan(moving).scenes[0].source == "motion"
    assert plan(moving).scenes[0].keys[0].x == 0.8
    assert plan([]).scenes[0].keys == (CropKey(0.0, 0.5, 0.5), CropKey(10.0, 0.5, 0.5))


def test_each_scene_begins_with_its_own_subject() -> None:
    sightings = watch(*[0.2] * 10, *[0.8] * 10)

    scenes = plan(sightings, scene_cuts=[5.0]).scenes

    assert [(scene.start, scene.end, scene.keys[0].x) for scene in scenes] == [(0.0, 5.0, 0.2), (5.0, 10.0, 0.8)]


def test_a_manual_crop_is_kept_to_the_letter_and_only_where_it_is_said() -> None:
    scenes = plan(watch(*[0.7] * 20), overrides=[FrameOverride(2.0, 4.0, 0.3), FrameOverride(6.0, 7.0, layout="fit")])

    assert [(s.start, s.source, s.layout) for s in scenes.scenes] == [
        (0.0, "faces", "fill"), (2.0, "manual", "fill"), (4.0, "faces", "fill"), (6.0, "manual", "fit"),
        (7.0, "faces", "fill"),
    ]  # fmt: skip
    assert scenes.scenes[1].keys == (CropKey(2.0, 0.3, 0.5),)


def test_two_people_are_split_one_above_the_other_and_one_alone_is_filled() -> None:
    both = [Sighting(n * 0.5, (face(0.75), face(0.25))) for n in range(20)]
    shape = Shape(WIDE, "9:16", "split")

    split = plan(both, shape).scenes[0]

    assert (split.layout, split.keys[0].x, split.second[0].x) == (
        "split",
        pytest.approx(0.284766),
        pytest.approx(0.715234),
    )
    assert split.width / split.height * 16 / 9 == pytest.approx(9 / 8, rel=1e-4)
    assert plan(watch(*[0.5] * 20), shape).scenes[0].layout == "fill"


def test_an_unknown_aspect_is_refused() -> None:
    with pytest.raises(InvalidInputError) as caught:
        Shape(WIDE, "3:7")

    assert caught.value.code == "shorts.invalid_framing"


SIGHTINGS = st.lists(
    st.lists(st.builds(face, st.floats(0.05, 0.95), size=st.sampled_from([0.1, 0.2, 0.4])), max_size=3), max_size=60
).map(lambda seen: [Sighting(number * 0.25, tuple(faces)) for number, faces in enumerate(seen)])


@settings(deadline=None, max_examples=60)
@given(SIGHTINGS, st.sampled_from(["9:16", "1:1", "4:5"]), st.sampled_from(["fill", "split"]))
def test_no_path_is_faster_or_jerkier_than_the_limits_and_subjects_change_seldom(
    seen: list[Sighting], aspect: str, layout: str
) -> None:
    for scene in plan(seen, Shape(WIDE, aspect, layout), end_s=16.0).scenes:
        for keys in filter(None, (scene.keys, scene.second)):
            xs = [crop_at(keys, n * KEY_S)[0] for n in range(round(16 / KEY_S))]
            jumps = [round(key.t / KEY_S) for key in keys if key.jump]
            speeds = [(after - before) / KEY_S for before, after in itertools.pairwise(xs)]
            calm = [n for n in range(len(speeds)) if not any(abs(n - jump) <= 2 for jump in jumps)]
            assert all(abs(speeds[n]) <= MOST_SPEED + 1e-3 for n in calm)
            for one, two in itertools.pairwise(calm):
                if two == one + 1:
                    assert abs(speeds[two] - speeds[one]) / KEY_S <= MOST_ACCELERATION * 1.5
            times = [key.t for key in keys if key.jump]
            assert all(b - a >= SWITCH_PAUSE_S - TICK_S for a, b in itertools.pairwise(times))
            assert all(scene.width / 2 - 1e-4 <= key.x <= 1 - scene.width / 2 + 1e-4 for key in keys)
