"""The stage in a browser: measured once, then drawn as sheets of tiles that cost one screenshot each."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

import tasks.scenario
from render_node.frames.browser import Browser
from render_node.frames.looks import number_looks
from render_node.frames.page import Page
from render_node.frames.plan import Plan, Rect, Tile, read_plan
from render_node.frames.sheets import Places, pack
from render_node.ordered_images import offered_images
from tasks.errors import PermanentError, TransientError
from tasks.fonts import FontFace, drawn_texts, dress, subset_faces
from tasks.scenario import Scenario

Rgba = NDArray[np.uint8]
"""Shape (height, width, 4), straight alpha."""

ORIGIN = "http://stage.invalid"
STAGE = Path(tasks.scenario.__file__).parent / "stage"
MODULES = ("stage", "motion", "layout", "paint")
SERVED = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/boot.js": ("boot.js", "text/javascript; charset=utf-8"),
    **{f"/{name}.js": (f"{name}.js", "text/javascript; charset=utf-8") for name in MODULES},
    "/stage.css": ("stage.css", "text/css; charset=utf-8"),
}
LAYERS_AT_A_TIME = 64
"""Captions told to the page in one message: no process on the way holds a long video's whole scenario as text."""
MOST_GARBAGE = 60
"""Tiles built and no longer shown that the page may hold; those that only move leave nothing behind."""


@dataclass(frozen=True)
class CueLayout:
    """Measured regions of a cue at rest, in pixels.

    :param box: all that its ink can reach, :param words: the same for each word.
    :param text: the block itself (x, y, width, height), :param inner: each word's own box, :param lines: how many.
    :param fit: part of the asked size that it is drawn in, less than 1 where it would not fit.
    :param pushed: how far right and down it was moved to stay on the canvas.
    """

    box: Rect
    words: tuple[Rect, ...]
    text: tuple[float, float, float, float]
    inner: tuple[tuple[float, float, float, float], ...] = ()
    lines: int = 1
    fit: float = 1.0
    pushed: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class _Ordered:
    """A sheet that is being drawn, or whose screenshot is on its way; ``number`` is the question's."""

    number: int
    tiles: list[Tile]
    places: Places
    size: tuple[int, int]


class StagePage:
    """One page with one scenario. Only our own files are served to it; every other request is refused."""

    def __init__(
        self,
        browser: Browser,
        scenario: Scenario,
        *,
        width: int,
        height: int,
        fonts: list[FontFace],
        images: dict[str, bytes] | None = None,
    ) -> None:
        self._scenario, self._fonts = scenario, fonts
        self._images = offered_images() if images is None else images
        self._size = (width, height)
        self._page = Page(browser, _files())
        self._built = self._garbage = 0

    def __enter__(self) -> StagePage:
        self._page.__enter__()
        self._page.go(f"{ORIGIN}/")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._page.__exit__(kind, error, trace)

    def load(self) -> None:
        """Load the scenario, its fonts and its pictures."""
        self._page.resize(*self._size)
        scale = self._size[0] / self._scenario.width
        texts = drawn_texts(self._scenario, self._fonts)
        fonts = [_font_data(face, text) for face, text in texts.items()]
        missing = sorted(set(self._scenario.images) - set(self._images))
        if missing:
            raise PermanentError("scenario.image_missing", f"The picture {missing[0]} is not at hand")
        images = {name: data_url(self._images[name]) for name in self._scenario.images}
        for start in range(0, len(self._scenario.layers), LAYERS_AT_A_TIME):
            self._add(replace(self._scenario, layers=self._scenario.layers[start : start + LAYERS_AT_A_TIME]))
        canvas = replace(self._scenario, layers=()).to_stage()
        self._page.evaluate(
            "([canvas, scale, fonts, images]) =>"
            " window.reelyard.open({...canvas, layers: window.reelyard.added.splice(0)}, scale, fonts, images)",
            [canvas, scale, fonts, images],
        )

    def _add(self, part: Scenario) -> None:
        layers = number_looks(dress(part, self._fonts).to_stage()["layers"])
        self._page.evaluate("([layers, looks]) => window.reelyard.add(layers, looks)", layers)

    def open(self) -> list[CueLayout]:
        """Load everything; return where each caption lies."""
        self.load()
        return [self._layout(entry) for entry in self._page.evaluate("window.reelyard.stage.measure()")]

    def plan(self, times: list[float]) -> Plan:
        """Return what is to be drawn for frames at these times (seconds); tiles of an earlier plan are forgotten."""
        self._page.resize(*self._size)
        return read_plan(self._page.evaluate("(times) => window.reelyard.stage.plan(times)", times))

    def capture(self, tiles: list[Tile]) -> list[Rgba]:
        """Draw tiles on one sheet and return their pictures in order, without what lies beside them."""
        [(_, pictures)] = self.capture_all([tiles])
        return [picture[-tile.rect.height :, -tile.rect.width :] for tile, picture in zip(tiles, pictures, strict=True)]

    def capture_all(self, sheets: Iterable[list[Tile]]) -> Iterator[tuple[list[Tile], list[Rgba]]]:
        """Yield sheets of tiles with their pictures in order; the browser draws one while the one before is used.

        A picture is of its tile's ``drawn`` region.
        """
        shown: _Ordered | None = None
        for tiles in sheets:
            png = self._page.take_screenshot(shown.number) if shown else ""
            begun = self._begin(tiles)
            unpacked = [_unpack(shown, png)] if shown else []  # while the page draws the next
            before, shown = shown, self._order(begun)
            if before:
                yield before.tiles, unpacked.pop()  # a whole sheet, of which nothing is kept here
        if shown:
            yield shown.tiles, _unpack(shown, self._page.take_screenshot(shown.number))

    def _begin(self, tiles: list[Tile]) -> _Ordered:
        """Have tiles drawn on the page; the number is that of the answer."""
        if self._garbage >= MOST_GARBAGE:
            self._page.collect_garbage()
            self._garbage = 0
        places, width, height = pack([tile.drawn for tile in tiles])
        self._page.resize(width, height)
        drawn = [[tile.id, *place] for tile, place in zip(tiles, places, strict=True)]
        number = self._page.order("(tiles) => window.reelyard.stage.draw(tiles)", drawn)
        return _Ordered(number, tiles, places, (width, height))

    def _order(self, begun: _Ordered) -> _Ordered:
        """Have a screenshot made of what was begun."""
        self._garbage += self._built  # of the sheet before, which this one takes the place of
        self._built = self._page.value(begun.number)
        return replace(begun, number=self._page.order_screenshot())

    def picture_at(self, t: float) -> Rgba:
        """Return everything on screen at ``t`` seconds, drawn whole."""
        self._page.resize(*self._size)
        self._page.evaluate("(t) => window.reelyard.stage.drawAt(t)", t)
        return self._screenshot(*self._size)

    def _screenshot(self, width: int, height: int) -> Rgba:
        return _picture(self._page.screenshot(), width, height)

    def _layout(self, entry: dict[str, Any]) -> CueLayout:
        box = even_rect(entry["box"], *self._size)
        words = tuple(even_rect(word, *self._size) for word in entry["words"])
        inner = tuple(_box(word) for word in entry["inner"])
        across, down = entry["pushed"]
        return CueLayout(box, words, _box(entry["text"]), inner, entry["lines"], entry["fit"], (across, down))


