"""Deep validation: each seeded defect is found where it is, a clean scenario has none, and a fix mends it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from render_node.checks.contrast import best_outline, contrast, luminance
from render_node.checks.run import choose_cues, find_all
from tasks.config import WorkerSettings, read_worker_settings
from tasks.contracts.check import CheckOrder, CheckResult
from tasks.scenario import parse
from tests.media_samples import make_video
from tests.unit.scenario.scenes import cue, scene, word

WIDTH, HEIGHT, LENGTH_S = 540, 960, 8.0
STYLE = {
    "fontFamily": "Montserrat",
    "fontWeight": 800,
    "fontSize": 44,
    "color": "#FFFFFF",
    "stroke": {"color": "#000000", "width": 4},
    "position": {"x": 0.45, "y": 0.6, "anchor": "center"},
    "maxWidth": 0.7,
}


@pytest.fixture(scope="session")
def settings(service_environ: dict[str, str]) -> WorkerSettings:
    return read_worker_settings(service_environ)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Footage that is white from 4 s on and dark before."""

    def draw(number: int, t: float) -> np.ndarray[Any, Any]:
        return np.full((HEIGHT, WIDTH, 3), 250 if t >= 4 else 20, np.uint8)

    path = tmp_path_factory.mktemp("checks") / "clip.mp4"
    return make_video(path, width=WIDTH, height=HEIGHT, fps=10, duration_s=LENGTH_S, audio=None, draw=draw)


def clean() -> dict[str, Any]:
    """Four captions of which nothing can be said."""
    said = [("A clear", "caption"), ("that stays", "long"), ("enough to", "be read"), ("and ends", "in time")]
    cues = [
        cue(
            word(10 * n, first, 2.0 * n, 2.0 * n + 0.8),
            word(10 * n + 1, second, 2.0 * n + 0.8, 2.0 * n + 1.6),
            number=n,
            start=2.0 * n,
            end=2.0 * n + 1.8,
        )
        for n, (first, second) in enumerate(said)
    ]
    return {**scene(*cues, width=WIDTH, height=HEIGHT, style=copy.deepcopy(STYLE)), "safeArea": "tiktok"}


def look(document: dict[str, Any], settings: WorkerSettings, source: Path | None, **order: Any) -> CheckResult:
    return find_all(CheckOrder(document, document["safeArea"], **order), source, settings=settings)


def cue_of(document: dict[str, Any], number: int) -> dict[str, Any]:
    found: dict[str, Any] = document["tracks"][0]["cues"][number]
    return found


def too_low(document: dict[str, Any]) -> None:
    cue_of(document, 1)["style"] = {"position": {"x": 0.45, "y": 0.95, "anchor": "center"}}


def under_the_buttons(document: dict[str, Any]) -> None:
    cue_of(document, 2)["style"] = {"position": {"x": 0.8, "y": 0.6, "anchor": "center"}}


def swallowed(document: dict[str, Any]) -> None:
    cue_of(document, 2)["style"] = {"stroke": {"color": "#000000", "width": 0}}


def hasty(document: dict[str, Any]) -> None:
    fast = cue_of(document, 0)
    fast["end"] = 0.6
    fast["words"] = [word(1, "incomprehensibilities", 0.0, 0.6)]


def flash(document: dict[str, Any]) -> None:
    short = cue_of(document, 3)
    short["end"], short["words"] = 6.2, [word(31, "no", 6.0, 6.2)]


def endless(document: dict[str, Any]) -> None:
    cue_of(document, 0)["end"] = 7.5
    document["tracks"][0]["cues"] = [cue_of(document, 0)]


def overlapping(document: dict[str, Any]) -> None:
    cue_of(document, 0)["end"] = 2.3


def flickering(document: dict[str, Any]) -> None:
    cue_of(document, 0)["end"] = 1.96


def after_the_end(document: dict[str, Any]) -> None:
    late = cue_of(document, 3)
    late["start"], late["end"] = 9.0, 10.5
    late["words"] = [word(31, "too", 9.0, 9.5), word(32, "late", 9.5, 10.0)]


def long_line(document: dict[str, Any]) -> None:
    wide = cue_of(document, 0)
    wide["style"] = {"fontSize": 12, "maxWidth": 0.9}
    wide["end"] = 4.0
    wide["words"] = [word(n, text, 0.3 * n, 0.3 * n + 0.3) for n, text in enumerate(("words",) * 9)]
    del document["tracks"][0]["cues"][1]


def colliding(document: dict[str, Any]) -> None:
    second = copy.deepcopy(document["tracks"][0])
    second["id"] = "other"
    second["cues"] = [cue(word(99, "over you", 2.2, 3.0), number=99, start=2.2, end=3.2)]
    document["tracks"].append(second)


