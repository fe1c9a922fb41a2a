"""Finding a browser and running it as a process that cannot outlive or outlast its job."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from render_node.frames.devtools import Connection
from render_node.frames.memory import MEMORY_LIMIT, MemoryGuard
from tasks.errors import PermanentError, ReelyardError, TransientError
from tasks.media.priority import ordinary_start
from tasks.sandbox import unlimited_memory

INSTALLED = (
    "/usr/lib/chromium/chromium-headless-shell",
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
)
NAMES_LEAD_NOWHERE = "--host-resolver-rules=MAP * ~NOTFOUND"
NO_WAY_OUT = ("--proxy-server=127.0.0.1:9", "--proxy-bypass-list=<-loopback>")
"""Connections go to a proxy that is not there: other walls do not hold WebRTC, which needs neither name nor request."""
ARGUMENTS = (
    "--headless",
    "--remote-debugging-pipe",
    "--disable-background-networking",
    "--enable-features=NetworkServiceInProcess2",  # which has no network to serve: a process less
    "--disable-breakpad",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--disable-quic",
    "--disable-lcd-text",
    "--disable-dev-shm-usage",
    # A surface is one raster tile: curves cut at the edges of tiles would come out a little different.
    "--default-tile-width=4096",
    "--default-tile-height=4096",
    "--max-untiled-layer-width=4096",
    "--max-untiled-layer-height=4096",
    "--font-render-hinting=none",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
    "--mute-audio",
    "--no-first-run",
    "--no-default-browser-check",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    NAMES_LEAD_NOWHERE,
    *NO_WAY_OUT,
)
OFF = "off"
GRAPHICS = {
    OFF: ("--disable-gpu",),
    "gl": (
        "--enable-gpu",
        "--use-gl=angle",
        "--use-angle=gl-egl",
        "--ignore-gpu-blocklist",
        "--enable-gpu-rasterization",
    ),
    "vulkan": (
        "--enable-gpu",
        "--use-gl=angle",
        "--use-angle=vulkan",
        "--enable-features=Vulkan,NetworkServiceInProcess2",  # of two such switches the last one counts
        "--disable-vulkan-surface",
        "--ignore-gpu-blocklist",
        "--enable-gpu-rasterization",
    ),
}
"""What the browser is told about drawing: on the processor, or on the GPU by one of two ways."""
FIRST_FREE = 10
"""Descriptors below it are where the browser expects its own: 3 to read from, 4 to write to."""
PIPE_SIZE = 1 << 20
CLOSE_S = 5.0
HOW_TO_GET_ONE = (
    "No Chromium was found. Run 'playwright install chromium', or install the package chromium-headless-shell or "
    "chromium of your system, or set REELYARD_CHROMIUM to a browser's path"
)


def find_chromium(configured: str = "") -> Path:
    """Return the browser to use: the configured one, else Playwright's own, else an installed one.

    Raises PermanentError ``browser.not_found`` that says how to get one.
    """
    if configured:
        path = Path(configured)
        if not path.is_file():
            raise PermanentError("browser.not_found", f"REELYARD_CHROMIUM names {configured}, which is not there")
        return path
    for name in (*_playwright_browsers(), *INSTALLED):
        found = shutil.which(name)
        if found:
            return Path(found)
    raise PermanentError("browser.not_found", HOW_TO_GET_ONE)


def _playwright_browsers() -> list[str]:
    home = os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or str(Path.home() / ".cache" / "ms-playwright")
    patterns = ("chromium_headless_shell-*/*/*headless*shell*", "chromium-*/chrome-linux*/chrome")
    return [str(path) for pattern in patterns for path in sorted(Path(home).glob(pattern), reverse=True)]


def launch_arguments(graphics: str) -> list[str]:
    """Return Chromium's arguments; its sandbox is given up only where it cannot work, as root."""
    return [*ARGUMENTS, *GRAPHICS[graphics], *(["--no-sandbox"] if os.geteuid() == 0 else [])]


