"""Reading a scenario: everything wrong is found, named and placed; what is right is resolved."""

from __future__ import annotations

import copy
import json
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.errors import InvalidInputError
from tasks.scenario import motions, parse, presets, schema
from tasks.scenario.build import scale_lengths
from tests.unit.scenario.scenes import cue, scene, word

FIRST_CUE, FIRST_WORD = "/tracks/0/cues/0", "/tracks/0/cues/0/words/0"


def findings_of(document: Any) -> list[dict[str, Any]]:
    with pytest.raises(InvalidInputError) as refused:
        parse(document)
    assert refused.value.code == "scenario.invalid"
    return list(refused.value.extra["findings"])


def places_of(document: Any) -> list[tuple[str, str]]:
    return [(entry["pointer"], entry["code"]) for entry in findings_of(document)]


@pytest.mark.parametrize(
    ("document", "pointer", "suggestion"),
    [
        ({**scene(), "trakcs": []}, "/trakcs", "did you mean tracks?"),
        (scene(stile="x"), "/tracks/0/stile", "did you mean style?"),
        (scene(cue(zzzz=1)), f"{FIRST_CUE}/zzzz", None),
        (scene(cue(word(txt="x"))), f"{FIRST_WORD}/txt", "did you mean text?"),
        (scene(cue(word(style={"colour": "#000000"}))), f"{FIRST_WORD}/style/colour", "did you mean color?"),
        (scene(style={"fontsize": 5}), "/tracks/0/style/fontsize", "did you mean fontSize?"),
        (
            scene(style={"stroke": {"color": "#000000", "width": 1, "widht": 2}}),
            "/tracks/0/style/stroke/widht",
            "did you mean width?",
        ),
        ({**scene(), "styles": {"a": {"maxwidth": 1}}}, "/styles/a/maxwidth", "did you mean maxWidth?"),
    ],
)
def test_unknown_key_is_named_at_any_depth(document: Any, pointer: str, suggestion: str | None) -> None:
    (entry,) = findings_of(document)
    assert (entry["pointer"], entry["code"]) == (pointer, "scenario.unknown_key")
    assert entry["suggestion"] == (
        suggestion or "known keys: id, start, end, speaker, style, animation, words, language"
    )


@pytest.mark.parametrize("name", ["__proto__", "constructor", "prototype"])
def test_no_key_reaches_what_all_objects_of_javascript_share(name: str) -> None:
    evil = {"polluted": "yes"}
    documents = [
        {**scene(), name: evil},
        scene(**{name: evil}),
        scene(cue(**{name: evil})),
        scene(cue(word(**{name: evil}))),
        scene(cue(word(style={name: evil}))),
        {**scene(), "styles": {name: evil}},
    ]

    assert [
        any(pointer.endswith(name) or f"/{name}/" in pointer for pointer, _ in places_of(one)) for one in documents
    ] == ([True] * len(documents))


def test_pointer_escapes_slashes_and_tildes() -> None:
    (entry,) = findings_of({**scene(), "a/b~c": 1})
    assert entry["pointer"] == "/a~1b~0c"


