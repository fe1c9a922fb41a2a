"""A thread that draws tiles ahead of the frames that need them, and forgets them after the last one."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from render_node.frames.browser import open_browser
from render_node.frames.plan import TilePlan
from render_node.frames.stage_page import Rgba, StagePage, Tile
from tasks.errors import FencedError, ReelyardError, TransientError
from tasks.fonts import FontFace
from tasks.scenario import Scenario
from tasks.scenario.timeline import Timeline

T = TypeVar("T")
SHEET_PIXELS = 3_000_000
"""Pixels drawn with one screenshot: its fixed cost is shared by dozens of tiles."""
AHEAD_PIXELS = 24_000_000
WAIT_S = 120.0


class TileStore(Generic[T]):
    """Hands drawn tiles from the browser's thread to the compositor's, in bounded memory.

    :param convert: turns pixels into what the compositor wants, in the browser's thread.
    """

    def __init__(self, convert: Callable[[Tile, Rgba], T]) -> None:
        self._convert = convert
        self._ready: dict[Tile, T] = {}
        self._left: Counter[Tile] = Counter()
        self._condition = threading.Condition()
        self._pixels = 0
        self._error: BaseException | None = None
        self._stopped = False
        self._hungry = False
        self.drawn = 0

    def expect(self, uses: Counter[Tile]) -> None:
        """Say how many frames need each tile."""
        with self._condition:
            self._left = uses
            self._condition.notify_all()

    def put(self, tiles: list[Tile], pictures: list[Rgba]) -> None:
        """Add drawn tiles; wait while too many are ahead of the compositor."""
        made = [self._convert(tile, picture) for tile, picture in zip(tiles, pictures, strict=True)]
        with self._condition:
            self._ready.update(zip(tiles, made, strict=True))
            self._pixels += sum(tile.rect.width * tile.rect.height for tile in tiles)
            self.drawn += len(tiles)
            self._condition.notify_all()
            self._condition.wait_for(lambda: self._stopped or self._hungry or self._pixels < AHEAD_PIXELS)
            if self._stopped:
                raise FencedError("render.stopped", "The render was stopped")

    def get(self, tile: Tile) -> T:
        """Return a tile, waiting until it is drawn; raise what the browser's thread died of."""
        with self._condition:
            self._hungry = tile not in self._ready
            self._condition.notify_all()
            drawn = self._condition.wait_for(lambda: tile in self._ready or self._error is not None, timeout=WAIT_S)
            self._hungry = False
            if not drawn:
                raise TransientError("browser.crashed", f"The browser drew nothing for {WAIT_S:.0f} s")
            if tile not in self._ready and self._error is not None:
                raise self._error
            return self._ready[tile]

    def done(self, tiles: tuple[Tile, ...]) -> None:
        """Count one use of each tile; a tile whose last frame is past is forgotten."""
        with self._condition:
            for tile in tiles:
                self._left[tile] -= 1
                if self._left[tile] <= 0 and tile in self._ready:
                    del self._ready[tile]
                    self._pixels -= tile.rect.width * tile.rect.height
            self._condition.notify_all()

    def fail(self, error: BaseException) -> None:
        """Let the compositor know that nothing more will come."""
        with self._condition:
            self._error = error
            self._condition.notify_all()

    def stop(self) -> None:
        """Let the browser's thread know that nothing more is wanted."""
        with self._condition:
            self._stopped = True
            self._condition.notify_all()


class CaptureThread(Generic[T]):
    """Runs the browser in a thread of its own, since Playwright's objects belong to the thread that made them."""

    def __init__(
        self, scenario: Scenario, store: TileStore[T], *, size: tuple[int, int], fonts: list[FontFace], chromium: str
    ) -> None:
        self._scenario, self._store = scenario, store
        self._size, self._fonts, self._chromium = size, fonts, chromium
        self._times: list[float] = []
        self._opened = threading.Event()
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)
        self.plan: TilePlan | None = None
        self.browser = ""
        self._error: BaseException | None = None

    def start(self, times: list[float]) -> TilePlan:
        """Open the browser and begin drawing for frames at these times (seconds, in order); return the plan."""
        self._times = times
        self._thread.start()
        self._opened.wait()
        if self.plan is None:
            raise self._error or TransientError("browser.crashed", "The browser did not open")
        return self.plan

    def stop(self) -> None:
        """End the thread and its browser."""
        self._store.stop()
        self._thread.join(timeout=30)

    def _run(self) -> None:
        try:
            self._draw_all()
        except FencedError:
            return  # stopped by the compositor
        except ReelyardError as error:
            self._error = error
            self._store.fail(error)
        except BaseException as error:
            self._error = TransientError("browser.crashed", f"Drawing failed: {type(error).__name__}: {error}")
            self._store.fail(self._error)
            raise
        finally:
            self._opened.set()

    def _draw_all(self) -> None:
        width, height = self._size
        with (
            open_browser(self._chromium) as browser,
            StagePage(browser, self._scenario, width=width, height=height, fonts=self._fonts) as page,
        ):
            self.browser = f"Chromium {browser.version}"
            plan = TilePlan(self._scenario, page.open())
            uses = count_uses(plan, Timeline(self._scenario), self._times)
            self._store.expect(uses)
            self.plan = plan
            self._opened.set()
            for sheet in sheets(list(uses)):
                self._store.put(sheet, page.capture(sheet))


def count_uses(plan: TilePlan, timeline: Timeline, times: list[float]) -> Counter[Tile]:
    """Count in how many frames each tile is needed, in order of first need."""
    uses: Counter[Tile] = Counter()
    for t in times:
        for state in timeline.at(t):
            uses.update(plan.tiles(state))
    return uses


def sheets(tiles: list[Tile]) -> Iterator[list[Tile]]:
    """Cut tiles, in order, into lists that fit one sheet."""
    sheet: list[Tile] = []
    pixels = 0
    for tile in tiles:
        size = tile.rect.width * tile.rect.height
        if sheet and pixels + size > SHEET_PIXELS:
            yield sheet
            sheet, pixels = [], 0
        sheet.append(tile)
        pixels += size
    if sheet:
        yield sheet
