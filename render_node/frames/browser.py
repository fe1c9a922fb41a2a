"""Finding a browser and running it as a process that cannot outlive or outlast its job."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Playwright, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from tasks.errors import PermanentError, TransientError

INSTALLED = (
    "/usr/lib/chromium/chromium-headless-shell",
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
)
ARGUMENTS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--disable-lcd-text",
    "--disable-dev-shm-usage",
    "--disable-gpu",
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
)
LAUNCH_TIMEOUT_MS = 30_000
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


def launch_arguments() -> list[str]:
    """Return Chromium's arguments; its sandbox is given up only where it cannot work, as root."""
    return [*ARGUMENTS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]


@contextmanager
def open_browser(configured: str = "") -> Iterator[Browser]:
    """Run a browser for the duration of the block; its errors become TransientError ``browser.crashed``."""
    path = find_chromium(configured)
    try:
        with sync_playwright() as playwright:
            browser = _launch(playwright, path)
            try:
                yield browser
            finally:
                _close(browser)
    except PlaywrightError as error:
        raise TransientError("browser.crashed", f"The browser failed: {error.message.splitlines()[0][:200]}") from error


def _launch(playwright: Playwright, path: Path) -> Browser:
    return playwright.chromium.launch(
        executable_path=path,
        args=launch_arguments(),
        headless=True,
        timeout=LAUNCH_TIMEOUT_MS,
        handle_sigint=False,
        handle_sigterm=False,
        handle_sighup=False,
    )


def _close(browser: Browser) -> None:
    if browser.is_connected():
        browser.close()
