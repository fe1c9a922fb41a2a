"""The built studio in a real Chromium, against a running system of our own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from cli.studio import BUILT
from cli.system import WORKERS
from render_node.frames.browser import find_chromium
from tasks.errors import PermanentError
from tests.conftest import require
from tests.e2e.conftest import clips, stack, traces
from tests.e2e.stack import Stack
from tests.studio.visitor import Visitor

__all__ = ["clips", "stack", "traces"]


@pytest.fixture(scope="session")
def built() -> Path:
    """What ``make studio`` made."""
    require(BUILT.is_file(), "built studio (make studio)")
    return BUILT.parent


@pytest.fixture(scope="session")
def whole() -> None:
    """Everything, not only what fits into the usual run."""
    if os.environ.get("TEST_STUDIO") != "all":
        pytest.skip("make test-studio runs this")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real browser."""
    try:
        path = find_chromium()
    except PermanentError as error:
        require(False, f"Chromium ({error.detail})")
        raise
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def standing(stack: Stack) -> Stack:
    """The system with all its workers: tests before may have killed some."""
    for role in WORKERS:
        stack.wait_worker(role)
    return stack


@pytest.fixture
def visitor(built: Path, standing: Stack, browser: Browser) -> Iterator[Visitor]:
    """Somebody at the studio, not signed in."""
    visitor = Visitor(browser, standing.system.layout.api_url)
    yield visitor
    visitor.leave()
