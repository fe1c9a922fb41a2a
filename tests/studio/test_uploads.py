"""A large file goes up in parts; cut in the middle, it goes on without what was sent."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import Request, Route, expect

from cli.client import ApiClient
from tests.e2e.conftest import SETTINGS
from tests.e2e.stack import Stack
from tests.studio.visitor import PASSWORD, PATIENCE_MS, Visitor

pytestmark = pytest.mark.usefixtures("whole")
PART_BYTES = int(SETTINGS["REELYARD_MULTIPART_BYTES"])
PARTS = 5
TWO_SENT = "() => Object.values(JSON.parse(localStorage['reelyard.uploads'] ?? '{}'))[0]?.done.length === 2"


@pytest.fixture
def large(clips: Path, tmp_path: Path) -> Path:
    """A spoken clip with so much unused room behind it that it takes five parts."""
    clip = (clips / "spoken.mp4").read_bytes()
    room = (PARTS - 1) * PART_BYTES + 1000 - len(clip)
    free = room.to_bytes(4, "big") + b"free" + bytes(room - 8)
    path = tmp_path / "large.mp4"
    path.write_bytes(clip + free)
    return path


def number_of(url: str) -> int:
    """Return which part of an upload goes to a URL, 0 for what is none."""
    return int(parse_qs(urlsplit(url).query).get("partNumber", ["0"])[0])


def test_an_upload_that_is_cut_goes_on_without_what_was_sent(visitor: Visitor, stack: Stack, large: Path) -> None:
    page, sent = visitor.page, []

    def only(numbers: set[int]) -> Callable[[Route, Request], None]:
        """Let some parts through and cut all others."""

        def decide(route: Route, request: Request) -> None:
            if request.method == "PUT" and number_of(request.url) not in numbers:
                route.abort("connectionfailed")
            else:
                route.continue_()

        return decide

    visitor.sign_up()
    page.route("**/*partNumber=*", only({1, 3}))
    page.locator("input[type=file]").set_input_files(str(large))
    page.wait_for_function(TWO_SENT)
    page.reload()
    expect(page.get_by_role("heading", name="Library")).to_be_visible()
    page.unroute("**/*partNumber=*")
    page.on("requestfinished", lambda request: sent.append(number_of(request.url)) if request.method == "PUT" else None)
    page.locator("input[type=file]").set_input_files(str(large))
    page.get_by_role("region", name="Uploads").get_by_role("button", name="Edit").wait_for(timeout=3 * PATIENCE_MS)

    assert sorted(number for number in sent if number) == [2, 4, 5]
    with ApiClient(stack.system.layout.api_url) as client:
        client.login(visitor.email, PASSWORD)
        [asset] = client.call("GET", "/assets", params={"kind": "video"})["items"]
        url = client.call("GET", f"/assets/{asset['id']}/download")["url"]
    arrived = httpx.get(url, trust_env=False, timeout=60).content
    assert hashlib.sha256(arrived).digest() == hashlib.sha256(large.read_bytes()).digest()
