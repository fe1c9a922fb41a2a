"""Pictures of every page for the documentation: ``python -m tests.studio.pictures URL [NAME …]``.

The system at the URL is the one that ``python -m tests.studio.furnish`` fills; first it has to say "furnished".
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, expect, sync_playwright

from cli.client import ApiClient
from render_node.frames.browser import find_chromium
from tests.studio.furnish import EMAIL
from tests.studio.visitor import PASSWORD, Visitor

FOLDER = Path(__file__).parents[2] / "docs" / "images" / "studio"
DESK: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}}
DARK: dict[str, Any] = {**DESK, "color_scheme": "dark"}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
SETTLE_MS = 1500
SPOKEN_WORD = 7
FILM_SEEN = "() => [...document.querySelectorAll('video.film')].every((film) => film.readyState > 1)"


@dataclass
class Shot:
    """One picture: of which page, at which tab or after which button, seen how."""

    name: str
    path: str
    context: dict[str, Any] = field(default_factory=lambda: DESK)
    tab: str = ""
    button: str = ""
    size: dict[str, int] | None = None


def take(browser: Browser, origin: str, shot: Shot) -> None:
    """Open one page and keep how it looks."""
    context = shot.context if shot.size is None else {**shot.context, "viewport": shot.size}
    guest = Visitor(browser, origin, **context)
    guest.sign_in(EMAIL)
    guest.go(shot.path)
    guest.page.wait_for_timeout(SETTLE_MS)
    if shot.path.startswith("edit/"):
        show_a_caption(guest)
    if shot.tab:
        guest.page.get_by_role("tab", name=shot.tab).click()
        expect(guest.page.get_by_text("Checking", exact=True)).to_have_count(0)
    if shot.button:
        guest.page.get_by_role("button", name=shot.button).first.click()
    guest.page.wait_for_function(FILM_SEEN)
    guest.page.wait_for_timeout(SETTLE_MS)
    guest.page.screenshot(path=str(FOLDER / f"{shot.name}.png"))
    print(shot.name, guest.complaints)
    if not shot.button:
        guest.page.get_by_role("button", name="Sign out", exact=True).click()
        guest.page.get_by_role("heading", name="Sign in").wait_for()
    guest.leave()


def show_a_caption(guest: Visitor) -> None:
    """Go to a spoken word and wait until the stage draws it."""
    guest.wait_for_preview()
    guest.page.locator("[data-word]").nth(SPOKEN_WORD).click()
    guest.page.wait_for_function("() => document.querySelector('[data-word].spoken')")
    guest.stage.wait_for_function("() => window.reelyard.stage.measure().length > 0")


def shots(client: ApiClient) -> list[Shot]:
    """Return what there is to see, by what the account has."""
    films = client.call("GET", "/assets", params={"kind": "video"})["items"]
    edit = f"edit/{next(film['id'] for film in films if film['filename'].startswith('a-tale'))}"
    [song] = client.call("GET", "/songs")["items"]
    samples = client.call("GET", "/samples", params={"status": "ready", "sort": "title"})["items"]
    failed = client.call("GET", "/samples", params={"status": "failed"})["items"]
    [project] = client.call("GET", "/projects")["items"]
    tall = {"width": 1440, "height": 1500}
    return [
        Shot("library", ""),
        Shot("library-phone", "", PHONE),
        Shot("editor", edit),
        Shot("editor-dark", edit, DARK),
        Shot("editor-export", edit, tab="Export"),
        Shot("editor-checks", edit, tab="Checks"),
        Shot("editor-phone", edit, PHONE),
        *(Shot(page, page) for page in ("jobs", "account", "farm", "samples")),
        Shot("farm-drain", "farm", button="Drain"),
        Shot("shorts", f"shorts/{project['id']}"),
        Shot("song", f"songs/{song['id']}", size=tall),
        Shot("sample", f"samples/{samples[0]['id']}"),
        Shot("sample-failed", f"samples/{failed[0]['id']}"),
    ]


def main() -> None:
    """Take all of them, or those that are named."""
    origin, *named = sys.argv[1:]
    with ApiClient(origin) as client:
        client.login(EMAIL, PASSWORD)
        wanted = [shot for shot in shots(client) if not named or shot.name in named]
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        for shot in wanted:
            take(browser, origin, shot)
        browser.close()


if __name__ == "__main__":
    main()
