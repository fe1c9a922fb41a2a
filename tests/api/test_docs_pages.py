"""The documentation pages in a real browser: they show our operations and ask nobody else for anything."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from werkzeug.serving import make_server

from api.docs_pages.pages import PAGES, DocsPage
from render_node.frames.browser import find_chromium
from tasks.errors import PermanentError
from tests.conftest import require

pytestmark = pytest.mark.security("S-17")

GROUPS = {"scalar": "renders", "elements": "renders"}
"""Readers that show a group's operations once it is opened."""

VISIBLE_TEXT = """() => {
  const read = (node) => [...node.childNodes].map((child) =>
    child.nodeType === 3 ? child.data : (child.shadowRoot ? read(child.shadowRoot) : '') + read(child)).join('');
  return read(document.body);
}"""


@pytest.fixture(scope="module")
def origin(application: Any) -> Iterator[str]:
    """The application on a port of its own."""
    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real browser."""
    try:
        path = find_chromium()
    except PermanentError as error:
        require(False, f"Chromium ({error.detail})")
        raise
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


class Visit:
    """One look at a page, and everything it asked for."""

    def __init__(self, browser: Browser, *, guarded: bool) -> None:
        self._context = browser.new_context(bypass_csp=not guarded, viewport={"width": 1280, "height": 900})
        self.page: Page = self._context.new_page()
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self._context.route(lambda url: urlsplit(url).hostname not in ("127.0.0.1", None), lambda route: route.abort())
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda line: self.complaints.append(line.text) if line.type == "error" else None)

    def open(self, origin: str, page: DocsPage) -> None:
        """Open a page and its group of renders, and wait until it shows an operation."""
        self.page.goto(origin + page.path)
        group = GROUPS.get(page.name)
        if group:
            self.page.get_by_text(group, exact=True).first.click(timeout=90_000)
        shown = f"() => ({VISIBLE_TEXT})().includes('Order a render')"
        self.page.wait_for_function(shown, timeout=90_000, polling=500)  # each look walks through the whole page
        self.page.wait_for_timeout(1000)  # what a page does once it has settled

    def close(self) -> None:
        self._context.close()

    @property
    def elsewhere(self) -> list[str]:
        """What was asked of anybody but us."""
        own = ("127.0.0.1", None, "")
        return [url for url in self.asked if urlsplit(url.removeprefix("blob:")).hostname not in own]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_shows_our_operations_under_its_own_policy(
    app: Any, origin: str, browser: Browser, page: DocsPage
) -> None:
    visit = Visit(browser, guarded=True)

    visit.open(origin, page)
    text = visit.page.evaluate(VISIBLE_TEXT)
    visit.close()

    assert "Reelyard" in text
    assert visit.complaints == []
    assert visit.elsewhere == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_asks_nobody_else_even_where_no_policy_holds_it(
    app: Any, origin: str, browser: Browser, page: DocsPage
) -> None:
    visit = Visit(browser, guarded=False)

    visit.open(origin, page)
    visit.close()

    assert visit.elsewhere == []
    assert f"{origin}/api/openapi.json" in visit.asked


def test_the_landing_page_leads_to_everything_and_runs_no_script(app: Any, origin: str, browser: Browser) -> None:
    visit = Visit(browser, guarded=True)
    visit.page.goto(origin)
    links = visit.page.eval_on_selector_all("a", "links => links.map(link => link.getAttribute('href'))")
    scripts = visit.page.locator("script").count()
    answers = {link: visit.page.request.get(origin + link).status for link in links}
    visit.close()

    assert {page.path for page in PAGES} | {"/api/openapi.json", "/readyz", "/metrics"} <= set(links)
    assert set(answers.values()) == {200}
    assert (scripts, visit.complaints, visit.elsewhere) == (0, [], [])


@pytest.mark.parametrize("file", ["swagger/css/swagger-ui.css", "redoc/js/redoc.standalone.js"])
def test_static_files_are_cached_and_come_again_only_when_changed(client: Any, file: str) -> None:
    with client.get(f"/api/static/docs/{file}") as first:
        assert (first.status_code, first.mimetype.split("/")[0]) == (200, "text")
        assert "max-age=86400" in first.headers["Cache-Control"]

    with client.get(f"/api/static/docs/{file}", headers={"If-None-Match": first.headers["ETag"]}) as again:
        assert (again.status_code, again.get_data()) == (304, b"")


@pytest.mark.parametrize(
    "file", ["swagger/../../__init__.py", "swagger/%2e%2e/%2e%2e/__init__.py", "redoc//etc/passwd", "nothing/a.js"]
)
def test_no_file_outside_of_the_pages_is_served(client: Any, file: str) -> None:
    assert client.get(f"/api/static/docs/{file}", follow_redirects=True).status_code == 404
