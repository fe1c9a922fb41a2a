"""Contact sheets of all motions, looks and scripts: the documentation's pictures, which tests hold renders against.

``python -m tests.render.contact`` draws them again (``make pictures``); look at them before they are committed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray

from render_node.frames.browser import find_chromium, open_browser
from render_node.frames.stage_page import StagePage
from render_node.stills import encode_png
from tasks.fonts import check_scenario, faces_of
from tasks.scenario import motions, parse, presets
from tasks.scenario.build import scale_lengths

FOLDER = Path(__file__).parents[2] / "docs" / "_static"
TIMES = (0.06, 0.25, 0.62, 1.3, 1.93)
COMES_STAYS_GOES = (0.15, 1.0, 1.9)
WORDS = ("Keep", "going", "my", "friend")
BACKGROUND = np.array([61, 78, 97], np.float64)
SCRIPTS = {
    "latin": "Über den Wolken leuchten",
    "greek": "Καλημέρα σε όλο τον κόσμο",
    "cyrillic": "Добрый вечер дорогие друзья",
    "arabic": "مرحبا بكم في مدينتنا",
    "hebrew": "שלום לכולם מכל הלב",
    "devanagari": "नमस्ते दुनिया कैसे हैं",
    "bengali": "সবাইকে অনেক শুভেচ্ছা জানাই",
    "tamil": "அனைவருக்கும் இனிய காலை வணக்கம்",
    "thai": "สวัสดี ชาว โลก ทุกคน",
    "japanese": "今日は いい 天気 ですね",
    "chinese": "今天 天气 真的 很好",
    "korean": "안녕하세요 여러분 반갑습니다 오늘",
    "mixed": "Hello עולם مرحبا world",
    "emoji": "Family 👨‍👩‍👧‍👦 time 🎉",
}
RIGHT_TO_LEFT = {"arabic": "مرحبا بكم جميعا", "hebrew": "שלום לכולם ביחד"}
LETTERED = {"devanagari": "नमस्ते क्षत्रिय", "thai": "ที่นี่ ทุกคน", "japanese": "今日は いい天気"}
MIXED = "Hello עולם שלום"
BY_LETTER = {
    f"{effect} by letter": {axis: {"type": effect, "unit": "letter", "staggerMs": 30} for axis in ("enter", "exit")}
    for effect in ("pop", "flip", "slide", "rotate", "drop")
}
Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Sheet:
    """A scenario of captions side by side, and how its picture is laid out.

    :param names: of its cells in their order, :param times: a cell's moments in seconds, :param cell: a cell's pixels
        (width, height), which the picture has at half the size, :param across: cells in a row of the canvas,
        :param bands: columns of the picture, each with all moments of its cells,
        :param step: what its levels of colour are multiples of; a coarse picture is a small file.
    """

    document: dict[str, Any]
    names: list[str]
    times: tuple[float, ...] = TIMES
    cell: tuple[int, int] = (400, 240)
    across: int = 4
    bands: int = 2
    step: int = 1


def sheets() -> dict[str, Sheet]:
    """Return each sheet by its file's name."""
    plain = {"fontFamily": "Inter", "fontWeight": 800, "fontSize": 46, "stroke": {"color": "#000000", "width": 3}}
    of_motions = [cell(WORDS, plain, motion["animation"]) for motion in motions()]
    for motion, entry in zip(motions(), of_motions, strict=True):
        if motion["name"] == "emoji-pop":
            entry["words"][1]["emoji"] = "🔥"
    of_looks = [cell(WORDS, scale_lengths(look["style"], 600), look["animation"]) for look in presets()]
    sung = {"activeWord": {"type": "karaoke"}, "enter": {"type": "fade"}}
    of_scripts = [cell(tuple(text.split()), plain, sung) for text in SCRIPTS.values()]
    return {
        "motions": sheet(of_motions, [motion["name"] for motion in motions()]),
        "looks": sheet(of_looks, [look["name"] for look in presets()]),
        "scripts": sheet(of_scripts, list(SCRIPTS)),
        "motions-scripts": motions_in_scripts(),
    }


def motions_in_scripts() -> Sheet:
    """Return every motion from right to left, a column for each script, and motions by letter in six scripts."""
    named = {motion["name"]: motion["animation"] for motion in motions()}
    by_letter = {name: named[name] for name in ("typewriter", "ascend", "wave")} | BY_LETTER
    wanted = [(script, text, named) for script, text in RIGHT_TO_LEFT.items()]
    wanted += [(script, text, by_letter) for script, text in LETTERED.items()]
    wanted += [(script, text, BY_LETTER) for script, text in {**RIGHT_TO_LEFT, "mixed": MIXED}.items()]
    style = {"fontFamily": "Inter", "fontWeight": 800, "fontSize": 28, "stroke": {"color": "#000000", "width": 2}}
    cells = {
        f"{script} {name}": cell(tuple(text.split()), style, animation)
        for script, text, animations in wanted
        for name, animation in animations.items()
    }
    return sheet(
        list(cells.values()), list(cells), times=COMES_STAYS_GOES, cell=(240, 120), across=13, bands=3, step=17
    )