def other_shape(document: dict[str, Any]) -> None:
    document["canvas"]["height"] = WIDTH


DEFECTS: list[tuple[str, Callable[[dict[str, Any]], None], str | None]] = [
    ("caption.outside_safe_area", too_low, "c1"),
    ("caption.outside_safe_area", under_the_buttons, "c2"),
    ("caption.low_contrast", swallowed, "c2"),
    ("caption.too_fast", hasty, "c0"),
    ("caption.too_short", flash, "c3"),
    ("caption.too_long", endless, "c0"),
    ("caption.overlap", overlapping, "c0"),
    ("caption.gap_too_short", flickering, "c0"),
    ("caption.after_end", after_the_end, "c3"),
    ("caption.line_too_long", long_line, "c0"),
    ("caption.collision", colliding, "c99"),
]
MENDABLE = (too_low, under_the_buttons, swallowed, hasty, overlapping, flickering)


def media() -> Any:
    from tasks.contracts import MediaInfo, VideoInfo

    return MediaInfo("mp4", LENGTH_S, 1, "0" * 64, VideoInfo("h264", WIDTH, HEIGHT, 10, 1), None)


def test_a_clean_scenario_has_no_finding(chromium: str, settings: WorkerSettings, clip: Path) -> None:
    result = look(clean(), settings, clip, media=media())

    assert result.findings == ()
    assert (result.cues, result.samples, result.width, result.height) == (4, 4, WIDTH, HEIGHT)


def apply(document: dict[str, Any], patch: list[dict[str, Any]]) -> dict[str, Any]:
    """Apply the operations that fixes are made of."""
    mended = copy.deepcopy(document)
    for step in patch:
        *path, last = step["path"].split("/")[1:]
        place: Any = mended
        for key in path:
            place = place[int(key)] if isinstance(place, list) else place[key]
        assert step["op"] == "add" or last in place
        place[last] = step["value"]
    return mended


@pytest.mark.parametrize(("code", "spoil", "cue_id"), DEFECTS, ids=[spoil.__name__ for _, spoil, _ in DEFECTS])
def test_each_seeded_defect_is_found_at_its_caption_and_mended_by_its_patch(
    chromium: str, settings: WorkerSettings, clip: Path, code: str, spoil: Any, cue_id: str | None
) -> None:
    document = clean()
    spoil(document)

    found = look(document, settings, clip, media=media()).findings

    assert [(finding["code"], finding["cue_id"]) for finding in found] == [(code, cue_id)]
    assert found[0]["severity"] in ("error", "warning")
    assert found[0]["pointer"].startswith("/tracks/")
    assert found[0]["message"] and isinstance(found[0]["t"], float)
    if spoil in MENDABLE:
        mended = apply(document, found[0]["fix"])
        assert look(mended, settings, clip, media=media()).findings == ()


def test_low_contrast_names_word_time_and_box(chromium: str, settings: WorkerSettings, clip: Path) -> None:
    document = clean()
    swallowed(document)

    [found] = look(document, settings, clip, media=media()).findings

    assert found["word_id"] in ("w20", "w21")
    assert found["t"] == pytest.approx(4.9)
    left, top, width, height = found["box"]
    assert 0 < left < left + width < WIDTH and 0 < top < top + height < HEIGHT
    assert "1.0:1" in found["message"] or "1.1:1" in found["message"]


def test_a_canvas_of_another_shape_is_told(chromium: str, settings: WorkerSettings, clip: Path) -> None:
    document = clean()
    other_shape(document)

    codes = [finding["code"] for finding in look(document, settings, clip, media=media()).findings]

    assert "canvas.other_shape" in codes


def test_samples_are_spread_over_the_video() -> None:
    cues = [cue(word(n, "so", n, n + 0.5), number=n, start=n, end=n + 0.8) for n in range(100)]

    chosen = choose_cues(parse(scene(*cues)), 5, 50.0)

    assert [index for index, _ in chosen] == [0, 12, 24, 37, 49]


@pytest.mark.parametrize(
    ("one", "other", "ratio"), [("#000000", "#FFFFFF", 21.0), ("#777777", "#FFFFFF", 4.48), ("#FF0000", "#FFFFFF", 4.0)]
)
def test_ratios_are_those_of_wcag(one: str, other: str, ratio: float) -> None:
    def of(colour: str) -> Any:
        return luminance(np.array([[int(colour[at : at + 2], 16) for at in (1, 3, 5)]], np.float64))

    assert contrast(of(one)[0], of(other))[0] == pytest.approx(ratio, abs=0.01)


def test_an_outline_is_the_colour_that_stands_out() -> None:
    assert (best_outline("#FFE14D"), best_outline("#102040")) == ("#000000", "#FFFFFF")
