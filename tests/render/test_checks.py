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
from tasks.scenario.quality import CODES
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


def unreadable_while_spoken(document: dict[str, Any]) -> None:
    """Black on light until it is spoken, then light on light: only the second may be told."""
    word_look = {"color": "#000000", "stroke": {"color": "#000000", "width": 0}}
    cue_of(document, 2)["style"] = word_look
    cue_of(document, 2)["animation"] = {"activeWord": {"type": "highlight", "color": "#F0F0F0"}}


def unreadable_in_its_pill(document: dict[str, Any]) -> None:
    pill = {"type": "pill", "color": "#FFFFFF", "boxColor": "#FFE14D"}
    cue_of(document, 1)["animation"] = {"activeWord": pill}


def a_stop_that_vanishes(document: dict[str, Any]) -> None:
    stops = [{"offset": 0, "color": "#101010"}, {"offset": 1, "color": "#F8F8F8"}]
    cue_of(document, 3)["style"] = {"gradient": {"stops": stops}, "stroke": {"color": "#000000", "width": 0}}


def dimmed_away(document: dict[str, Any]) -> None:
    cue_of(document, 1)["animation"] = {"unspoken": {"opacity": 0.1}}


def faded_away(document: dict[str, Any]) -> None:
    cue_of(document, 0)["style"] = {"opacity": 0.1}


def see_through(document: dict[str, Any]) -> None:
    cue_of(document, 0)["style"] = {"color": "#FFFFFF10", "stroke": {"color": "#000000", "width": 0}}


def badly_emphasized(document: dict[str, Any]) -> None:
    cue_of(document, 1)["animation"] = {"emphasis": {"color": "#181818"}}
    cue_of(document, 1)["words"][1]["emphasis"] = True


def too_large(document: dict[str, Any]) -> None:
    cue_of(document, 1)["style"] = {"fontSize": 160}


def slanted(document: dict[str, Any]) -> None:
    cue_of(document, 1)["style"] = {"fontFamily": "Montserrat", "fontWeight": 800, "fontStyle": "italic"}
    cue_of(document, 1)["words"][0]["text"] = "שלום"


def off_the_canvas(document: dict[str, Any]) -> None:
    cue_of(document, 1)["style"] = {"position": {"x": 0.45, "y": 0.0, "anchor": "bottom"}}


def hasty(document: dict[str, Any]) -> None:
    fast = cue_of(document, 0)
    fast["end"] = 0.6
    fast["words"] = [word(1, "altogether", 0.0, 0.3), word(2, "unreadable", 0.3, 0.6)]


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
    ("caption.low_contrast", unreadable_while_spoken, "c2"),
    ("caption.low_contrast", unreadable_in_its_pill, "c1"),
    ("caption.low_contrast", a_stop_that_vanishes, "c3"),
    ("caption.low_contrast", dimmed_away, "c1"),
    ("caption.low_contrast", faded_away, "c0"),
    ("caption.low_contrast", see_through, "c0"),
    ("caption.low_contrast", badly_emphasized, "c1"),
    ("caption.shrunk", too_large, "c1"),
    ("font.substituted", slanted, "c1"),
    ("caption.outside_safe_area", off_the_canvas, "c1"),
    ("caption.too_fast", hasty, "c0"),
    ("caption.too_short", flash, "c3"),
    ("caption.too_long", endless, "c0"),
    ("caption.overlap", overlapping, "c0"),
    ("caption.gap_too_short", flickering, "c0"),
    ("caption.after_end", after_the_end, "c3"),
    ("caption.line_too_long", long_line, "c0"),
    ("caption.collision", colliding, "c99"),
]
MENDABLE = (too_low, under_the_buttons, swallowed, too_large, off_the_canvas, hasty, overlapping, flickering)
UNMENDABLE = (unreadable_in_its_pill, dimmed_away, faded_away, a_stop_that_vanishes)
"""No outline helps these: what is drawn is behind it, above it, or of two minds."""


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
    if spoil in UNMENDABLE:
        assert found[0]["fix"] is None and found[0]["suggestion"]


def test_every_finding_is_seeded_and_told_in_the_guide() -> None:
    guide = (Path(__file__).parents[2] / "docs/guides/stills.rst").read_text()

    assert {code for code, _, _ in DEFECTS} | {"canvas.other_shape"} == CODES
    assert [code for code in sorted(CODES) if f"``{code}``" not in guide] == []


def test_a_caption_set_smaller_names_the_size_that_it_is_drawn_in(
    chromium: str, settings: WorkerSettings, clip: Path
) -> None:
    document = clean()
    too_large(document)

    [found] = look(document, settings, clip, media=media()).findings

    [patch] = found["fix"]
    assert patch["path"] == "/tracks/0/cues/1/style/fontSize"
    assert 44 < patch["value"] < 160 and f"fontSize {patch['value']:g}" in found["suggestion"]
    assert f"{patch['value'] / 160:.0%}" in found["message"]
    assert (found["t"], found["severity"]) == (2.0, "warning")
    left, top, width, height = found["box"]
    assert 0 <= left < left + width <= WIDTH and 0 <= top < top + height <= HEIGHT


def test_a_caption_kept_on_the_picture_tells_by_how_much(chromium: str, settings: WorkerSettings, clip: Path) -> None:
    document = clean()
    off_the_canvas(document)

    [found] = look(document, settings, clip, media=media()).findings

    assert found["box"][1] == 0
    assert f"it is drawn {found['box'][3]:.0f} px from there" in found["message"]


@pytest.fixture(scope="module")
def red_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Red footage."""

    def draw(number: int, t: float) -> np.ndarray[Any, Any]:
        return np.full((HEIGHT, WIDTH, 3), (220, 20, 30), np.uint8)

    path = tmp_path_factory.mktemp("checks") / "red.mp4"
    return make_video(path, width=WIDTH, height=HEIGHT, fps=10, duration_s=LENGTH_S, audio=None, draw=draw)


def test_a_red_spoken_word_on_red_footage_is_told_by_its_own_colour(
    chromium: str, settings: WorkerSettings, red_clip: Path
) -> None:
    document = clean()
    document["tracks"][0]["style"]["stroke"]["width"] = 0
    assert look(document, settings, red_clip, media=media()).findings == (), "white can be read on red"
    document["tracks"][0]["animation"] = {"activeWord": {"type": "highlight", "color": "#E01020"}}

    found = look(document, settings, red_clip, media=media()).findings

    assert [(one["code"], one["cue_id"]) for one in found] == [("caption.low_contrast", f"c{n}") for n in range(4)]
    assert all("#E01020" in one["message"] and "while it is spoken" in one["message"] for one in found)
    mended = apply(document, [step for one in found for step in one["fix"]])
    assert look(mended, settings, red_clip, media=media()).findings == ()


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
