"""The browser as a process: what it may load, how its failures are told, and that it never outlives its job."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from render_node.frames import browser as browser_module
from render_node.frames.browser import Browser, browser_ahead, open_browser
from render_node.frames.memory import memory_of
from render_node.frames.page import Page
from render_node.frames.stage_page import decode_png
from tasks.errors import PermanentError, TransientError

URL = "http://stage.invalid/"
HTML = (b"<!doctype html><body style='margin:0;background:transparent'></body>", "text/html")


@pytest.fixture
def page(chromium: str) -> Iterator[Page]:
    with open_browser(chromium) as browser, Page(browser, {URL: HTML}) as opened:
        opened.go(URL)
        yield opened


def group(pid: int) -> set[int]:
    """Return the living processes of a process group."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, _, owner = (entry / "stat").read_text().rsplit(")", 1)[1].split()[:3]
            except OSError:
                continue
            if int(owner) == pid and state != "Z":
                found.add(int(entry.name))
    return found


def wait_until_gone(pid: int) -> set[int]:
    until = time.monotonic() + 2
    while group(pid) and time.monotonic() < until:
        time.sleep(0.05)
    return group(pid)


def test_values_and_functions_and_promises_come_back(page: Page) -> None:
    assert page.evaluate("1 + 1") == 2
    assert page.evaluate("(x) => x.map(y => y * 2)", [1, 2]) == [2, 4]
    assert page.evaluate("Promise.resolve({a: 'ä😀'})") == {"a": "ä😀"}
    assert page.evaluate("undefined") is None
    text = "x" * 3_000_000
    assert page.evaluate("(x) => x + x.length", text) == text + "3000000"


def test_picture_is_transparent_where_nothing_is(page: Page) -> None:
    page.evaluate(
        "() => { document.body.innerHTML = '<div style=\"position:absolute;left:10px;top:6px;width:20px;height:8px;"
        "background:rgb(255 128 0 / 50%)\"></div>' }"
    )
    page.resize(64, 40)
    picture = decode_png(page.screenshot())
    assert picture.shape == (40, 64, 4)
    assert tuple(picture[7, 11]) in {(255, 127, 0, 128), (255, 128, 0, 128)}
    rest = picture[..., 3].copy()
    rest[6:14, 10:30] = 0
    assert rest.max() == 0


def test_pictures_of_other_kinds_decode_to_rgba() -> None:
    codec: Any = av.CodecContext.create("png", "w")
    codec.width, codec.height, codec.pix_fmt, codec.time_base = 6, 4, "rgb24", Fraction(1, 30)
    colours = np.arange(72, dtype=np.uint8).reshape(4, 6, 3)
    frame = av.VideoFrame.from_ndarray(colours, format="rgb24")
    data = b"".join(bytes(packet) for packet in [*codec.encode(frame), *codec.encode(None)])
    picture = decode_png(data)
    assert np.array_equal(picture[..., :3], colours)
    assert (picture[..., 3] == 255).all()


def test_only_files_that_were_handed_over_load(page: Page) -> None:
    for url in ("/other", "http://127.0.0.1:9/", "https://example.com/x.js"):
        assert (
            page.evaluate("(u) => fetch(u, {mode: 'no-cors'}).then(() => 'reached', () => 'refused')", url) == "refused"
        )
    assert page.evaluate("fetch('/').then(r => r.status)") == 200
    assert page.asked[0] == URL
    assert page.asked[-2:] == ["https://example.com/x.js", URL]


def test_fault_of_a_script_is_told_in_its_words(page: Page) -> None:
    with pytest.raises(TransientError, match="no such motion") as raised:
        page.evaluate("() => { throw new Error('no such motion') }")
    assert raised.value.code == "browser.crashed"
    with pytest.raises(TransientError, match="SyntaxError"):
        page.evaluate("(")
    assert page.evaluate("3") == 3


def test_page_that_hangs_meets_its_deadline(page: Page) -> None:
    started = time.monotonic()
    with pytest.raises(TransientError, match="does not answer"):
        page.evaluate("() => { for (;;) {} }", deadline_s=0.5)
    assert time.monotonic() - started < 5


def test_missing_page_is_a_fault(chromium: str) -> None:
    with (
        pytest.raises(TransientError, match="does not load"),
        open_browser(chromium) as browser,
        Page(browser, {URL: HTML}) as page,
    ):
        page.go(f"{URL}missing")


def test_pages_of_one_browser_do_not_see_each_other(chromium: str) -> None:
    with open_browser(chromium) as browser:
        for _ in range(2):
            with Page(browser, {URL: HTML}) as page:
                page.go(URL)
                assert page.evaluate("localStorage.length + document.cookie.length") == 0
                page.evaluate("() => { localStorage.x = 1; document.cookie = 'a=b' }")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_browser_that_dies_is_told_at_once(chromium: str, number: int) -> None:
    started = time.monotonic()
    with pytest.raises(TransientError) as raised, open_browser(chromium) as browser, Page(browser, {URL: HTML}) as page:
        page.go(URL)
        os.kill(pid_of(browser), number)
        page.evaluate("new Promise(done => setTimeout(done, 20000))")
    assert raised.value.code == "browser.crashed"
    assert time.monotonic() - started < 10


