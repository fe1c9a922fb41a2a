"""What becomes what: styles, times, plugins, and what is said of the rest."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.errors import InvalidInputError
from tasks.fonts.ruler import FontRuler
from tasks.scenario import parse
from tasks.scenario.motiontext import convert
from tasks.scenario.motiontext.css import read_color, read_shadows
from tasks.scenario.motiontext.plugins import PLUGINS
from tests.unit.motiontext.documents import Json, cue, document, moved, one_cue, styled, text


@pytest.mark.parametrize(
    ("css", "ours"),
    [
        ("#abc", "#AABBCC"),
        ("#abcd", "#AABBCCDD"),
        ("#a1b2c3", "#A1B2C3"),
        ("rgb(1, 2, 3)", "#010203"),
        ("rgba(0,0,0,0.9)", "#000000E6"),
        ("rgb(100% 0% 50%)", "#FF0080"),
        ("hsl(120, 100%, 25%)", "#008000"),
        ("Tomato", "#FF6347"),
        ("transparent", "#00000000"),
        ("color(display-p3 1 0 0)", None),
        ("#12345", None),
    ],
)
def test_colours_of_css_become_hexadecimal(css: str, ours: str | None) -> None:
    assert read_color(css) == ours


def test_shadows_of_css_are_read_whatever_their_order() -> None:
    shadows = read_shadows("0 4px 12px rgba(0,0,0,0.35), #fff 1px 1px, 0.5em 0 red", em=20)

    assert shadows is not None
    assert [(s.x, s.y, s.blur, s.color) for s in shadows] == [
        (0, 4, 12, "#00000059"),
        (1, 1, 0, "#FFFFFF"),
        (10, 0, 0, "#FF0000"),
    ]
    assert read_shadows("4px", em=20) is None


@pytest.mark.parametrize(
    ("style", "key", "value"),
    [
        ({"fontSizeRel": 0.05}, "fontSize", 36),
        ({"fontSize": "2rem"}, "fontSize", 32),
        ({"fontWeight": "bold"}, "fontWeight", 700),
        ({"fontFamily": "'Noto Serif', serif"}, "fontFamily", "Noto Serif"),
        ({"fontFamily": {"type": "font", "family": "Brand"}}, "fontFamily", "Brand"),
        ({"lineHeight": 1.5}, "lineHeight", 1.5),
        ({"stroke": {"widthRel": 0.01, "color": "#123456"}}, "stroke", {"color": "#123456", "width": 3.5}),
        ({"textShadow": "none"}, "shadow", []),
        ({}, "color", "#FFFFFF"),
    ],
)
def test_each_key_of_a_style_has_its_own_of_ours(style: Json, key: str, value: Any) -> None:
    assert styled(**style)[key] == value


def test_text_without_shadow_or_stroke_gets_the_usual_dark_rim() -> None:
    assert [shadow["blur"] for shadow in styled()["shadow"]] == [2, 4, 8]
    assert "shadow" not in styled(stroke={"widthRel": 0.004, "color": "#000"})


def test_a_box_behind_a_group_is_a_background_with_its_padding() -> None:
    box = {"backgroundColor": "rgba(0,0,0,0.9)", "padding": "8px 16px", "borderRadius": "4px", "opacity": 0.5}

    style = one_cue(convert(document(cue(boxStyle=box, layout=PLACED))))["style"]

    assert (style["background"]["color"], style["background"]["borderRadius"]) == ("#000000E6", 4)
    assert style["background"]["paddingX"] == 16
    assert style["opacity"] == 0.5


PLACED: Json = {"position": {"x": 0.5, "y": 0.5}, "childrenLayout": {"direction": "horizontal"}}


def test_words_are_spoken_at_the_base_times_of_their_nodes() -> None:
    nodes = [text("a", "one", baseTime=[0.5, 1.0]), text("b", "two three", baseTime=[1.0, 2.6])]

    words = one_cue(convert(document(cue(*nodes, layout=PLACED))))["words"]

    assert [(word["text"], word["start"], word["end"]) for word in words] == [
        ("one", 0.5, 1.0),
        ("two", 1.0, 1.6),
        ("three", 1.6, 2.6),
    ]


def test_nodes_that_come_and_go_make_a_cue_for_each_time() -> None:
    nodes = [text("a", "one"), text("b", "two", displayTime=[1, 4]), text("c", "three", displayTime=[2, 3])]

    [track] = convert(document(cue(*nodes, layout=PLACED))).scenario["tracks"]

    shown = [(c["start"], c["end"], [word["text"] for word in c["words"]]) for c in track["cues"]]
    assert shown == [
        (0, 1, ["one"]),
        (1, 2, ["one", "two"]),
        (2, 3, ["one", "two", "three"]),
        (3, 4, ["one", "two"]),
    ]


def test_tracks_lie_over_each_other_by_their_layers() -> None:
    low = {"id": "low", "type": "free", "layer": 1}
    high = {"id": "high", "type": "free", "layer": 9}
    cues = [cue(name="a", track="high"), cue(name="b", track="low")]

    scenario = convert({**document(*cues), "tracks": [high, low]}).scenario

    assert [track["id"] for track in scenario["tracks"]] == ["low", "high"]


@pytest.mark.parametrize(
    ("named", "aspect", "size"),
    [
        ("16:9", None, (1280, 720)),
        ("9:16", None, (720, 1280)),
        ("auto", None, (1280, 720)),
        ("16:9", (1080, 1920), (720, 1280)),
        ("auto", (4, 3), (960, 720)),
    ],
)
def test_the_canvas_takes_the_shape_of_the_video(
    named: str, aspect: tuple[int, int] | None, size: tuple[int, int]
) -> None:
    canvas = convert(document(stage={"baseAspect": named}), aspect=aspect).scenario["canvas"]

    assert (canvas["width"], canvas["height"]) == size


def test_a_style_of_many_cues_is_written_once() -> None:
    cues = [cue(name=f"c{n}", displayTime=[n, n + 1]) for n in range(50)]

    scenario = convert(document(*cues)).scenario

    assert len(scenario["styles"]) == 1
    assert {c["style"] for c in scenario["tracks"][0]["cues"]} == set(scenario["styles"])


def test_ids_that_ours_cannot_be_are_made_to_fit() -> None:
    made = convert(document(cue(text("wörd/1", "a"), text("wörd 1", "b"), layout=PLACED, name="자막"))).scenario

    parse(made)
    assert [word["id"] for word in made["tracks"][0]["cues"][0]["words"]] == ["w_rd_1", "w_rd_1.2"]


@pytest.mark.parametrize("name", sorted(PLUGINS))
@pytest.mark.parametrize("words", ["hello", "a few words"])
def test_every_known_plugin_becomes_an_effect_that_our_schema_takes(name: str, words: str) -> None:
    for node in ({}, {"baseTime": [1, 2]}):
        made, _ = moved([{"name": f"{name}@2.0.0", "timeOffset": [0, 0]}], words, **node)
        has_motion = bool(made.get("animation")) or any("animation" in word for word in made["words"])
        assert has_motion or "glow" in made["style"]
        parse({"version": "1", "canvas": {"width": 1280, "height": 720}, "tracks": [track_of(made)]})


def track_of(made: Json) -> Json:
    return {"id": "t", "type": "captions", "cues": [made]}


def test_an_entrance_lasts_as_its_timeline_stretched_to_the_window() -> None:
    plugin = {"name": "fadein", "timeOffset": [0, -2], "params": {"staggerDelay": 0.2, "animationDuration": 0.8}}

    made, notes = moved([plugin])  # timeline: 4 · 0.2 + 0.8 + 0.4 = 2 s, window: 2 s

    enter = made["animation"]["enter"]
    assert (enter["unit"], enter["durationMs"], enter["staggerMs"]) == ("letter", 800, 200)
    assert enter["keyframes"] == [{"at": 0, "opacity": 0, "scale": 0.9, "easing": "ease-out"}, {"at": 1}]
    assert notes == []


def test_offsets_count_from_their_own_ends_and_percent_from_the_length() -> None:
    early, _ = moved([{"name": "pulse", "timeOffset": ["0%", "-75%"]}])
    default, _ = moved([{"name": "pulse"}])

    assert early["animation"]["enter"]["durationMs"] == 1000
    assert default["animation"]["loop"]["periodMs"] == 8000


def test_a_word_of_several_moves_in_its_own_window() -> None:
    chain = [{"name": "cwi-loud", "timeOffset": [0.1, 0]}]
    nodes = [text("a", "one", baseTime=[0, 1]), text("b", "two", baseTime=[1, 2], pluginChain=chain)]

    words = one_cue(convert(document(cue(*nodes, layout=PLACED))))["words"]

    active = words[1]["animation"]["activeWord"]
    assert "animation" not in words[0]
    assert (words[1]["start"], words[1]["end"], active["durationMs"], active["lasts"]) == (1.1, 2, 900, True)
    assert max(frame.get("scale", 1) for frame in active["keyframes"]) == pytest.approx(2.15 * 1.02)


def test_the_colour_of_a_speaker_runs_through_the_word() -> None:
    params = {"speaker": "S2", "palette": "define.colors"}
    chain = [{"name": "cwi-color", "timeOffset": [0, 0], "params": params}, {"name": "cwi-bouncing"}]
    node = text("t", "word", baseTime=[1, 2], pluginChain=chain)

    made = one_cue(convert(document(cue(node), define={"colors": {"S1": "#4AA3FF", "S2": "#FF4D4D"}})))

    active = made["words"][0]["animation"]["activeWord"]
    assert (active["type"], active["color"]) == ("karaoke", "#FF4D4D")
    assert (made["words"][0]["start"], made["words"][0]["end"]) == (1, 2)


def notes_of(made: Json) -> list[tuple[str, str, str | None]]:
    return [(n["pointer"], n["code"], n["suggestion"]) for n in convert(made).unmapped]


@pytest.mark.parametrize(
    ("made", "note"),
    [
        (
            document(cue(text("t", "x", pluginChain=[{"name": "fadeinn@1.0.0"}]))),
            ("/cues/0/root/children/0/pluginChain/0/name", "scenario.not_mapped", "did you mean fadein?"),
        ),
        (
            document(cue(text("t", "x"), pluginChain=[{"name": "pulse"}])),
            ("/cues/0/root/pluginChain/0", "scenario.not_mapped", None),
        ),
        (
            document(cue(text("t", "x", style={"colour": "#fff"}))),
            ("/cues/0/root/children/0/style/colour", "scenario.not_mapped", "did you mean color?"),
        ),
        (
            document(cue(text("t", "x", style={"color": "brightish"}))),
            ("/cues/0/root/children/0/style/color", "scenario.not_mapped", None),
        ),
        (
            document(cue(text("t", "x"), {"id": "i", "eType": "image", "src": "https://example.com/a.png"})),
            ("/cues/0/root/children/1", "scenario.not_mapped", None),
        ),
        (
            document(
                cue(text("t", "x", layout={"position": {"x": 0.5, "y": 0.5}, "transform": {"skew": {"xDeg": 5}}}))
            ),
            ("/cues/0/root/children/0/layout/transform/skew", "scenario.not_mapped", None),
        ),
        (
            document(cue(text("t", "x", pluginChain=[{"name": "glitch"}]))),
            ("/cues/0/root/children/0/pluginChain", "scenario.nearly_mapped", None),
        ),
        ({**document(), "wordStream": {"tokens": [1]}}, ("/wordStream", "scenario.not_mapped", None)),
        (document(cue(text("t", "x", displayTime=[5, 6]), domLifetime=1), cue(name="c2")), None),
    ],
)
def test_what_is_not_kept_is_said_with_its_place(made: Json, note: tuple[str, str, str | None] | None) -> None:
    assert notes_of(made) == ([note] if note else [])


def test_arial_is_drawn_by_the_family_of_its_measures_and_nothing_said() -> None:
    made = convert(document(cue(), style={"fontFamily": "Arial, sans-serif"}), ruler=FontRuler())
    other = convert(document(cue(), style={"fontFamily": "Comic Sans MS"}), ruler=FontRuler())

    assert (one_cue(made)["style"]["fontFamily"], made.unmapped) == ("Arimo", [])
    assert [note["code"] for note in other.unmapped] == ["scenario.nearly_mapped"]


def test_strict_refuses_a_document_of_which_anything_is_lost() -> None:
    whole = document()
    lossy = document(cue(text("t", "x", pluginChain=[{"name": "flames"}])))

    assert convert(whole, strict=True).unmapped == []
    with pytest.raises(InvalidInputError) as caught:
        convert(lossy, strict=True)
    assert caught.value.code == "scenario.motiontext_unmapped"
    assert [each["pointer"] for each in caught.value.extra["findings"]] == [
        "/cues/0/root/children/0/pluginChain/0/name"
    ]


@pytest.mark.parametrize("words", ["a\nb", "a\x00b", "a\ud800 b", "  a   b "])
def test_text_that_cannot_be_drawn_is_left_out(words: str) -> None:
    made = convert(document(cue(text("t", words)))).scenario

    parse(made)
    assert "".join(word["text"] for word in made["tracks"][0]["cues"][0]["words"]) == "ab"


def test_a_picture_that_is_an_asset_is_kept() -> None:
    image = {
        "id": "logo",
        "eType": "image",
        "src": "asset:7f6c2c1e",
        "displayTime": [1, 3],
        "layout": {"position": {"x": 0.9, "y": 0.1}, "anchor": "tr", "size": {"width": 0.2}},
    }

    conversion = convert(document({"id": "c", "track": "free", "root": image}))

    scenario = parse(conversion.scenario)
    assert scenario.images == {"i1": "asset:7f6c2c1e"}
    assert [(layer.start, layer.end) for layer in scenario.layers] == [(1, 3)]
    assert conversion.unmapped == []


def picture(**layout: Any) -> Json:
    return {"id": "p", "eType": "image", "src": "asset:1", "displayTime": [0, 2], "layout": layout}


@pytest.mark.parametrize(
    ("anchor", "kept"), [("tl", "top"), ("tr", "top"), ("cc", None), ("cl", None), ("bc", "bottom"), ("br", "bottom")]
)
def test_a_picture_whose_height_only_its_file_says_hangs_from_its_anchor(anchor: str, kept: str | None) -> None:
    node = picture(position={"x": 0.5, "y": 0.25}, anchor=anchor, size={"width": 0.2})

    (track,) = convert(document({"id": "c", "track": "free", "root": node})).scenario["tracks"]

    (item,) = track["items"]
    middle = {"l": 0.6, "c": 0.5, "r": 0.4}[anchor[1]]
    assert (item["position"]["x"], item["position"]["y"]) == (pytest.approx(middle), 0.25)
    assert item["position"].get("anchor") == kept


@pytest.mark.parametrize(
    ("layout", "place", "code"),
    [
        ({"size": {"width": 0.2}}, "", "scenario.not_mapped"),
        ({"position": {"x": 0.5, "y": 0.5}}, "", "scenario.not_mapped"),
        (
            {"position": {"x": 0.5, "y": 0.5}, "size": {"width": 0.2, "height": 0.2}},
            "/layout/size/height",
            "scenario.nearly_mapped",
        ),
    ],
)
def test_a_picture_that_cannot_be_drawn_as_it_is_is_said(layout: Json, place: str, code: str) -> None:
    conversion = convert(document({"id": "c", "track": "free", "root": picture(**layout)}))

    assert [(note["pointer"], note["code"]) for note in conversion.unmapped] == [(f"/cues/0/root{place}", code)]
