"""The captions of each moment as patches ready to be laid over a frame; the browser draws ahead in its own thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from render_node.frames.capture import CaptureThread, TileStore
from render_node.frames.plan import TilePlan
from render_node.frames.stage_page import Rgba, Tile
from tasks.fonts import FontFace
from tasks.scenario import Scenario
from tasks.scenario.timeline import CueState, Timeline

Self = TypeVar("Self", bound="Patch")


class Patch(Protocol):
    """A drawn region in whatever form the frames need."""

    def copy(self: Self) -> Self:
        """Return a patch that can be changed."""

    def lay(self: Self, other: Self) -> None:
        """Replace the part of this patch that the other one covers."""

    def faded(self: Self, opacity: int) -> Self:
        """Return the patch at an opacity of 0..255."""


P = TypeVar("P", bound=Patch)


class Overlay(Generic[P]):
    """Answers what lies over the picture at each of the times it was opened for.

    :param times: seconds, ascending; each is asked for once, in order.
    :param size: width and height of the output in pixels.
    :param convert: turns a drawn tile (straight alpha) into a patch; called in the browser's thread.
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
    ) -> None:
        self.times = times
        self._timeline = Timeline(scenario)
        self._store: TileStore[P] = TileStore(convert)
        self._capture = CaptureThread(scenario, self._store, size=size, fonts=fonts, chromium=chromium)
        self._plan: TilePlan | None = None
        self._shown: tuple[CueState, ...] = ()
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
        self._plan = self._capture.start(self.times)

    def at(self, t: float) -> list[P]:
        """Return the patches of time ``t``, in the order in which they are to be blended."""
        assert self._plan is not None
        states = self._timeline.at(t)
        used = tuple(tile for state in states for tile in self._plan.tiles(state))
        if states != self._shown:
            self._patches = [self._assemble(state) for state in states]
            self._shown = states
        self._store.done(used)
        return self._patches

    def close(self) -> None:
        """End the browser."""
        if self._plan is not None:
            self._capture.stop()

    def _assemble(self, state: CueState) -> P:
        assert self._plan is not None
        base, *rest = self._plan.tiles(state)
        patch = self._store.get(base)
        if rest:
            patch = patch.copy()
            for tile in rest:
                patch.lay(self._store.get(tile))
        return patch if state.opacity == 255 else patch.faded(state.opacity)
