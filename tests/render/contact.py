"""Contact sheets of all motions, looks and scripts: the documentation's pictures, which tests hold renders against.

``python -m tests.render.contact`` draws them again (``make pictures``); look at them before they are committed.
"""

from __future__ import annotations

from collections.abc import Iterator
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
COLUMNS, CELL_WIDTH, CELL_HEIGHT = 4, 400, 240
TIMES = (0.06, 0.25, 0.62, 1.3, 1.93)
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
Picture = NDArray[np.uint8]


def sheets() -> dict[str, tuple[dict[str, Any], list[str]]]:
    """Return each sheet's scenario and the names of its cells."""
    plain = {"fontFamily": "Inter", "fontWeight": 800, "fontSize": 46, "stroke": {"color": "#000000", "width": 3}}
    of_motions = [cell(WORDS, plain, motion["animation"]) for motion in motions()]
    for motion, entry in zip(motions(), of_motions, strict=True):
        if motion["name"] == "emoji-pop":
            entry["words"][1]["emoji"] = "🔥"
    of_looks = [cell(WORDS, scale_lengths(look["style"], 600), look["animation"]) for look in presets()]
    sung = {"activeWord": {"type": "karaoke"}, "enter": {"type": "fade"}}
    of_scripts = [cell(tuple(text.split()), plain, sung) for text in SCRIPTS.values()]
    return {
        "motions": (grid(of_motions), [motion["name"] for motion in motions()]),
        "looks": (grid(of_looks), [look["name"] for look in presets()]),
        "scripts": (grid(of_scripts), list(SCRIPTS)),
    }


def cell(texts: tuple[str, ...], style: dict[str, Any], animation: dict[str, Any]) -> dict[str, Any]:
    """Return a caption of two seconds."""
    words = [
        {"id": f"w{n}", "text": text, "start": n * 2 / len(texts), "end": (n + 1) * 2 / len(texts)}
        for n, text in enumerate(texts)
    ]
    return {"start": 0, "end": 2, "words": words, "style": style, "animation": animation}


def grid(cells: list[dict[str, Any]]) -> dict[str, Any]:
    """Put captions side by side on one canvas."""
    rows = -(-len(cells) // COLUMNS)
    width, height = COLUMNS * CELL_WIDTH, rows * CELL_HEIGHT
    cues = []
    for index, entry in enumerate(cells):
        x = (index % COLUMNS + 0.5) * CELL_WIDTH / width
        y = (index // COLUMNS + 0.5) * CELL_HEIGHT / height
        words = [{**word, "id": f"c{index}{word['id']}"} for word in entry["words"]]
        style = {**entry["style"], "position": {"x": x, "y": y, "anchor": "center"}, "maxWidth": 0.92 / COLUMNS}
        cues.append({**entry, "id": f"c{index}", "words": words, "style": style})
    track = {"id": "t", "type": "captions", "cues": cues}
    return {"version": "1", "canvas": {"width": width, "height": height}, "tracks": [track]}


def draw(document: dict[str, Any], chromium: str) -> tuple[Picture, str]:
    """Return the sheet, each cell's moments in a row, and the browser's version."""
    scenario = parse(document)
    check_scenario(scenario)
    width, height = scenario.width, scenario.height
    with open_browser(chromium) as browser:
        fonts = faces_of(scenario)
        with StagePage(browser, scenario, width=width, height=height, fonts=fonts) as stage:
            stage.load()
            moments = [take(stage, t) for t in TIMES]
            version = browser.version
    count = len(document["tracks"][0]["cues"])
    strips = [np.concatenate([cut(moment, index) for moment in moments], axis=1) for index in range(count)]
    half = -(-count // 2)
    strips += [np.zeros_like(strips[0])] * (2 * half - count)
    columns = [np.concatenate(strips[:half]), np.concatenate(strips[half:])]
    return np.concatenate(columns, axis=1), version


def take(stage: StagePage, t: float) -> NDArray[np.float64]:
    """Return the canvas at a time, over the background, at half size."""
    picture = stage.picture_at(t).astype(np.float64)
    alpha = picture[..., 3:] / 255
    laid = picture[..., :3] * alpha + BACKGROUND * (1 - alpha)
    return (laid[::2, ::2] + laid[1::2, ::2] + laid[::2, 1::2] + laid[1::2, 1::2]) / 4  # type: ignore[no-any-return]


def cut(moment: NDArray[np.float64], index: int) -> Picture:
    """Return one cell of a moment, with a frame."""
    top, left = index // COLUMNS * CELL_HEIGHT // 2, index % COLUMNS * CELL_WIDTH // 2
    part = np.rint(moment[top : top + CELL_HEIGHT // 2, left : left + CELL_WIDTH // 2]).astype(np.uint8)
    part[[0, -1]] = part[:, [0, -1]] = 40
    return part


def cells_of(sheet: Picture) -> Iterator[tuple[int, int, Picture]]:
    """Yield (row, column, cell) of a sheet."""
    high, wide = CELL_HEIGHT // 2, CELL_WIDTH // 2
    for row in range(sheet.shape[0] // high):
        for column in range(sheet.shape[1] // wide):
            yield row, column, sheet[row * high : (row + 1) * high, column * wide : (column + 1) * wide]


def read_png(path: Path) -> Picture:
    """Return a picture's pixels (height, width, 3)."""
    decoder = av.CodecContext.create("png", "r")
    assert isinstance(decoder, VideoCodecContext)
    frames = [*decoder.decode(av.Packet(path.read_bytes())), *decoder.decode(None)]
    return frames[0].to_ndarray(format="rgb24")


def main() -> None:
    """Draw every sheet into the documentation."""
    chromium = str(find_chromium())
    for name, (document, _) in sheets().items():
        picture, version = draw(document, chromium)
        (FOLDER / f"{name}.png").write_bytes(encode_png(picture))
        (FOLDER / "drawn-by.txt").write_text(f"Chromium {version}\n")


if __name__ == "__main__":
    main()