def pid_of(browser: Browser) -> int:
    return browser.pid


def test_nothing_is_left_when_it_closes(chromium: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    before = len(list(Path("/proc/self/fd").iterdir()))
    with open_browser(chromium) as browser, Page(browser, {URL: HTML}) as page:
        page.go(URL)
        assert len(group(pid_of(browser))) >= 2
        assert browser.version.split(".")[0].isdigit()
    assert not wait_until_gone(pid_of(browser))
    assert not list(tmp_path.iterdir())
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_browser_that_does_not_close_is_ended_by_force(chromium: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("render_node.frames.browser.CLOSE_S", 0.3)
    with open_browser(chromium) as browser:
        os.kill(pid_of(browser), signal.SIGSTOP)
    assert not wait_until_gone(pid_of(browser))


def test_browser_dies_with_the_process_that_started_it(chromium: str) -> None:
    script = (
        "import sys, time\n"
        "from render_node.frames.browser import open_browser\n"
        "with open_browser(sys.argv[1]) as browser:\n"
        "    print(browser.pid, flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, chromium], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        browser = int(process.stdout.readline())
        assert len(group(browser)) >= 2
        process.kill()
    assert not wait_until_gone(browser)


def test_program_that_is_no_browser_is_a_fault_not_a_wait() -> None:
    started = time.monotonic()
    with pytest.raises(TransientError) as raised, open_browser("/bin/true"):
        pass
    assert raised.value.code == "browser.crashed"
    assert time.monotonic() - started < 5
    with pytest.raises(PermanentError) as missing, open_browser("/nowhere/chromium"):
        pass
    assert missing.value.code == "browser.not_found"


def test_drawing_loads_neither_the_worker_nor_a_driver_of_browsers() -> None:
    heavy = "{'playwright', 'celery', 'redis', 'httpx', 'boto3'}"
    script = f"import sys, render_node.overlay\nprint(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_browser_that_takes_too_much_memory_is_ended_and_says_so(
    chromium: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("render_node.frames.memory.MemoryGuard.LOOK_S", 0.1)
    greedy = (
        "(async () => { window.kept = []; for (let n = 0; n < 400; n++) { kept.push(new Uint8Array(4e6).fill(n + 1));"
    )
    limit = 400 << 20
    with (
        pytest.raises(TransientError) as raised,
        open_browser(chromium, memory_limit=limit) as browser,
        Page(browser, {URL: HTML}) as page,
    ):
        page.go(URL)
        assert 20 << 20 < memory_of(browser.pid) < limit
        page.evaluate(greedy + " await new Promise((go) => setTimeout(go, 10)); } })()")
    assert (raised.value.code, raised.value.detail) == ("browser.crashed", "The browser took more than 400 MiB")
    assert not wait_until_gone(browser.pid)
    assert memory_of(browser.pid) == 0


class TestAhead:
    def test_a_browser_started_ahead_is_the_one_that_opens_next(self, chromium: str) -> None:
        with browser_ahead(chromium):
            [launched] = browser_module._ahead
            with open_browser(chromium) as browser:
                assert browser is launched.browser
                with open_browser(chromium) as other:
                    assert other.pid != browser.pid
            assert group(browser.pid) == set()
        assert browser_module._ahead == []

    def test_one_that_nobody_took_is_ended_and_leaves_nothing(
        self, chromium: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        before = len(list(Path("/proc/self/fd").iterdir()))
        with browser_ahead(chromium):
            [launched] = browser_module._ahead
            assert list(tmp_path.iterdir()) != []
        assert (wait_until_gone(launched.browser.pid), list(tmp_path.iterdir())) == (set(), [])
        assert len(list(Path("/proc/self/fd").iterdir())) == before

    def test_one_that_died_meanwhile_is_a_fault_that_is_tried_again(self, chromium: str) -> None:
        with browser_ahead(chromium):
            [launched] = browser_module._ahead
            os.killpg(launched.browser.pid, signal.SIGKILL)
            with pytest.raises(TransientError) as raised, open_browser(chromium):
                pass
        assert raised.value.code == "browser.crashed"

    def test_where_there_is_no_browser_the_block_still_runs(self, tmp_path: Path) -> None:
        with browser_ahead(str(tmp_path / "none")):
            assert browser_module._ahead == []


def test_a_browser_started_from_a_thread_in_real_time_runs_as_all_others_do(chromium: str) -> None:
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        pytest.skip("only root may go into real time")
    try:
        with open_browser(chromium) as browser:
            policies = {os.sched_getscheduler(process) for process in group(browser.pid)}
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))

    assert policies == {os.SCHED_OTHER}
