"""The captions of each moment as patches ready to be laid over a frame; the browser draws ahead in its own thread."""

from __future__ import annotations

import bisect
from collections.abc import Callable
from functools import reduce
from typing import Generic, Protocol, TypeVar

import numpy as np

from render_node.frames.capture import CaptureThread, TileStore
from render_node.frames.plan import FramePlan, LayerPlan, Part, Rect, Tile
from render_node.frames.stage_page import Rgba
from render_node.ordered_images import offered_images
from tasks.fonts import FontFace
from tasks.scenario import Scenario

Self = TypeVar("Self", bound="Patch")


class Patch(Protocol):
    """A drawn region in whatever form the frames need."""

    rect: Rect

    def copy(self: Self) -> Self:
        """Return a patch that can be changed."""

    def lay(self: Self, other: Self) -> None:
        """Replace the part of this patch that the other one covers."""

    def crop(self: Self, rect: Rect) -> Self:
        """Return the part of this patch that lies in a region within it; may share its memory."""

    def faded(self: Self, opacity: int) -> Self:
        """Return the patch at an opacity of 0..255."""


P = TypeVar("P", bound=Patch)


class Overlay(Generic[P]):
    """Answers what lies over the picture at each of the times it was opened for.

    :param times: seconds, ascending; they are to be asked for in order, gaps allowed.
    :param size: width and height of the output in pixels.
    :param convert: turns a drawn tile (straight alpha) into a patch; called in the browser's thread.
    :param images: the scenario's pictures, name -> bytes of a PNG, JPEG or WebP; None: those offered to this thread.
    """

    def __init__(
        self,
        scenario: Scenario,
        times: list[float],
        *,
        size: tuple[int, int],
        fonts: list[FontFace],
        chromium: str,
        convert: Callable[[Tile, Rgba], P],
        images: dict[str, bytes] | None = None,
    ) -> None:
        self.times = times
        self._convert = convert
        self._store: TileStore[P] = TileStore(convert, size)
        pictures = offered_images() if images is None else images
        self._capture = CaptureThread(scenario, self._store, size=size, fonts=fonts, chromium=chromium, images=pictures)
        self._started = False
        self._next = 0
        self._shown: FramePlan = ()
        self._patches: list[P] = []

    @property
    def browser(self) -> str:
        """Name and version of the browser that drew."""
        return self._capture.browser

    @property
    def drawn(self) -> int:
        """How many distinct pictures were drawn so far."""
        return self._store.drawn

    def start(self) -> None:
        """Open the browser and begin drawing."""
        self._capture.start(self.times)
        self._started = True

    def at(self, t: float) -> list[P]:
        """Return the patches of time ``t``, in the order in which they are to be blended."""
        if not self.times:
            return []
        index = self._index(t)
        while self._next < index:
            self._store.frame(self._next)
            self._store.done(self._next)
            self._next += 1
        if index < self._next:
            return self._patches
        frame = self._store.frame(index)
        if frame != self._shown:
            self._patches = [assemble(layer, self._store.get, self._convert) for layer in frame]
            self._shown = frame
        self._store.done(index)
        self._next += 1
        return self._patches

    def close(self) -> None:
        """End the browser."""
        if self._started:
            self._capture.stop()

    def _index(self, t: float) -> int:
        """Return the time nearest to ``t``, never one already passed."""
        after = bisect.bisect_left(self.times, t)
        near = [index for index in (after - 1, after) if 0 <= index < len(self.times)]
        return max(min(near, key=lambda index: abs(self.times[index] - t)), self._next - 1)


def assemble(layer: LayerPlan, tiles: Callable[[int], P], convert: Callable[[Tile, Rgba], P]) -> P:
    """Put a layer together from its parts.

    :param tiles: returns a drawn tile by its id, :param convert: makes a patch of pixels.
    """
    patches = [patch for part in layer.parts for patch in _patches_of(part, tiles)]
    patch = patches[0]
    if len(patches) > 1:
        whole = reduce(Rect.cover, (each.rect for each in patches))
        if whole == patch.rect:
            patch, *patches = patch.copy(), *patches[1:]
        else:
            patch = convert(Tile(0, whole), np.zeros((whole.height, whole.width, 4), np.uint8))
        for each in patches:
            patch.lay(each)
    return patch if layer.opacity == 255 else patch.faded(layer.opacity)


def _patches_of(part: Part, tiles: Callable[[int], P]) -> list[P]:
    patch = tiles(part.tile)
    if not part.other:
        return [patch]
    rect = Rect(part.x, patch.rect.y, part.width, patch.rect.height)
    return [patch, tiles(part.other).crop(rect)]