@pytest.mark.parametrize("unreal", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_json_lacks_are_refused_wherever_they_are(unreal: float) -> None:
    document = scene(cue(word(start=unreal)), style={"shadow": [{"color": "#000000", "blur": unreal}]})
    assert sorted(places_of(document)) == [
        (f"{FIRST_WORD}/start", "scenario.not_a_number"),
        ("/tracks/0/style/shadow/0/blur", "scenario.not_a_number"),
    ]


@pytest.mark.parametrize(
    ("document", "pointer", "code"),
    [
        (scene(cue(start=2.0, end=1.0)), f"{FIRST_CUE}/end", "ends_before_start"),
        (scene(cue(start=1.0, end=1.0)), f"{FIRST_CUE}/end", "ends_before_start"),
        (scene(cue(word(start=0.5, end=0.4))), f"{FIRST_WORD}/end", "ends_before_start"),
        (scene(cue(word(start=1.5, end=2.1))), f"{FIRST_WORD}/end", "outside_cue"),
        (scene(cue(word(start=0.5), start=0.6)), f"{FIRST_WORD}/start", "out_of_order"),
        (scene(cue(word(1, start=0.5, end=0.6), word(2, start=0.4))), f"{FIRST_CUE}/words/1/start", "out_of_order"),
        (scene(cue(word(1), word(1, start=0.6, end=1))), f"{FIRST_CUE}/words/1/id", "duplicate_id"),
        (scene(cue(word(1)), cue(word(2), number=1)), "/tracks/0/cues/1/id", "duplicate_id"),
        (scene(cue(word(1)), cue(word(1), number=2)), "/tracks/0/cues/1/words/0/id", "duplicate_id"),
        (scene(cue(word(text="  "))), f"{FIRST_WORD}/text", "bad_text"),
        (scene(cue(word(text="a\nb"))), f"{FIRST_WORD}/text", "bad_text"),
        (scene(cue(word(text="\ud800"))), f"{FIRST_WORD}/text", "bad_text"),
        ({**scene(), "version": "2"}, "/version", "wrong_value"),
        ({**scene(), "canvas": {"width": 0, "height": 100}}, "/canvas/width", "wrong_value"),
        (scene(style={"color": "red"}), "/tracks/0/style/color", "wrong_value"),
        (scene(style=5), "/tracks/0/style", "wrong_value"),
        ({"version": "1", "tracks": []}, "", "missing_key"),
        (scene(cue(word(start=True))), f"{FIRST_WORD}/start", "wrong_value"),
        ([], "", "wrong_value"),
        (None, "", "wrong_value"),
        ("captions", "", "wrong_value"),
    ],
)
def test_each_mistake_is_refused_at_its_place(document: Any, pointer: str, code: str) -> None:
    assert places_of(document) == [(pointer, f"scenario.{code}")]


def test_unknown_style_name_suggests_the_nearest() -> None:
    (entry,) = findings_of({**scene(style="captoin"), "styles": {"caption": {}}})
    assert (entry["pointer"], entry["code"]) == ("/tracks/0/style", "scenario.unknown_style")
    assert entry["suggestion"] == "did you mean caption?"


@pytest.mark.parametrize(
    ("document", "pointer", "suggestion"),
    [
        (scene(style={"textTransform": "upercase"}), "/tracks/0/style/textTransform", "did you mean uppercase?"),
        (
            scene(animation={"activeWord": {"type": "karoke"}}),
            "/tracks/0/animation/activeWord/type",
            "did you mean karaoke?",
        ),
        (scene(style={"textAlign": "zzz"}), "/tracks/0/style/textAlign", None),
    ],
)
def test_wrong_choice_suggests_the_nearest(document: Any, pointer: str, suggestion: str | None) -> None:
    (entry,) = findings_of(document)
    assert (entry["pointer"], entry["suggestion"]) == (pointer, suggestion)


def test_everything_wrong_is_reported_at_once() -> None:
    document = scene(cue(word(1, text=" ", start=1.0, end=0.5)), cue(word(1), number=1, style="none"))
    assert places_of(document) == [
        (f"{FIRST_WORD}/text", "scenario.bad_text"),
        (f"{FIRST_WORD}/end", "scenario.ends_before_start"),
        ("/tracks/0/cues/1/id", "scenario.duplicate_id"),
        ("/tracks/0/cues/1/style", "scenario.unknown_style"),
        ("/tracks/0/cues/1/words/0/id", "scenario.duplicate_id"),
    ]


def test_long_lists_of_mistakes_are_counted_and_cut() -> None:
    with pytest.raises(InvalidInputError) as refused:
        parse(scene(cue(*(word(n, text=" ") for n in range(150)))))
    assert refused.value.extra["count"] == 150
    assert len(refused.value.extra["findings"]) == 100


def test_more_words_than_a_render_can_hold_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["tasks.scenario.check"], "MAX_WORDS", 1)
    assert places_of(scene()) == [("/tracks", "scenario.too_many_words")]


def test_styles_are_laid_over_each_other_from_track_to_word() -> None:
    document = scene(
        cue(
            word(1),
            word(2, start=0.5, end=1, style={"color": "#00FF00"}),
            style={"color": "#FF0000", "position": {"y": 0.2}},
        ),
        style="base",
    )
    document["styles"] = {"base": {"fontSize": 50, "color": "#0000FF", "stroke": {"color": "#111111", "width": 3}}}
    (only,) = parse(document).cues
    plain, green = only.words
    assert (plain.style["color"], green.style["color"]) == ("#FF0000", "#00FF00")
    assert plain.style["stroke"] == {"color": "#111111", "width": 3}
    assert (plain.style["fontSize"], plain.style["fontFamily"]) == (50, "Montserrat")
    assert only.style["position"] == {"x": 0.5, "y": 0.2, "anchor": "center", "anchorX": "center"}
    assert green.pointer == f"{FIRST_CUE}/words/1"


def test_animation_of_a_cue_is_laid_over_its_tracks() -> None:
    document = scene(
        cue(animation={"activeWord": {"type": "pop", "scale": 1.3}}),
        animation={"activeWord": {"type": "pop", "color": "#010203"}},
    )
    (only,) = parse(document).cues
    active = only.animation["active"]
    assert (active["color"], active["scale"], active["duration"]) == ("#010203", 1.3, 0.2)
    assert only.animation["enter"]["keyframes"] == []


def test_another_motion_takes_nothing_from_the_one_below() -> None:
    document = scene(
        cue(animation={"activeWord": {"type": "pop"}}),
        animation={"activeWord": {"type": "karaoke", "color": "#010203"}},
    )
    (only,) = parse(document).cues
    assert (only.animation["active"]["color"], only.animation["active"]["sweep"]) == ("#FFE14D", False)


