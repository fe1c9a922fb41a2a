"""Reading MotionText documents: what they are, what is wrong in them and where."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.errors import InvalidInputError
from tasks.scenario import parse
from tasks.scenario.motiontext import convert, is_motiontext
from tests.unit.motiontext.documents import Json, cue, document, one_cue, text
from tests.unit.scenario.scenes import scene


def refusal(wrong: Json) -> list[tuple[str, str, str | None]]:
    with pytest.raises(InvalidInputError) as caught:
        convert(wrong)
    assert caught.value.code == "scenario.invalid"
    return [(each["pointer"], each["code"], each["suggestion"]) for each in caught.value.extra["findings"]]


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        (document(), True),
        ({**document(), "version": "1.3"}, True),
        ({**document(), "version": "1.2"}, False),
        (scene(), False),
        ({"version": "2.0"}, False),
        ([], False),
        (None, False),
    ],
)
def test_a_document_is_told_from_ours_by_version_and_cues(value: Any, answer: bool) -> None:
    assert is_motiontext(value) is answer


def test_what_comes_out_is_a_scenario_of_ours() -> None:
    conversion = convert(document(cue(text("a", "two words"), text("b", "more"))))

    scenario = parse(conversion.scenario)

    assert (scenario.width, scenario.height) == (1280, 720)
    assert [word.text for word in scenario.cues[0].words] == ["two", "words", "more"]
    assert conversion.unmapped == []


@pytest.mark.parametrize(
    ("change", "findings"),
    [
        ({"timebase": {"unit": "tc"}}, [("/timebase/unit", "scenario.wrong_value", None)]),
        ({"stage": {"baseAspect": "16:10"}}, [("/stage/baseAspect", "scenario.wrong_value", "did you mean 16:9?")]),
        ({"tracks": []}, [("/tracks", "scenario.wrong_value", None)]),
        ({"cues": [{**cue(), "track": "fre"}]}, [("/cues/0/track", "scenario.unknown_track", "did you mean free?")]),
        ({"cues": [cue(), cue(name="c1")]}, [("/cues/1/id", "scenario.duplicate_id", None)]),
        (
            {"cues": [cue(text("t", "x", displayTime=[3, 1]))]},
            [("/cues/0/root/children/0/displayTime", "scenario.ends_before_start", None)],
        ),
        (
            {"cues": [cue(text("t", "x"), text("t", "y"))]},
            [("/cues/0/root/children/1/id", "scenario.duplicate_id", None)],
        ),
        (
            {"cues": [cue({"id": "t", "eType": "text"})]},
            [("/cues/0/root/children/0", "scenario.missing_key", None)],
        ),
        (
            {"cues": [cue(text("t", "x", displayTime=[0, float("nan")]))]},
            [("/cues/0/root/children/0/displayTime/1", "scenario.not_a_number", None)],
        ),
    ],
)
def test_problems_are_told_with_their_place_in_the_document(change: Json, findings: list[Any]) -> None:
    assert refusal({**document(), **change}) == findings


def test_a_problem_behind_a_reference_is_told_where_the_reference_stands() -> None:
    wrong = document(cue(text("t", "x", displayTime="define.time")), define={"time": [5, 2]})

    assert refusal(wrong) == [("/cues/0/root/children/0/displayTime", "scenario.ends_before_start", None)]


def test_a_problem_of_an_older_document_is_told_by_its_own_names() -> None:
    node = {"e_type": "text", "text": "x", "absStart": 3, "absEnd": 1}
    wrong = {**document(cue(node)), "version": "1.3"}

    assert ("/cues/0/root/children/0/absStart", "scenario.ends_before_start", None) in refusal(wrong)


@pytest.mark.parametrize(
    ("define", "code", "suggestion"),
    [
        ({"brand": "#fff"}, "scenario.unknown_reference", "did you mean brand?"),
        ({"brnd": "define.brnd"}, "scenario.circular_reference", None),
        ({"brnd": "define.other", "other": ["define.brnd"]}, "scenario.circular_reference", None),
    ],
)
def test_references_that_lead_nowhere_or_in_a_circle_are_refused(
    define: Json, code: str, suggestion: str | None
) -> None:
    wrong = document(cue(text("t", "x", style={"color": "define.brnd"})), define=define)

    assert refusal(wrong) == [("/cues/0/root/children/0/style/color", code, suggestion)]


def test_references_that_multiply_without_end_are_refused() -> None:
    define = {f"a{n}": [f"define.a{n + 1}"] * 10 for n in range(9)}
    wrong = document(cue(text("t", "x", style={"extra": "define.a0"})), define={**define, "a9": "x"})

    assert refusal(wrong) == [("", "scenario.too_large", None)]


def test_a_document_nested_without_end_is_refused() -> None:
    node: Json = text("t", "x")
    for number in range(80):
        node = {"id": f"g{number}", "eType": "group", "children": [node]}

    assert refusal(document(cue(node))) == [("", "scenario.too_large", None)]


def test_references_reach_into_what_they_name() -> None:
    define = {"theme": {"colors": {"main": "define.brand"}}, "brand": "rgb(255, 107, 53)"}

    conversion = convert(document(cue(text("t", "x", style={"color": "define.theme.colors.main"})), define=define))

    assert one_cue(conversion)["style"]["color"] == "#FF6B35"


def test_text_that_only_begins_like_a_reference_stays_text() -> None:
    assert one_cue(convert(document(cue(text("t", "define. it")))))["words"][0]["text"] == "define."


def test_nodes_inherit_time_from_their_parent_and_style_from_parent_and_track() -> None:
    child = text("t", "x", style={"color": "#00ff00"})
    nested = {"id": "g", "eType": "group", "style": {"fontWeight": 700}, "children": [child]}

    made = one_cue(convert(document(cue(nested, style={"fontSizeRel": 0.2, "color": "#ff0000"}))))

    assert (made["start"], made["end"]) == (0, 4)
    assert [made["style"][key] for key in ("color", "fontWeight", "fontSize")] == ["#00FF00", 700, 144]


def test_an_older_document_has_its_times_at_the_leaves() -> None:
    leaves = [
        {"e_type": "text", "text": "one", "absStart": 1, "absEnd": 3},
        {"e_type": "text", "text": "two", "absStart": 1, "absEnd": 3},
    ]
    root = {"e_type": "group", "layout": {"position": {"x": 0.5, "y": 0.5}}, "children": leaves}
    older = {**document(), "version": "1.3", "cues": [{"id": "c", "track": "free", "root": root}]}

    made = one_cue(convert(older))

    assert (made["start"], made["end"], [word["text"] for word in made["words"]]) == (1, 3, ["one", "two"])


def test_an_older_document_falls_back_to_its_hint() -> None:
    root = {"e_type": "text", "text": "one", "layout": {"position": {"x": 0.5, "y": 0.5}}}
    cues = [{"id": "c", "track": "free", "hintTime": {"start": 2, "end": 5}, "root": root}]

    made = one_cue(convert({**document(), "version": "1.3", "cues": cues}))

    assert (made["start"], made["end"]) == (2, 5)
