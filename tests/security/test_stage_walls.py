"""S-4: the page that draws captions has several walls, and any of them may fall without anything getting out."""

from __future__ import annotations

import io
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from render_node.frames import browser as browsers
from render_node.frames.browser import NAMES_LEAD_NOWHERE, NO_WAY_OUT, find_chromium, open_browser
from render_node.frames.page import Page
from render_node.frames.stage_page import ORIGIN, _files
from tasks.errors import PermanentError, TransientError
from tests.conftest import require
from tests.security.evil_page import TAGS, Canary, vectors
from tests.security.hostile_media import was_touched, watch

pytestmark = pytest.mark.security("S-4")
COLOUR = (255, 0, 170)
WAIT_S = 1.0
WALLS = {"policy": (), "requests": (), "names": (NAMES_LEAD_NOWHERE,), "proxy": NO_WAY_OUT}
"""Walls beside the first, that text is never markup, with what the browser is told for them: the page's policy,
requests answered by us alone, names that lead nowhere, a proxy that is not there."""
SCRIPT = """([http, ip, port]) => {
  const go = what => { try { const done = what(); if (done && done.catch) done.catch(() => 0); } catch (error) {} };
  for (const url of [http, `http://localhost:${port}/s`, `https://127.0.0.1:${port}/s`]) {
    go(() => fetch(url, {mode: 'no-cors'}));
    go(() => navigator.sendBeacon(url, 'x'));
    go(() => new WebSocket(url.replace('http', 'ws')));
    go(() => new EventSource(url));
    go(() => new Worker(URL.createObjectURL(new Blob([`fetch('${url}')`]))));
    go(() => new WebTransport(url.replace('http:', 'https:')));
  }
  go(() => {
    const turn = [`turn:${ip}:${port}?transport=tcp`, `turn:${ip}:${port}`];
    const servers = [{urls: `stun:${ip}:${port}`}, {urls: turn, username: 'a', credential: 'b'}];
    const peer = window.peer = new RTCPeerConnection({iceServers: servers});
    peer.createDataChannel('x');
    return peer.createOffer().then(offer => peer.setLocalDescription(offer));
  });
}"""


@pytest.fixture(scope="module")
def chromium() -> str:
    try:
        return str(find_chromium())
    except PermanentError as error:
        require(False, f"Chromium ({error.detail})")
        raise


@pytest.fixture
def canary() -> Iterator[Canary]:
    bird = Canary()
    yield bird
    bird.close()


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "canary.png"
    encoder = av.CodecContext.create("png", "w")
    encoder.width, encoder.height, encoder.pix_fmt = 64, 64, "rgb24"
    frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), COLOUR, np.uint8), format="rgb24")
    path.write_bytes(b"".join(bytes(packet) for packet in (*encoder.encode(frame), *encoder.encode(None))))
    return path


class OpenPage(Page):
    """A page that lets every request through."""

    def _answer(self, event: dict[str, Any]) -> None:
        if event["request"]["url"] in self._files:
            super()._answer(event)
        else:
            self._connection.post("Fetch.continueRequest", {"requestId": event["requestId"]}, session=self._session)


def without_policy(files: dict[str, tuple[bytes, str]]) -> dict[str, tuple[bytes, str]]:
    content, kind = files[f"{ORIGIN}/"]
    open_content = content.replace(b"Content-Security-Policy", b"x-nothing")
    assert open_content != content
    return {**files, f"{ORIGIN}/": (open_content, kind)}


@contextmanager
def page_without(chromium: str, down: Iterable[str], patch: pytest.MonkeyPatch) -> Iterator[Page]:
    """Open the stage's page with some walls down."""
    unsaid = {argument for wall in down for argument in WALLS[wall]}
    patch.setattr(browsers, "ARGUMENTS", tuple(one for one in browsers.ARGUMENTS if one not in unsaid))
    files = without_policy(_files()) if "policy" in down else _files()
    page_of = OpenPage if "requests" in down else Page
    with open_browser(chromium, graphics="off") as browser, page_of(browser, files) as page:
        page.go(f"{ORIGIN}/")
        page.resize(800, 600)
        yield page


def show(page: Page, markup: list[str]) -> np.ndarray:
    """Put markup into the page, wait, and return its picture."""
    page.evaluate("(markup) => { document.body.innerHTML = markup.join('\\n'); }", markup)
    wait(page)
    with av.open(io.BytesIO(page.screenshot())) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24")


def wait(page: Page) -> None:
    """Let the page do what it can, and answer what it asks for."""
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        with suppress(TransientError):  # a page that goes elsewhere answers no more
            page.evaluate("new Promise(done => setTimeout(done, 100))")


def test_there_are_more_than_two_hundred_vectors() -> None:
    assert len(vectors(1, "/x")) == 6 * len(TAGS) > 200


def test_the_canaries_sing_when_all_walls_are_down(
    chromium: str, canary: Canary, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with page_without(chromium, WALLS, monkeypatch) as page:
        page.evaluate(SCRIPT, [f"http://127.0.0.1:{canary.port}/s", "127.0.0.1", canary.port])
        wait(page)
        by_script = len(canary.heard)
        show(page, [one for one in vectors(canary.port, str(picture)) if not leaves(one)])

    assert by_script > 0
    assert len(canary.heard) > by_script


@pytest.mark.parametrize("down", [(), *((wall,) for wall in WALLS)], ids=["text", *WALLS])
def test_markup_gets_nowhere_though_text_became_markup_and_another_wall_is_down(
    chromium: str, canary: Canary, picture: Path, monkeypatch: pytest.MonkeyPatch, down: tuple[str, ...]
) -> None:
    watched = watch(picture)
    markup = vectors(canary.port, str(picture))

    with page_without(chromium, down, monkeypatch) as page:
        staying = show(page, [one for one in markup if not leaves(one)])
        leaving = show(page, [one for one in markup if leaves(one)])

    assert canary.heard == []
    assert not was_touched(watched)
    for shown in (staying, leaving):
        assert not (np.abs(shown.astype(int) - COLOUR).max(axis=2) <= 2).any()


@pytest.mark.parametrize("wall", [wall for wall in WALLS if wall != "policy"])
def test_a_script_gets_nowhere_though_the_policy_and_another_wall_are_down(
    chromium: str, canary: Canary, monkeypatch: pytest.MonkeyPatch, wall: str
) -> None:
    with page_without(chromium, ("policy", wall), monkeypatch) as page:
        page.evaluate(SCRIPT, [f"http://127.0.0.1:{canary.port}/s", "127.0.0.1", canary.port])
        wait(page)

    assert canary.heard == []


def leaves(markup: str) -> bool:
    """Tell whether markup would load another page, which ends what else there is."""
    return any(word in markup for word in ("refresh", "submit", "click"))
