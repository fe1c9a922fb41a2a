"""The stage in a real browser: the same pixels always, parts that add up to the whole, and no way out."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from render_node.composite import ColourSpace, YuvPatch, to_yuv
from render_node.frames.capture import count_uses
from render_node.frames.plan import TilePlan
from render_node.frames.stage_page import Rect, StagePage, Tile
from tasks.scenario import parse
from tasks.scenario.timeline import CueState, Timeline, state_at
from tests.render.conftest import OpenStage
from tests.render.looks import look
from tests.unit.scenario.scenes import cue, scene, word

SPACE = ColourSpace("ITU709", is_full_range=False)
SIZE = (540, 960)


def page_of(stage: StagePage) -> Any:
    return stage._page


def tiles_of(document: dict[str, Any], plan: TilePlan) -> list[Tile]:
    return list(count_uses(plan, Timeline(parse(document)), [n / 15 for n in range(45)]))


def test_tiles_are_the_same_to_the_bit_in_any_order_and_any_browser(open_stage: OpenStage) -> None:
    document = look("pop", width=540, height=960)
    with open_stage(document, *SIZE) as stage:
        tiles = tiles_of(document, TilePlan(parse(document), stage.open()))
        first = dict(zip(tiles, stage.capture(tiles), strict=True))
    random.Random(5).shuffle(tiles)
    with open_stage(document, *SIZE) as stage:
        stage.open()
        for start in range(0, len(tiles), 7):
            part = tiles[start : start + 7]
            for tile, picture in zip(part, stage.capture(part), strict=True):
                assert np.array_equal(picture, first[tile]), tile
    assert len(tiles) > 20
    assert all(picture[..., 3].any() for picture in first.values())


@pytest.mark.parametrize("preset", ["pop", "karaoke", "highlight"])
def test_parts_of_a_cue_laid_together_equal_the_cue_drawn_whole(open_stage: OpenStage, preset: str) -> None:
    document = look(preset, width=540, height=960)
    with open_stage(document, *SIZE) as stage:
        layouts = stage.open()
        plan = TilePlan(parse(document), layouts)
        for number, layout in enumerate(layouts):
            for active in range(-1, len(layout.words)):
                for phase in (0.0, 0.3, 0.5, 0.77, 1.0):
                    base, *rest = patches(stage, plan.tiles(CueState(number, active, phase, 255)))
                    for patch in rest:
                        base.lay(patch)
                    (whole,) = patches(stage, (Tile(number, active, phase, layout.box),))
                    for mine, right in zip(base.planes(), whole.planes(), strict=True):
                        assert int(np.abs(mine.astype(int) - right).max()) <= 1, (number, active, phase)


def patches(stage: StagePage, tiles: tuple[Tile, ...]) -> list[YuvPatch]:
    return [to_yuv(tile, picture, SPACE) for tile, picture in zip(tiles, stage.capture(list(tiles)), strict=True)]


@pytest.mark.parametrize("preset", ["pop", "karaoke"])
def test_ink_of_a_cue_lies_wholly_inside_its_region(open_stage: OpenStage, preset: str) -> None:
    document = look(preset, width=540, height=960)
    with open_stage(document, *SIZE) as stage:
        box = stage.open()[0].box
        picture = stage.capture([Tile(0, 1, 0.5, Rect(0, 0, *SIZE))])[0]
    outside = picture[..., 3].copy()
    outside[box.y : box.y + box.height, box.x : box.x + box.width] = 0
    assert outside.max() == 0


def test_browser_and_python_agree_on_every_state(open_stage: OpenStage) -> None:
    draw = random.Random(3)
    kinds = ["none", "highlight", "pop", "karaoke"]
    cues = []
    for number in range(20):
        start = draw.uniform(0, 5)
        moments = sorted(draw.uniform(start, start + 2) for _ in range(4))
        said = [word(number * 9 + n, start=at, end=min(at + 0.3, start + 2)) for n, at in enumerate(moments)]
        motion = {
            "activeWord": {"type": draw.choice(kinds), "durationMs": draw.choice([0, 150, 200])},
            "enter": {"type": draw.choice(["none", "fade"]), "durationMs": 120},
            "exit": {"type": draw.choice(["none", "fade"]), "durationMs": 250},
        }
        cues.append(cue(*said, number=number, start=start, end=start + 2, animation=motion))
    parsed = parse(scene(*cues))
    asked = [(index, draw.uniform(0, 7.5)) for index in range(20) for _ in range(10)]
    with open_stage(scene(*cues), 1080, 1920) as stage:
        stage.open()
        answers = page_of(stage).evaluate(
            "asked => asked.map(([i, t]) => window.reelyard.stateAt(window.reelyard.stage.scenario.cues[i], t))", asked
        )
    for (index, t), theirs in zip(asked, answers, strict=True):
        ours = state_at(parsed.cues[index], index, t)
        assert (ours is None) == (theirs is None)
        if ours:
            assert (ours.active, ours.opacity) == (theirs["active"], round(theirs["opacity"] * 255))
            assert ours.phase == pytest.approx(theirs["phase"], abs=1e-4)
    assert sum(answer is not None for answer in answers) > 20


def test_page_reaches_nothing_and_its_policy_says_so(open_stage: OpenStage) -> None:
    asked: list[str] = []
    with open_stage(scene(), 1080, 1920) as stage:
        page = page_of(stage)
        page.on("request", lambda request: asked.append(request.url))
        stage.open()
        stage.capture([Tile(0, -1, 0.0, Rect(0, 0, 100, 100))])
        assert not [url for url in asked if not url.startswith("http://stage.invalid/")]
        policy = page.evaluate("document.querySelector('meta[http-equiv=Content-Security-Policy]').content")
        reached = page.evaluate("fetch('http://127.0.0.1:9/').then(() => 'reached', () => 'refused')")
        own = page.evaluate("fetch('/etc/passwd').then(() => 'reached', () => 'refused')")
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert (reached, own) == ("refused", "refused")


def test_markup_in_a_word_stays_text(open_stage: OpenStage) -> None:
    evil = "<img src=x onerror=window.hacked=1><script>window.hacked=1</script>"
    document = scene(cue(word(1, evil)))
    with open_stage(document, 1080, 1920) as stage:
        (layout,) = stage.open()
        stage.capture([Tile(0, 0, 0.0, layout.box)])
        page = page_of(stage)
        assert page.evaluate("document.querySelector('.word').textContent") == evil
        assert page.evaluate("document.querySelectorAll('img').length") == 0
        assert page.evaluate("window.hacked === undefined")


@pytest.mark.parametrize("preset", ["pop", "karaoke", "highlight", "boxed"])
@pytest.mark.parametrize(("width", "height"), [(1080, 1920), (1920, 1080)])
def test_presets_stay_in_the_safe_area(open_stage: OpenStage, preset: str, width: int, height: int) -> None:
    with open_stage(look(preset, width=width, height=height), width, height) as stage:
        for layout in stage.open():
            left, top, wide, high = layout.text
            assert left >= 0.05 * width and left + wide <= 0.95 * width
            assert top >= 0.05 * height and top + high <= 0.95 * height


@pytest.mark.parametrize("texts", [("Donaudampfschifffahrtsgesellschaft" * 3,), ("wonderful",) * 60])
def test_long_words_and_long_captions_stay_on_the_canvas(open_stage: OpenStage, texts: tuple[str, ...]) -> None:
    said = [word(n, text, start=n / 100, end=n / 100) for n, text in enumerate(texts)]
    document = scene(cue(*said, end=5.0), style={"fontSize": 90, "stroke": {"color": "#000000", "width": 8}})
    with open_stage(document, 1080, 1920) as stage:
        (layout,) = stage.open()
        (picture,) = stage.capture([Tile(0, -1, 0.0, Rect(0, 0, 1080, 1920))])
    edges = picture[[0, -1], :, 3].max(), picture[:, [0, -1], 3].max()
    assert edges == (0, 0)
    left, top, wide, high = layout.text
    assert left >= 0 and left + wide <= 1080
    assert top >= 0 and top + high <= 1920


def test_swelling_word_leaves_its_neighbours_untouched(open_stage: OpenStage) -> None:
    document = scene(
        cue(word(1, "wwwwww"), word(2, "mmmmmmmm", 0.5, 1.0)),
        style={"fontSize": 60, "stroke": {"color": "#000000", "width": 8}, "wordSpacing": 20},
        animation={"activeWord": {"type": "pop", "scale": 2}},
    )
    with open_stage(document, 1080, 1920) as stage:
        stage.open()
        page = page_of(stage)
        page.evaluate(
            "window.reelyard.stage.draw([{cue:0,active:1,phase:.5,x:0,y:0,left:0,top:0,width:1080,height:1920}])"
        )
        first, second = page.evaluate(
            "[...document.querySelectorAll('.word')].map(e => (r => [r.left, r.right])(e.getBoundingClientRect()))"
        )
        assert page.evaluate("document.querySelectorAll('.word')[1].style.transform.length") > 0
    assert second[0] - first[1] >= 2 * 8
