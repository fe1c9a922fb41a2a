"""What tests of the renderer share: a real browser, and scenarios to draw in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from render_node.frames.browser import find_chromium, open_browser
from render_node.frames.stage_page import StagePage
from tasks.errors import PermanentError
from tasks.fonts import faces_of
from tasks.scenario import parse
from tests.conftest import require

OpenStage = Callable[..., Any]


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return the browser's path; without one the test is skipped (in CI: fails)."""
    try:
        return str(find_chromium())
    except PermanentError as error:
        require(False, f"Chromium ({error.detail})")
        raise


@pytest.fixture
def open_stage(chromium: str) -> OpenStage:
    """Return a context manager: (document, width, height) -> a page, in a browser process of its own."""

    @contextmanager
    def opened(document: dict[str, Any], width: int, height: int) -> Iterator[StagePage]:
        scenario = parse(document)
        with (
            open_browser(chromium) as browser,
            StagePage(browser, scenario, width=width, height=height, fonts=faces_of(scenario)) as page,
        ):
            yield page

    return opened
