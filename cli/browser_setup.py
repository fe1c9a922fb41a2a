"""Find a Chromium that really starts, or get one: ``python -m cli.browser_setup``.

Tried in order: one that is installed; Playwright's own download (where the network has it); as root on Debian, apt.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass

from cli.console import say, show_error
from cli.exits import Exit
from tasks.errors import ReelyardError, TransientError

HOW_TO_GET_ONE = (
    "No Chromium could be started. Install one (Debian: apt-get install chromium-headless-shell; elsewhere: "
    "playwright install --with-deps chromium), or set REELYARD_CHROMIUM to the path of yours"
)
_LAUNCH_S = 60


@dataclass(frozen=True)
class Browser:
    """A browser that started."""

    path: str
    version: str


def try_browser() -> Browser:
    """Start the browser that the render node would use and ask its version; raise ``browser.not_found``."""
    script = (
        "import json, os\n"
        "from render_node.capability import probe_browser\n"
        "print(json.dumps(probe_browser(os.environ.get('REELYARD_CHROMIUM', ''))))\n"
    )
    # A process of its own: Playwright leaves an event loop behind in the one that used it.
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=_LAUNCH_S, check=False
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        raise TransientError("browser.not_found", reason)
    outcome = json.loads(done.stdout.splitlines()[-1])
    if not outcome["ok"]:
        raise TransientError("browser.not_found", outcome["reason"])
    return Browser(outcome["path"], outcome["version"])


def get_browser() -> Browser:
    """Return a browser that starts, getting one when there is none; raise ``browser.not_found``."""
    try:
        return try_browser()
    except ReelyardError as error:
        say(f"No Chromium yet ({error.detail})")
    for title, get in (("Playwright's own download", _by_playwright), ("apt", _by_apt)):
        say(f"Trying {title} …")
        if get():
            try:
                return try_browser()
            except ReelyardError as error:
                say(f"That one does not start: {error.detail}")
    raise TransientError("browser.not_found", HOW_TO_GET_ONE)


def _by_playwright() -> bool:
    environ = {**os.environ, "PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT": "8000"}
    return _succeeds([sys.executable, "-m", "playwright", "install", "chromium"], environ)


def _by_apt() -> bool:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        say("  (needs root on Debian)")
        return False
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends"]
    if not _succeeds(["apt-get", "update", "-q"], environ):
        return False
    return any(_succeeds([*install, name], environ) for name in ("chromium-headless-shell", "chromium"))


def _succeeds(command: list[str], environ: dict[str, str]) -> bool:
    with tempfile.TemporaryFile("w+") as output:
        done = subprocess.run(command, env=environ, stdout=output, stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            output.seek(0)
            say("  " + "\n  ".join(output.read().strip().splitlines()[-3:]))
    return done.returncode == 0


def main() -> int:
    """Print the browser found, or what to do."""
    try:
        browser = get_browser()
    except ReelyardError as error:
        show_error(error)
        return Exit.MISSING_PART
    say(f"Chromium {browser.version}: {browser.path}")
    return Exit.OK


if __name__ == "__main__":
    sys.exit(main())