class Browser:
    """A running browser: a process group of its own that ends when its pipes close, so also with this process."""

    def __init__(self, path: Path, profile: str, graphics: str) -> None:
        self.pid, reader, writer = _spawn([str(path), *launch_arguments(graphics), f"--user-data-dir={profile}"])
        self.connection = Connection(reader, writer)
        self.version = ""

    def meet(self) -> None:
        """Wait until it answers."""
        product: str = self.connection.call("Browser.getVersion")["product"]
        self.version = product.partition("/")[2]

    def close(self) -> None:
        """End it: politely, and after ``CLOSE_S`` seconds by force."""
        with suppress(TransientError):
            self.connection.call("Browser.close", deadline_s=CLOSE_S)
        self.connection.close()
        until = time.monotonic() + CLOSE_S
        while os.waitpid(self.pid, os.WNOHANG)[0] == 0:
            if time.monotonic() > until:
                os.killpg(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
                return
            time.sleep(0.01)
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)  # helpers that outlived it

    def kill(self) -> None:
        """End it at once."""
        os.killpg(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self.connection.close()


@contextmanager
def open_browser(configured: str = "", *, memory_limit: int = MEMORY_LIMIT, graphics: str = "") -> Iterator[Browser]:
    """Run a browser for the duration of the block; when it fails, that is TransientError ``browser.crashed``.

    :param memory_limit: bytes; with more than these it is ended, which is a failure too.
    :param graphics: one of GRAPHICS; empty is what this node draws with.
    """
    from render_node.frames.graphics import own_graphics  # which opens browsers to find out

    path = find_chromium(configured)
    mode = graphics or own_graphics(configured).mode
    launched = _take(path, mode) or Launched(path, mode)
    try:
        with MemoryGuard(launched.browser.pid, memory_limit) as guard:
            launched.browser.meet()
            yield launched.browser
    except TransientError as error:
        if guard.has_killed:
            detail = f"The browser took more than {memory_limit >> 20} MiB"
            raise TransientError("browser.crashed", detail) from error
        raise
    finally:
        launched.close()


@contextmanager
def browser_ahead(configured: str = "") -> Iterator[None]:
    """Begin to start a browser, which the next :func:`open_browser` of this process takes; else it ends with the block.

    Starting one takes as long as probing a source, and another processor. What goes wrong is left to open_browser.
    """
    from render_node.frames.graphics import own_graphics

    launched: Launched | None = None
    with suppress(ReelyardError):
        launched = Launched(find_chromium(configured), own_graphics(configured).mode)
        _ahead.append(launched)
    try:
        yield
    finally:
        if launched is not None and launched in _ahead:
            _ahead.remove(launched)
            launched.drop()


class Launched:
    """A browser that was started, with its profile."""

    def __init__(self, path: Path, mode: str) -> None:
        self.path, self.mode = path, mode
        self._profile = tempfile.TemporaryDirectory(prefix="reelyard-browser-", ignore_cleanup_errors=True)
        try:
            self.browser = Browser(path, self._profile.name, mode)
        except TransientError:
            self._profile.cleanup()
            raise

    def close(self) -> None:
        """End the browser and remove its profile."""
        self.browser.close()
        self._profile.cleanup()

    def drop(self) -> None:
        """Do the same with a browser that nobody has met."""
        self.browser.kill()
        self._profile.cleanup()


_ahead: list[Launched] = []


def _take(path: Path, mode: str) -> Launched | None:
    for launched in [*_ahead]:
        if (launched.path, launched.mode) == (path, mode):
            with suppress(ValueError):  # another thread was faster
                _ahead.remove(launched)
                return launched
    return None


def _spawn(command: list[str]) -> tuple[int, int, int]:
    """Start a program with two pipes as descriptors 3 and 4; return its id and our ends to read and to write."""
    to_it, ours_to_write = os.pipe()
    ours_to_read, from_it = os.pipe()
    theirs = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, FIRST_FREE) for end in (to_it, from_it)]
    os.close(to_it)
    os.close(from_it)
    with suppress(OSError):
        fcntl.fcntl(ours_to_read, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
    actions = [
        *((os.POSIX_SPAWN_DUP2, end, place) for end, place in zip(theirs, (3, 4), strict=True)),
        *((os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_RDWR, 0) for stream in (0, 1, 2)),
    ]
    try:
        with unlimited_memory():
            pid = os.posix_spawn(command[0], command, os.environ, file_actions=actions, setpgroup=0, **ordinary_start())
    except OSError as error:
        os.close(ours_to_write)
        os.close(ours_to_read)
        raise TransientError("browser.crashed", f"The browser does not start: {error}") from error
    finally:
        for end in theirs:
            os.close(end)
    return pid, ours_to_read, ours_to_write