def test_speakers_lie_between_track_and_cue() -> None:
    document = scene(
        cue(word(1), speaker="A"),
        cue(word(2, start=2, end=3), number=2, start=2, end=3, speaker="A", style={"color": "#00FF00"}),
        cue(word(3, start=3, end=4), number=3, start=3, end=4, speaker="B"),
        style={"color": "#FF0000", "fontSize": 40},
    )
    document["speakers"] = {"A": {"style": {"color": "#0000FF"}, "animation": {"enter": {"type": "fade"}}}}
    cues = parse(document).cues
    assert [(one.style["color"], one.style["fontSize"]) for one in cues] == [
        ("#0000FF", 40),
        ("#00FF00", 40),
        ("#FF0000", 40),
    ]
    assert [len(one.animation["enter"]["keyframes"]) for one in cues] == [2, 2, 0]


def test_emphasis_marks_words_and_their_own_style_wins() -> None:
    document = scene(
        cue(
            word(1, emphasis=True),
            word(2, start=0.5, end=1, emphasis=True, style={"color": "#00FF00"}),
            word(3, start=1, end=1.5),
        ),
        style={"fontSize": 50, "color": "#111111"},
        animation={"emphasis": {"color": "#FF0000", "scale": 1.2}},
    )
    words = parse(document).cues[0].words
    assert [(each.style["color"], each.style["fontSize"]) for each in words] == [
        ("#FF0000", 60),
        ("#00FF00", 60),
        ("#111111", 50),
    ]


def test_word_may_have_a_motion_of_its_own() -> None:
    document = scene(cue(word(1), word(2, start=0.5, end=1, animation={"activeWord": {"type": "shake"}})))
    plain, shaken = parse(document).cues[0].words
    assert plain.active is None
    assert shaken.active is not None and shaken.active["type"] == "shake"


def test_pictures_and_bars_are_layers_in_their_tracks_order() -> None:
    document = scene()
    logo = {"id": "l", "start": 0, "end": 3, "image": "logo", "enter": {"type": "slide", "direction": "left"}}
    document["images"] = {"logo": {"source": "asset:1"}, "spare": {"source": "asset:2"}}
    document["tracks"].append({"id": "p", "type": "image", "items": [logo]})
    document["tracks"].insert(0, {"id": "bar", "type": "progress", "start": 0, "end": 9})
    parsed = parse(document)
    assert [type(layer).__name__ for layer in parsed.layers] == ["SceneLayer", "SceneCue", "SceneLayer"]
    assert parsed.layers[2].values["enter"]["direction"] == (-1, 0)  # type: ignore[union-attr]
    assert parsed.images == {"logo": "asset:1"}


def test_whole_numbers_written_as_fractions_become_whole() -> None:
    document = json.loads(json.dumps(scene()).replace("1080", "1080.0"))
    assert repr(parse(document).width) == "1080"


def test_input_stays_as_it_was() -> None:
    document = scene(cue(style={"stroke": {"color": "#000000", "width": 2}}))
    before = copy.deepcopy(document)
    parse(document)
    assert document == before


def test_what_is_handed_out_can_be_changed_without_harm() -> None:
    presets().clear()
    schema().clear()
    assert presets() and schema()["properties"]["version"] == {"const": "1"}


@pytest.mark.parametrize("name", [motion["name"] for motion in motions()])
def test_every_motion_is_a_valid_animation(name: str) -> None:
    (motion,) = [entry for entry in motions() if entry["name"] == name]
    assert parse(scene(animation=motion["animation"])).cues


def test_motions_and_looks_are_all_there() -> None:
    assert len({motion["name"] for motion in motions()}) >= 28
    assert len({preset["name"] for preset in presets()}) >= 10


@pytest.mark.parametrize("name", [preset["name"] for preset in presets()])
def test_every_preset_is_a_valid_look(name: str) -> None:
    (preset,) = [entry for entry in presets() if entry["name"] == name]
    document = scene(style=scale_lengths(preset["style"], 1080), animation=preset["animation"])
    assert parse(document).cues[0].style["fontFamily"] == preset["style"]["fontFamily"]


def test_deep_nesting_is_refused_like_any_mistake() -> None:
    deep: Any = []
    for _ in range(900):
        deep = [deep]
    assert ("/seed", "scenario.wrong_value") in places_of({**scene(), "seed": deep})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(value=JSON, spot=st.integers(0, 40))
def test_arbitrary_input_is_refused_or_read_but_never_breaks(value: Any, spot: int) -> None:
    full = scene(
        cue(word(style={"color": "#000000"}), style={"stroke": {"color": "#000000", "width": 1}}),
        animation={"activeWord": {"type": "pop"}, "enter": {"type": "fade"}},
    )
    document = replace_nth({**full, "styles": {"a": {"shadow": [{"color": "#000000"}]}}}, [spot], value)
    try:
        parse(document)
    except InvalidInputError as refused:
        assert refused.extra["findings"]


def replace_nth(node: Any, left: list[int], value: Any) -> Any:
    """Put a value in the place of the n-th node of a document."""
    left[0] -= 1
    if left[0] == -1:
        return value
    if isinstance(node, dict):
        return {key: replace_nth(inner, left, value) for key, inner in node.items()}
    return [replace_nth(inner, left, value) for inner in node] if isinstance(node, list) else node
