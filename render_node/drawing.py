"""The captions of one size, drawn once and converted for every form of frame that they are laid over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import av

from render_node.alpha import RgbaPatch, blend_rgba, to_rgba
from render_node.colour import Colour
from render_node.composite import YuvPatch, blend, to_yuv
from render_node.deep import DeepPatch, blend_deep, to_deep
from render_node.frames.plan import Rect, Tile
from render_node.frames.stage_page import Rgba
from render_node.overlay import Overlay
from render_node.shaper import Form
from tasks.fonts import FontFace
from tasks.scenario import Scenario

AnyPatch = YuvPatch | DeepPatch | RgbaPatch
Convert = Callable[[Tile, Rgba], AnyPatch]


@dataclass(frozen=True)
class Script:
    """What is to be drawn, and with what."""

    scenario: Scenario
    fonts: list[FontFace]
    chromium: str
    images: dict[str, bytes] = field(default_factory=dict)


@dataclass
class Bundle:
    """One drawn region in several forms."""

    rect: Rect
    parts: tuple[AnyPatch, ...]

    def copy(self) -> Bundle:
        """Return a bundle that can be changed."""
        return Bundle(self.rect, tuple(part.copy() for part in self.parts))

    def lay(self, other: Bundle) -> None:
        """Replace the part of this bundle that the other one covers."""
        for mine, theirs in zip(self.parts, other.parts, strict=True):
            mine.lay(theirs)  # type: ignore[arg-type]  # the forms of all bundles are the same, in order

    def crop(self, rect: Rect) -> Bundle:
        """Return the part that lies in a region within this one; may share memory."""
        return Bundle(rect, tuple(part.crop(rect) for part in self.parts))

    def faded(self, opacity: int) -> Bundle:
        """Return the bundle at an opacity of 0..255."""
        return Bundle(self.rect, tuple(part.faded(opacity) for part in self.parts))


class Drawing:
    """The captions at given times and in one size, for any number of forms.

    :param times: seconds, ascending; asked for in this order.
    """

    def __init__(self, script: Script, times: list[float], size: tuple[int, int]) -> None:
        self.times = times
        self._forms: list[tuple[Form, Colour]] = []
        self._converts: list[Convert] = []
        self._is_started = False
        self.overlay: Overlay[Bundle] = Overlay(
            script.scenario,
            times,
            size=size,
            fonts=script.fonts,
            chromium=script.chromium,
            convert=self._convert,
            images=script.images,
        )

    def add_form(self, form: Form, colour: Colour) -> int:
        """Ask for a form before :meth:`start`; return its number."""
        if (form, colour) not in self._forms:
            self._forms.append((form, colour))
            self._converts.append(converter(form, colour))
        return self._forms.index((form, colour))

    def start(self) -> None:
        """Begin drawing; a second call does nothing."""
        if not self._is_started:
            self._is_started = True
            self.overlay.start()

    def draw(self, frame: av.VideoFrame, t: float, number: int) -> None:
        """Blend the captions of time ``t`` into a writable frame of form ``number``."""
        lay = BLENDERS[self._forms[number][0]]
        for bundle in self.overlay.at(t):
            lay(frame, bundle.parts[number])

    def close(self) -> None:
        """End the browser."""
        self.overlay.close()

    def _convert(self, tile: Tile, picture: Rgba) -> Bundle:
        return Bundle(tile.rect, tuple(convert(tile, picture) for convert in self._converts))


def converter(form: Form, colour: Colour) -> Convert:
    """Return what turns a drawn tile into a patch of a form."""
    if form is Form.YUV:
        return partial(to_yuv, space=colour.blending())
    if form is Form.RGBA:
        return to_rgba
    return partial(to_deep, colour=colour, half=2 if form is Form.DEEP else 1)


BLENDERS: dict[Form, Callable[[av.VideoFrame, Any], None]] = {
    Form.YUV: blend,
    Form.DEEP: blend_deep,
    Form.DEEP_444: blend_deep,
    Form.RGBA: blend_rgba,
}
