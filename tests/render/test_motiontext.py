"""Scenarios of MotionText on our stage, against the package itself: the same words and pictures, where and when.

The package is npm's ``motiontext-renderer`` 1.5.0, the only version there is. Its archive holds ``dist`` alone and no
plugin: a page registers plugins with ``registerExternalPlugin``. Those that the format's authors wrote lie in their
repository, beside a server for demonstrations (``demo/plugin-server/plugins``), in no registry. So
``motiontext_plugins.js`` registers ones of our own making, which give the channels that theirs of these names give for
the same share of a window (``pulse``, ``bobY`` and ``spin``, each 2.0.0).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from render_node.frames.browser import Browser, open_browser
from tasks.fonts.ruler import FontRuler
from tasks.scenario.motiontext import Conversion, convert
from tests.render.motiontext import Shown, Theirs, get_package, open_ours, open_theirs
from tests.render.motiontext_more_scenes import MORE_SCENES
from tests.render.motiontext_scenes import SCENES, Json, Scene, as_older

TOLERANCE = 0.02
OLDER = [scene for scene in SCENES if "define" not in scene.document]


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with open_browser(chromium) as opened:
        yield opened


@pytest.fixture(scope="module")
def theirs(browser: Browser) -> Iterator[Theirs]:
    with open_theirs(browser, get_package()) as page:
        yield page


def converted(document: Json, scene: Scene) -> Conversion:
    return convert(document, ruler=FontRuler(), aspect=scene.size)


def compare(mine: list[Shown], right: list[Shown], size: tuple[int, int], what: str) -> None:
    """Words on both sides in reading order of their names; equal ones in the order of their places."""
    order = lambda word: (word.text, round(word.box[1] / 20), word.box[0])  # noqa: E731
    mine, right = sorted(mine, key=order), sorted(right, key=order)
    assert [word.text for word in mine] == [word.text for word in right], what
    for ours, their in zip(mine, right, strict=True):
        for index, (a, b) in enumerate(zip(ours.reach(), their.reach(), strict=True)):
            assert abs(a - b) <= TOLERANCE * size[index % 2], (what, ours, their)


@pytest.mark.parametrize("scene", [*SCENES, *MORE_SCENES], ids=lambda scene: scene.name)
def test_words_are_where_and_when_the_package_shows_them(scene: Scene, browser: Browser, theirs: Theirs) -> None:
    theirs.load(scene.document, *scene.size)
    with open_ours(browser, converted(scene.document, scene).scenario, *scene.size) as ours:
        for t in scene.times:
            compare(ours.at(t), theirs.at(t), scene.size, f"{scene.name} at {t}")
            compare(ours.boxes(), theirs.boxes(), scene.size, f"boxes of {scene.name} at {t}")
            compare(ours.pictures(), theirs.pictures(), scene.size, f"pictures of {scene.name} at {t}")


@pytest.mark.parametrize("scene", OLDER, ids=lambda scene: scene.name)
def test_the_same_document_in_version_1_3_looks_the_same(scene: Scene) -> None:
    modern, older = converted(scene.document, scene), converted(as_older(scene.document), scene)
    assert shapes(older.scenario) == shapes(modern.scenario)
    assert [note["message"] for note in older.unmapped] == [note["message"] for note in modern.unmapped]


def shapes(scenario: Json) -> list[Json]:
    """Everything of a scenario but the ids."""
    styles = scenario["styles"]
    cues = [cue for track in scenario["tracks"] for cue in track["cues"]]
    return [
        {
            **cue,
            "id": "",
            "style": styles.get(str(cue["style"]), cue["style"]),
            "words": [{**w, "id": ""} for w in cue["words"]],
        }
        for cue in cues
    ]


def test_scenes_show_words_most_of_the_time(theirs: Theirs) -> None:
    shown = 0
    for scene in SCENES:
        theirs.load(scene.document, *scene.size)
        shown += sum(len(theirs.at(t)) for t in scene.times)
    assert shown > 100
    assert len(SCENES) >= 20


def test_scenes_show_pictures_while_they_are_on_screen(theirs: Theirs) -> None:
    found = {}
    for scene in MORE_SCENES:
        theirs.load(scene.document, *scene.size)
        found[scene.name] = 0
        for t in scene.times:
            theirs.at(t)
            found[scene.name] += len(theirs.pictures())
    assert sum(count > 0 for count in found.values()) >= 15
    assert found["pictures one after another"] == 4
