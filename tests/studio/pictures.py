"""Pictures of every page for the documentation: ``python -m tests.studio.pictures URL E-MAIL PASSWORD ASSET``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from render_node.frames.browser import find_chromium
from tests.studio import visitor as people
from tests.studio.visitor import Visitor

FOLDER = Path(__file__).parents[2] / "docs" / "images" / "studio"
DESK: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
SETTLE_MS = 1500


def take(browser: Browser, who: tuple[str, str, str], name: str, path: str, **context: Any) -> None:
    """Open one page as somebody and keep how it looks."""
    origin, email, password = who
    people.PASSWORD = password
    guest = Visitor(browser, origin, **context)
    if email:
        guest.sign_in(email)
    guest.go(path)
    if path.startswith("edit/"):
        guest.wait_for_preview()
        guest.page.evaluate("document.querySelector('.screen video').currentTime = 2.2")
    guest.page.wait_for_timeout(SETTLE_MS)
    if "tab=" in name:
        guest.page.get_by_role("tab", name=name.split("tab=")[1]).click()
        guest.page.wait_for_timeout(SETTLE_MS)
    guest.page.screenshot(path=str(FOLDER / f"{name.replace('-tab=', '-').lower()}.png"))
    print(name, guest.complaints)
    guest.leave()


def main() -> None:
    """Take all of them, or those that are named."""
    origin, email, password, asset, *named = sys.argv[1:]
    someone, nobody, edit = (origin, email, password), (origin, "", password), f"edit/{asset}"
    wanted: list[tuple[str, tuple[str, str, str], str, dict[str, Any]]] = [
        ("sign-in", nobody, "", DESK),
        ("library", someone, "", DESK),
        ("editor", someone, edit, DESK),
        ("editor-dark", someone, edit, {**DESK, "color_scheme": "dark"}),
        ("editor-tab=Export", someone, edit, DESK),
        ("editor-tab=Checks", someone, edit, DESK),
        ("editor-tab=Format", someone, edit, DESK),
        ("editor-phone", someone, edit, PHONE),
        *((page, someone, page, DESK) for page in ("jobs", "account", "farm", "songs", "shorts", "sounds")),
        ("library-phone", someone, "", PHONE),
        ("account-dark", someone, "account", {**DESK, "color_scheme": "dark"}),
    ]
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        for name, who, path, context in wanted:
            if not named or name in named:
                take(browser, who, name, path, **context)
        browser.close()


if __name__ == "__main__":
    main()