def cell(texts: tuple[str, ...], style: dict[str, Any], animation: dict[str, Any]) -> dict[str, Any]:
    """Return a caption of two seconds."""
    words = [
        {"id": f"w{n}", "text": text, "start": n * 2 / len(texts), "end": (n + 1) * 2 / len(texts)}
        for n, text in enumerate(texts)
    ]
    return {"start": 0, "end": 2, "words": words, "style": style, "animation": animation}


def sheet(cells: list[dict[str, Any]], names: list[str], **layout: Any) -> Sheet:
    """Put captions side by side on one canvas."""
    empty = Sheet({}, names, **layout)
    rows = -(-len(cells) // empty.across)
    width, height = empty.across * empty.cell[0], rows * empty.cell[1]
    cues = []
    for index, entry in enumerate(cells):
        x, y = (index % empty.across + 0.5) / empty.across, (index // empty.across + 0.5) / rows
        words = [{**word, "id": f"c{index}{word['id']}"} for word in entry["words"]]
        place = {"x": x, "y": y, "anchor": "center"}
        style = {**entry["style"], "position": place, "maxWidth": 0.92 / empty.across}
        cues.append({**entry, "id": f"c{index}", "words": words, "style": style})
    track = {"id": "t", "type": "captions", "cues": cues}
    return replace(empty, document={"version": "1", "canvas": {"width": width, "height": height}, "tracks": [track]})


def draw(sheet: Sheet, chromium: str) -> tuple[Picture, str]:
    """Return the sheet, each cell's moments in a row, and the browser's version."""
    scenario = parse(sheet.document)
    check_scenario(scenario)
    width, height = scenario.width, scenario.height
    with open_browser(chromium) as browser:
        fonts = faces_of(scenario)
        with StagePage(browser, scenario, width=width, height=height, fonts=fonts) as stage:
            stage.load()
            moments = [take(stage, t) for t in sheet.times]
            version = browser.version
    count = len(sheet.names)
    strips = [np.concatenate([cut(moment, sheet, index) for moment in moments], axis=1) for index in range(count)]
    rows = -(-count // sheet.bands)
    strips += [np.zeros_like(strips[0])] * (sheet.bands * rows - count)
    columns = [np.concatenate(strips[rows * band : rows * (band + 1)]) for band in range(sheet.bands)]
    return np.concatenate(columns, axis=1), version


def take(stage: StagePage, t: float) -> NDArray[np.float64]:
    """Return the canvas at a time, over the background, at half size."""
    picture = stage.picture_at(t).astype(np.float64)
    alpha = picture[..., 3:] / 255
    laid = picture[..., :3] * alpha + BACKGROUND * (1 - alpha)
    return (laid[::2, ::2] + laid[1::2, ::2] + laid[::2, 1::2] + laid[1::2, 1::2]) / 4  # type: ignore[no-any-return]


def cut(moment: NDArray[np.float64], sheet: Sheet, index: int) -> Picture:
    """Return one cell of a moment, with a frame."""
    wide, high = (side // 2 for side in sheet.cell)
    top, left = index // sheet.across * high, index % sheet.across * wide
    part = (np.rint(moment[top : top + high, left : left + wide] / sheet.step) * sheet.step).astype(np.uint8)
    part[[0, -1]] = part[:, [0, -1]] = 40
    return part


def cells_of(picture: Picture, sheet: Sheet) -> Iterator[tuple[str, int, Picture]]:
    """Yield (name, moment, cell) of a sheet's picture."""
    wide, high = (side // 2 for side in sheet.cell)
    moments, rows = len(sheet.times), picture.shape[0] // high
    for number, name in enumerate(sheet.names):
        top, left = number % rows * high, number // rows * moments * wide
        for moment in range(moments):
            x = left + moment * wide
            yield name, moment, picture[top : top + high, x : x + wide]


def read_png(path: Path) -> Picture:
    """Return a picture's pixels (height, width, 3)."""
    decoder = av.CodecContext.create("png", "r")
    assert isinstance(decoder, VideoCodecContext)
    frames = [*decoder.decode(av.Packet(path.read_bytes())), *decoder.decode(None)]
    return frames[0].to_ndarray(format="rgb24")


def main() -> None:
    """Draw every sheet into the documentation."""
    chromium = str(find_chromium())
    for name, sheet in sheets().items():
        picture, version = draw(sheet, chromium)
        (FOLDER / f"{name}.png").write_bytes(encode_png(picture))
        (FOLDER / "drawn-by.txt").write_text(f"Chromium {version}\n")


if __name__ == "__main__":
    main()
