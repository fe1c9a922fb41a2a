"""States of captions over time, asked of the stage's own module in a real browser."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from render_node.frames.browser import open_browser
from render_node.frames.stage_page import StagePage
from tasks.fonts import faces_of
from tasks.scenario import parse
from tests.unit.scenario.scenes import cue, scene, word

Ask = Callable[..., Any]
WORDS = (word(1, "one", 0.0, 0.5), word(2, "two", 0.5, 1.0), word(3, "three", 1.25, 1.75))


@pytest.fixture(scope="module")
def ask(chromium: str) -> Iterator[Ask]:
    """Return f(animation, t, words, **cue) -> (layer state, word states) of a caption, of three words from 0 to 2 s."""
    scenario = parse(scene())
    with (
        open_browser(chromium) as browser,
        StagePage(browser, scenario, width=108, height=192, fonts=faces_of(scenario)) as page,
    ):
        page.load()

        def asked(animation: dict[str, Any], t: float, words: Any = WORDS, **more: Any) -> Any:
            (resolved,) = parse(scene(cue(*words, animation=animation, **more))).cues
            return page._page.evaluate(QUESTION, [resolved.to_stage(), t])

        yield asked


QUESTION = """([cue, t]) => {
  const places = cue.words.map((word, i) => ({line: i < 2 ? 0 : 1, span: i === 1 ? [0.5, 1] : [0, i ? 1 : 0.5],
    letters: word.text.length, first: [0, 3, 6][i], widest: 1.5,
    after: {word: 2 - i, line: i < 2 ? 1 : 0, letter: 10 - [0, 3, 6][i]}}));
  return [window.reelyard.layerState(cue, t), window.reelyard.wordStates(cue, t, places)];
}"""


def test_nothing_is_shown_before_a_caption_and_from_its_end_on(ask: Ask) -> None:
    assert ask({}, 0.0, start=0.0, end=2.0)[0] == {"opacity": 255, "fx": None}
    assert ask({}, 2.0)[0] is None
    assert ask({}, 1.999)[0] is not None


def test_a_word_is_the_spoken_one_until_the_next_begins(ask: Ask) -> None:
    highlight = {"activeWord": {"type": "highlight", "color": "#FF0000"}}
    lit = [[bool(state.get("color")) for state in ask(highlight, t)[1]] for t in (0.0, 0.49, 0.5, 1.2, 1.25, 1.9)]
    assert lit == [[t == 0, t == 1, t == 2] for t in (0, 0, 1, 1, 2, 2)]


def test_pop_swells_in_its_window_and_rests_after(ask: Ask) -> None:
    pop = {"activeWord": {"type": "pop", "scale": 1.2, "durationMs": 200}}
    assert ask(pop, 0.6)[1][1]["fx"] == {"scale": 1.2}
    assert "fx" not in ask(pop, 0.7)[1][1]
    assert ask({"activeWord": {"type": "pop", "scale": 2}}, 0.6)[1][1]["fx"] == {"scale": 1.5}


def test_karaoke_follows_the_voice(ask: Ask) -> None:
    karaoke = {"activeWord": {"type": "karaoke"}}
    assert [state.get("sweep") for state in ask(karaoke, 0.75)[1]] == [1, 0.5, None]
    assert [state.get("sweep") for state in ask(karaoke, 1.1)[1]] == [1, 1, None]


def test_fades_reach_full_and_leave_again(ask: Ask) -> None:
    fades = {"enter": {"type": "fade", "durationMs": 200}, "exit": {"type": "fade", "durationMs": 400}}
    shown = [ask(fades, t)[0]["opacity"] for t in (0.0, 0.05, 0.1, 0.2, 1.5, 1.8)]
    assert shown == pytest.approx([0, 64, 128, 255, 255, 128], abs=1)


@pytest.mark.parametrize(
    ("reveal", "seen"),
    [
        ("all", [[1, 1, 1], [1, 1, 1], [1, 1, 1]]),
        ("progressive", [[1, 0, 0], [1, 1, 0], [1, 1, 1]]),
        ("one-word", [[1, 0, 0], [0, 1, 0], [0, 0, 1]]),
    ],
)
def test_words_are_revealed(ask: Ask, reveal: str, seen: list[list[int]]) -> None:
    shown = [[int(state is not None) for state in ask({"reveal": {"type": reveal}}, t)[1]] for t in (0.2, 0.6, 1.3)]
    assert shown == seen


def test_typewriter_shows_letters_as_they_are_spoken(ask: Ask) -> None:
    typed = {"reveal": {"type": "typewriter"}}
    assert [ask(typed, t)[1][0].get("letters") for t in (0.0, 0.17, 0.34)] == [[None, 0, 0], [None, None, 0], None]


def test_units_begin_one_after_the_other(ask: Ask) -> None:
    enter = {"enter": {"type": "fade", "unit": "word", "durationMs": 100, "staggerMs": 100}}
    states = ask(enter, 0.15)[1]
    assert [state.get("fx", {}).get("opacity", 1) for state in states] == [1, 0.5, 0]
    exit_ = {"exit": {"type": "fade", "unit": "word", "durationMs": 100, "staggerMs": 100}}
    states = ask(exit_, 1.85)[1]
    assert [state.get("fx", {}).get("opacity", 1) for state in states] == [0, 0.5, 1]


def test_a_slide_comes_from_where_it_goes_to(ask: Ask) -> None:
    slides = {
        "enter": {"type": "slide", "direction": "left", "distance": 2, "easing": "linear", "durationMs": 100},
        "exit": {"type": "slide", "direction": "left", "distance": 2, "easing": "linear", "durationMs": 100},
    }
    assert ask(slides, 0.05)[0]["fx"] == {"translateX": 1}
    assert ask(slides, 1.95)[0]["fx"] == {"translateX": -1}


def test_a_wipe_uncovers_a_line_word_by_word(ask: Ask) -> None:
    wipe = {"enter": {"type": "wipe", "unit": "line", "easing": "linear", "durationMs": 100}}
    first, second, other = (state.get("fx", {}).get("shown", 1) for state in ask(wipe, 0.025)[1])
    assert (first, second, other) == (0.5, 0, 0.25)


@pytest.mark.parametrize(
    ("text", "style", "told", "way"),
    [
        ("مرحبا", {}, {}, -1),
        ("שלום", {}, {}, -1),
        ("hello", {}, {}, 1),
        ("12", {}, {}, 1),
        ("hello", {"direction": "rtl"}, {}, -1),
        ("שלום", {}, {"direction": "right"}, 1),
    ],
)
def test_a_wipe_uncovers_a_caption_the_way_it_is_read(
    ask: Ask, text: str, style: dict[str, Any], told: dict[str, Any], way: int
) -> None:
    wipe = {"enter": {"type": "wipe", "durationMs": 200, **told}}
    state, _ = ask(wipe, 0.1, (word(1, text),), style=style)
    assert state["fx"]["side"] == [way, 0]


@pytest.mark.parametrize(
    ("easing", "at", "value"),
    [
        ("linear", 0.3, 0.3),
        ("step-end", 0.99, 0.0),
        ("ease-in-out", 0.5, 0.5),
        ("ease-out", 0.5, 0.6847),
        ("back-out", 0.5, 1 + 2.70158 * -0.125 + 1.70158 * 0.25),
        ("bounce-out", 0.2, 7.5625 * 0.04),
        ("elastic-out", 0.3, 2**-3 * math.sin((3 - 0.75) * 2 * math.pi / 3) + 1),
    ],
)
def test_custom_keyframes_and_every_kind_of_easing(ask: Ask, easing: str, at: float, value: float) -> None:
    keyframes = [{"at": 0, "rotate": 0, "easing": easing}, {"at": 1, "rotate": 100}]
    enter = {"type": "custom", "keyframes": keyframes, "durationMs": 1000}
    fx = ask({"enter": enter}, at)[0]["fx"] or {"rotate": 0}
    assert fx["rotate"] == pytest.approx(100 * value, abs=0.02)


def test_loops_come_round(ask: Ask) -> None:
    pulse = {"loop": {"type": "pulse", "periodMs": 500}}
    assert ask(pulse, 0.25)[0]["fx"] == {"scale": 1.06}
    assert ask(pulse, 0.5)[0]["fx"] is None
    assert ask({"loop": {"type": "pulse", "periodMs": 500, "amplitude": 2}}, 0.75)[0]["fx"] == {"scale": 1.12}


def test_colours_run_through_words(ask: Ask) -> None:
    cycle = {"type": "color-cycle", "periodMs": 1000, "staggerMs": 0, "colors": ["#000000", "#FFFFFF"]}
    colours = [state["color"] for state in ask({"loop": cycle}, 0.25)[1][1:]]
    assert colours == ["#808080ff", "#808080ff"]


def test_spoken_and_unspoken_words_differ(ask: Ask) -> None:
    tones = {"spoken": {"color": "#00FF00"}, "unspoken": {"opacity": 0.5}}
    assert ask(tones, 0.6)[1] == [{"color": "#00FF00"}, {}, {"dim": 0.5}]


def test_a_word_of_its_own_motion_keeps_it(ask: Ask) -> None:
    words = (word(1), word(2, "two", 0.5, 1.0, animation={"activeWord": {"type": "underline", "durationMs": 100}}))
    (resolved,) = parse(scene(cue(*words, animation={"activeWord": {"type": "box"}}))).cues
    assert resolved.words[1].active is not None
    states = ask({"activeWord": {"type": "underline", "durationMs": 100}}, 0.55)[1]
    assert (states[0].get("underline"), states[1]["underline"]) == (0.5, 0.5)
