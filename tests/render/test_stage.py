"""The stage in a real browser: parts that add up to the whole, and no way out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from render_node.composite import ColourSpace, YuvPatch, to_yuv
from render_node.frames.browser import open_browser
from render_node.frames.plan import LayerPlan, Rect, Tile
from render_node.frames.stage_page import StagePage
from render_node.overlay import assemble
from tasks.fonts import faces_of
from tasks.scenario import motions, parse, presets
from tests.render.conftest import OpenStage
from tests.render.looks import in_motion, look
from tests.unit.scenario.scenes import cue, scene, word

SPACE = ColourSpace("ITU709", is_full_range=False)
SIZE = (540, 960)
TIMES = [n / 15 for n in range(45)]
ACROSS = 7
SIDE_BY_SIDE = """([times, across, width, height]) => {
  const root = document.getElementById("root");
  const frames = times.map((t, number) => {
    window.reelyard.stage.drawAt(t);
    const frame = root.firstChild.cloneNode(true);
    frame.style.left = `${number % across * width}px`;
    frame.style.top = `${Math.floor(number / across) * height}px`;
    return frame;
  });
  root.replaceChildren(...frames);
}"""
OPAQUE = "document.querySelectorAll('#root > .tile > .canvas > .canvas').forEach(e => e.style.opacity = 1)"


def page_of(stage: StagePage) -> Any:
    return stage._page


def convert(tile: Tile, picture: Any) -> YuvPatch:
    return to_yuv(tile, picture, SPACE)


def test_parts_of_a_caption_laid_together_equal_the_caption_drawn_whole(chromium: str) -> None:
    wrong = {}
    with open_browser(chromium) as browser:
        for motion in motions():
            scenario = parse(in_motion(motion["name"], width=540, height=960))
            with StagePage(browser, scenario, width=540, height=960, fonts=faces_of(scenario)) as stage:
                stage.load()
                error = largest_error(stage)
                if error > 1:
                    wrong[motion["name"]] = error
    assert not wrong


def largest_error(stage: StagePage) -> int:
    """Return by how much any plane of any frame put together differs from the same frame drawn whole."""
    whole = Tile(0, Rect(0, 0, *SIZE))
    times = TIMES[1::4]
    plan = stage.plan(times)
    tiles = list(plan.tiles)
    drawn = {tile.id: convert(tile, picture) for tile, picture in zip(tiles, stage.capture(tiles), strict=True)}
    errors = []
    for wanted, layers in zip(drawn_whole(stage, times), plan.frames, strict=True):
        mine = convert(whole, np.zeros((SIZE[1], SIZE[0], 4), np.uint8))
        for layer in layers:
            mine.lay(assemble(LayerPlan(255, layer.parts), drawn.__getitem__, convert))
        right = convert(whole, wanted)
        errors += [np.abs(a.astype(int) - b).max() for a, b in zip(mine.planes(), right.planes(), strict=True)]
    return int(max(errors))


def drawn_whole(stage: StagePage, times: list[float]) -> list[np.ndarray]:
    """Return frames drawn whole and opaque, side by side on one surface: a screenshot costs more than a frame."""
    width, height = SIZE
    rows = -(-len(times) // ACROSS)
    page_of(stage).resize(ACROSS * width, rows * height)
    page_of(stage).evaluate(SIDE_BY_SIDE, [times, ACROSS, width, height])
    page_of(stage).evaluate(OPAQUE)
    picture = stage._screenshot(ACROSS * width, rows * height)
    places = [divmod(number, ACROSS) for number in range(len(times))]
    return [picture[y * height : (y + 1) * height, x * width : (x + 1) * width] for y, x in places]


def test_karaoke_is_drawn_twice_a_word_however_long_it_lasts(open_stage: OpenStage) -> None:
    document = in_motion("karaoke", width=540, height=960)
    with open_stage(document, *SIZE) as stage:
        stage.load()
        plan = stage.plan([n / 60 for n in range(180)])
    words = sum(len(cue["words"]) for cue in document["tracks"][0]["cues"])
    assert len({tile.id for tile in plan.tiles}) <= 2 * words + len(document["tracks"][0]["cues"])
    assert len(set(plan.frames)) > 60


def test_caption_that_does_not_move_is_drawn_once(open_stage: OpenStage) -> None:
    with open_stage(in_motion("fade", width=540, height=960), *SIZE) as stage:
        stage.load()
        plan = stage.plan([n / 60 for n in range(90)])
    assert len(plan.tiles) == 1
    assert {layer.opacity for frame in plan.frames for layer in frame} > {255}


@pytest.mark.security("S-4")
def test_page_reaches_nothing_and_its_policy_says_so(open_stage: OpenStage) -> None:
    with open_stage(scene(), 1080, 1920) as stage:
        page = page_of(stage)
        stage.open()
        stage.capture(list(stage.plan([0.1]).tiles))
        assert len(page.asked) > 5
        assert not [url for url in page.asked if not url.startswith("http://stage.invalid/")]
        policy = page.evaluate("document.querySelector('meta[http-equiv=Content-Security-Policy]').content")
        reached = page.evaluate("fetch('http://127.0.0.1:9/').then(() => 'reached', () => 'refused')")
        own = page.evaluate("fetch('/etc/passwd').then(() => 'reached', () => 'refused')")
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert (reached, own) == ("refused", "refused")


@pytest.mark.security("S-4")
def test_markup_in_a_word_stays_text(open_stage: OpenStage) -> None:
    evil = "<img src=x onerror=window.hacked=1><script>window.hacked=1</script>"
    document = scene(cue(word(1, evil)))
    with open_stage(document, 1080, 1920) as stage:
        stage.load()
        stage.capture(list(stage.plan([0.1]).tiles))
        page = page_of(stage)
        assert page.evaluate("document.querySelector('.word .ink').textContent") == evil
        assert page.evaluate("document.querySelectorAll('img').length") == 0
        assert page.evaluate("window.hacked === undefined")


@pytest.mark.security("S-4")
def test_names_that_all_objects_share_change_none(open_stage: OpenStage) -> None:
    names = ("constructor", "prototype", "toString", "hasOwnProperty")
    document = scene(
        *(cue(word(n, "hi", n, n + 0.5), number=n, start=n, end=n + 1.0, style=names[n]) for n in range(4))
    )
    document["styles"] = {name: {"color": "#FF00AA"} for name in names}
    count = "Object.getOwnPropertyNames(Object.prototype).length + Object.keys(Object.prototype).length"
    with open_stage(document, 1080, 1920) as stage:
        stage.load()
        page = page_of(stage)
        before = page.evaluate(count)
        stage.capture(list(stage.plan([0.1, 1.1, 2.1, 3.1]).tiles))
        assert page.evaluate(count) == before == 12
        assert page.evaluate("[typeof {}.constructor, typeof {}.toString, ({}).color === undefined]") == [
            "function",
            "function",
            True,
        ]


@pytest.mark.parametrize(("width", "height"), [(1080, 1920), (1920, 1080)])
def test_looks_stay_in_the_safe_area(chromium: str, width: int, height: int) -> None:
    outside = []
    with open_browser(chromium) as browser:
        for preset in presets():
            scenario = parse(look(preset["name"], width=width, height=height))
            with StagePage(browser, scenario, width=width, height=height, fonts=faces_of(scenario)) as stage:
                for layout in stage.open():
                    left, top, wide, high = layout.text
                    across = 0.05 * width <= left and left + wide <= 0.95 * width
                    if not (across and 0.05 * height <= top and top + high <= 0.95 * height):
                        outside.append((preset["name"], layout.text))
    assert not outside


@pytest.mark.parametrize("texts", [("Donaudampfschifffahrtsgesellschaft" * 3,), ("wonderful",) * 60])
def test_long_words_and_long_captions_stay_on_the_canvas(open_stage: OpenStage, texts: tuple[str, ...]) -> None:
    said = [word(n, text, start=n / 100, end=n / 100) for n, text in enumerate(texts)]
    document = scene(cue(*said, end=5.0), style={"fontSize": 90, "stroke": {"color": "#000000", "width": 8}})
    with open_stage(document, 1080, 1920) as stage:
        (layout,) = stage.open()
        picture = whole_picture(stage, 0.0)
    edges = picture[[0, -1], :, 3].max(), picture[:, [0, -1], 3].max()
    assert edges == (0, 0)
    left, top, wide, high = layout.text
    assert left >= 0 and left + wide <= 1080
    assert top >= 0 and top + high <= 1920


def whole_picture(stage: StagePage, t: float) -> np.ndarray:
    """Return everything on screen at a time, straight from the page (height, width, 4)."""
    page_of(stage).evaluate("t => window.reelyard.stage.drawAt(t)", t)
    page_of(stage).resize(1080, 1920)
    return stage._screenshot(1080, 1920)


def test_swelling_word_leaves_its_neighbours_untouched(open_stage: OpenStage) -> None:
    document = scene(
        cue(word(1, "wwwwww"), word(2, "mmmmmmmm", 0.5, 1.0)),
        style={"fontSize": 60, "stroke": {"color": "#000000", "width": 8}, "wordSpacing": 20},
        animation={"activeWord": {"type": "pop", "scale": 2}},
    )
    with open_stage(document, 1080, 1920) as stage:
        stage.open()
        page = page_of(stage)
        page.evaluate("window.reelyard.stage.drawAt(0.1)")
        first, second = page.evaluate(
            "[...document.querySelectorAll('.word')].map(e => (r => [r.left, r.right])(e.getBoundingClientRect()))"
        )
        assert page.evaluate("document.querySelectorAll('.word')[0].style.transform.length") > 0
    assert second[0] - first[1] >= 2 * 8
