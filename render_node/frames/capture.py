"""A thread that draws tiles ahead of the frames that need them, and forgets them after the last one."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Generic, TypeVar

from render_node.frames.browser import Browser, open_browser
from render_node.frames.plan import FramePlan, Plan, Tile, tiles_of
from render_node.frames.sheets import WIDTH, cut, full_height
from render_node.frames.stage_page import Rgba, StagePage
from tasks.errors import FencedError, ReelyardError, TransientError
from tasks.fonts import FontFace
from tasks.scenario import Scenario

T = TypeVar("T")
V = TypeVar("V")
AHEAD_SHEETS = 1.2
"""Drawn and not yet used: so much that the next sheet is drawn while this one is blended."""
WAIT_S = 120.0
WINDOW_FRAMES = 600
"""Frames planned at a time: memory does not grow with the video."""


class TileStore(Generic[T]):
    """Hands drawn tiles from the browser's thread to the compositor's, in bounded memory.

    :param convert: turns pixels into what the compositor wants, in the browser's thread.
    :param size: width and height of the canvas.
    """

    def __init__(self, convert: Callable[[Tile, Rgba], T], size: tuple[int, int]) -> None:
        self._convert = convert
        self._ahead_pixels = AHEAD_SHEETS * WIDTH * full_height(size)
        self._ready: dict[int, T] = {}
        self._sizes: dict[int, int] = {}
        self._left: Counter[int] = Counter()
        self._frames: dict[int, FramePlan] = {}
        self._planned = 0
        self._condition = threading.Condition()
        self._pixels = 0
        self._error: BaseException | None = None
        self._stopped = False
        self._hungry = False
        self.drawn = 0

    def expect(self, plan: Plan) -> None:
        """Add what the next frames need."""
        with self._condition:
            self._left.update(plan.uses())
            self._frames.update(enumerate(plan.frames, start=self._planned))
            self._planned += len(plan.frames)
            self._condition.notify_all()

    def frame(self, index: int) -> FramePlan:
        """Return what a frame shows, waiting until it is planned."""
        with self._condition:
            return self._wait_for(self._frames, index)

    def convert(self, tiles: list[Tile], pictures: list[Rgba]) -> list[T]:
        """Return what the compositor wants; the pictures of a whole sheet can be forgotten then."""
        return [self._convert(tile, picture) for tile, picture in zip(tiles, pictures, strict=True)]

    def put(self, tiles: list[Tile], made: list[T]) -> None:
        """Add drawn tiles, but those whose frames were all passed over; wait while too many are ahead."""
        with self._condition:
            for tile, each in zip(tiles, made, strict=True):
                if self._left[tile.id] <= 0:
                    del self._left[tile.id]
                    continue
                self._ready[tile.id] = each
                self._sizes[tile.id] = tile.rect.width * tile.rect.height
                self._pixels += self._sizes[tile.id]
            self.drawn += len(tiles)
            self._condition.notify_all()
            self._condition.wait_for(lambda: self._stopped or self._hungry or self._pixels < self._ahead_pixels)
            if self._stopped:
                raise FencedError("render.stopped", "The render was stopped")

    def get(self, tile: int) -> T:
        """Return a tile, waiting until it is drawn; raise what the browser's thread died of."""
        with self._condition:
            return self._wait_for(self._ready, tile)

    def _wait_for(self, things: dict[int, V], key: int) -> V:
        self._hungry = key not in things
        self._condition.notify_all()
        found = self._condition.wait_for(lambda: key in things or self._error is not None, timeout=WAIT_S)
        self._hungry = False
        if not found:
            raise TransientError("browser.crashed", f"The browser drew nothing for {WAIT_S:.0f} s")
        if key not in things and self._error is not None:
            raise self._error
        return things[key]

    def done(self, index: int) -> None:
        """Forget a frame, and each tile whose last frame is past."""
        with self._condition:
            for tile in tiles_of(self._frames.pop(index)):
                self._left[tile] -= 1
                if self._left[tile] <= 0 and tile in self._ready:
                    del self._ready[tile], self._left[tile]
                    self._pixels -= self._sizes.pop(tile)
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
    """Runs the browser in a thread of its own, which draws ahead while frames are decoded and encoded."""

    def __init__(
        self,
        scenario: Scenario,
        store: TileStore[T],
        *,
        size: tuple[int, int],
        fonts: list[FontFace],
        chromium: str,
        images: dict[str, bytes],
    ) -> None:
        self._scenario, self._store, self._images = scenario, store, images
        self._size, self._fonts, self._chromium = size, fonts, chromium
        self._times: list[float] = []
        self._opened = threading.Event()
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)
        self.browser = ""
        self._error: BaseException | None = None

    def start(self, times: list[float]) -> None:
        """Open the browser and begin drawing for frames at these times (seconds, in order)."""
        self._times = times
        self._thread.start()
        self._opened.wait()
        if not self.browser:
            raise self._error or TransientError("browser.crashed", "The browser did not open")

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
        with open_browser(self._chromium) as browser, self._page(browser, width, height) as page:
            page.load()
            self.browser = f"Chromium {browser.version}"
            self._opened.set()
            for start in range(0, len(self._times), WINDOW_FRAMES):
                plan = page.plan(self._times[start : start + WINDOW_FRAMES])
                self._store.expect(plan)
                for sheet, pictures in page.capture_all(cut(list(plan.tiles), full_height(self._size))):
                    made = self._store.convert(sheet, pictures)
                    del pictures  # a whole sheet, while the next one is waited for
                    self._store.put(sheet, made)

    def _page(self, browser: Browser, width: int, height: int) -> StagePage:
        return StagePage(browser, self._scenario, width=width, height=height, fonts=self._fonts, images=self._images)
