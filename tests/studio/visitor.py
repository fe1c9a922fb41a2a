"""What somebody does at the studio."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Frame, Page, expect

PASSWORD = "a long enough password"
PATIENCE_MS = 60_000
FILM_TO_THE_PIXEL = {"width": 1740, "height": 1000}
"""Columns of the editor then are whole pixels, so that the player shows a frame as it is."""
QUIET = ("net::ERR_", "401", "Failed to load resource")
"""What the console says of answers that the studio expects: nobody is signed in yet, a job is not found yet."""


class Visitor:
    """One person with one browser; every complaint of the page is kept."""

    def __init__(self, browser: Browser, origin: str, **context: Any) -> None:
        self.origin = origin
        self.email = f"studio-{secrets.token_hex(5)}@example.com"
        self._context = browser.new_context(accept_downloads=True, **{"viewport": FILM_TO_THE_PIXEL, **context})
        self._context.set_default_timeout(PATIENCE_MS)
        self.page: Page = self._context.new_page()
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda line: self._hear(line.type, line.text))

    def _hear(self, kind: str, text: str) -> None:
        if kind == "error" and not any(usual in text for usual in QUIET):
            self.complaints.append(text)

    def leave(self) -> None:
        """Close everything."""
        self._context.close()

    def go(self, path: str = "") -> None:
        """Open a page by its address."""
        self.page.goto(f"{self.origin}/studio/{path}")

    def sign_up(self) -> None:
        """Open an account."""
        self.go()
        self.page.get_by_role("button", name="New here? Open an account").click()
        self.page.get_by_label("E-mail").fill(self.email)
        self.page.get_by_label("Password (At least 10 characters)").fill(PASSWORD)
        self.page.get_by_role("button", name="Open an account", exact=True).click()
        expect(self.page.get_by_role("heading", name="Library")).to_be_visible()

    def sign_in(self, email: str) -> None:
        """Come back to an account."""
        self.go()
        self.page.get_by_label("E-mail").fill(email)
        self.page.get_by_label("Password", exact=True).fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in", exact=True).click()
        expect(self.page.get_by_role("heading", name="Library")).to_be_visible()

    def upload(self, clip: Path) -> None:
        """Send a file and open it once its words are known."""
        self.page.locator("input[type=file]").set_input_files(str(clip))
        uploads = self.page.get_by_role("region", name="Uploads")
        uploads.get_by_role("button", name="Edit").click(timeout=3 * PATIENCE_MS)
        self.wait_for_preview()

    def wait_for_preview(self) -> None:
        """Wait until the stage draws the captions."""
        self.page.wait_for_function("() => frames[0]?.reelyard?.stage", timeout=2 * PATIENCE_MS)

    @property
    def stage(self) -> Frame:
        """The frame that the captions are drawn in."""
        return next(frame for frame in self.page.frames if "/studio/stage/" in frame.url)

    def words(self) -> list[str]:
        """Return the words of the transcript as they are shown."""
        return self.page.locator("[data-word]").all_inner_texts()

    def wait_saved(self) -> None:
        """Wait until nothing waits to be saved."""
        expect(self.page.get_by_text("Saved", exact=True)).to_be_visible()

    def export(self, target: Path) -> Path:
        """Export the video and download it."""
        self.page.get_by_role("tab", name="Export").click()
        self.page.get_by_role("button", name="Export video").click()
        button = self.page.locator(".note.good").get_by_role("button", name="Download")
        button.wait_for(timeout=4 * PATIENCE_MS)
        with self.page.expect_download() as coming:
            button.click()
        coming.value.save_as(target)
        return target