def _unpack(ordered: _Ordered, png: str) -> list[Rgba]:
    sheet = _picture(base64.b64decode(png), *ordered.size)
    return [
        sheet[top : top + tile.drawn.height, left : left + tile.drawn.width]
        for tile, (left, top) in zip(ordered.tiles, ordered.places, strict=True)
    ]


def _picture(png: bytes, width: int, height: int) -> Rgba:
    picture = decode_png(png)
    if picture.shape[:2] != (height, width):
        raise TransientError("browser.crashed", f"The browser drew {picture.shape[1]}x{picture.shape[0]} pixels")
    return picture


def _box(values: list[float]) -> tuple[float, float, float, float]:
    left, top, width, height = values
    return left, top, width, height


def data_url(content: bytes) -> str:
    """Return a picture as a ``data:`` URL; what it is shows in its first bytes."""
    kinds = {b"\x89PNG": "png", b"\xff\xd8\xff\xe0": "jpeg", b"RIFF": "webp"}
    kind = kinds.get(content[:4], "jpeg")
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


@cache
def _files() -> dict[str, tuple[bytes, str]]:
    return {ORIGIN + path: ((STAGE / name).read_bytes(), kind) for path, (name, kind) in SERVED.items()}


def _font_data(face: FontFace, text: str) -> dict[str, str]:
    """Return a face as the page loads it: only what this text needs, so that large fonts cost nothing."""
    weight = f"{face.weight_min} {face.weight_max}" if face.weight_max > face.weight_min else str(face.weight_min)
    data = base64.b64encode(*subset_faces([face], text)).decode()
    return {"family": face.family, "weight": weight, "style": face.style, "data": data}


def even_rect(box: list[float], width: int, height: int) -> Rect:
    """Return the smallest even region around a box, cut to the picture; empty when it lies outside."""
    left, top = max(0, int(box[0] // 2) * 2), max(0, int(box[1] // 2) * 2)
    right, bottom = min(width, -int(-(box[0] + box[2]) // 2) * 2), min(height, -int(-(box[1] + box[3]) // 2) * 2)
    return Rect(left, top, max(0, right - left), max(0, bottom - top))


def decode_png(data: bytes) -> Rgba:
    """Return the pixels of a PNG, not to be written to."""
    decoder = av.CodecContext.create("png", "r")
    decoder.thread_count = 1
    (frame,) = (*decoder.decode(av.Packet(data)), *decoder.decode(None))
    assert isinstance(frame, av.VideoFrame)
    if frame.format.name != "rgba":
        picture: Rgba = frame.to_ndarray(format="rgba").astype(np.uint8, copy=False)
        return picture
    buffer: Any = frame.planes[0]  # a plane is a buffer, which its stub does not say
    rows: Rgba = np.frombuffer(buffer, np.uint8).reshape(frame.height, -1, 4)
    return rows[:, : frame.width]
