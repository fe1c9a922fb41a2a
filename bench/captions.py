"""Draw a scenario's captions for every frame, with no footage and no encoder: what the browser's part costs.

    python bench/captions.py SCENARIO.json WIDTHxHEIGHT [FRAMES]

Prints one line of JSON: frames, distinct pictures drawn, and CPU seconds by process and by part of our own.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from measure import tree

from render_node.composite import ColourSpace, YuvPatch, to_yuv
from render_node.frames import browser, stage_page
from render_node.frames.plan import Tile
from render_node.overlay import Overlay
from tasks.fonts import faces_of
from tasks.scenario import parse

FPS = 30
TICKS = os.sysconf("SC_CLK_TCK")
SPACE = ColourSpace("ITU709", is_full_range=False, siting="left")
KINDS = ("renderer", "gpu-process", "utility", "zygote")


def draw(scenario_path: Path, size: tuple[int, int], frames: int) -> dict[str, Any]:
    """Draw every frame's captions and return what it cost."""
    spent: Counter[str] = Counter(imports=time.process_time())
    watch_browser(spent)
    watch(spent, "decode PNG", stage_page, "decode_png")
    watch(spent, "ask the page", stage_page.Page, "evaluate")
    watch(spent, "receive pictures", stage_page.Page, "screenshot")
    scenario = parse(json.loads(scenario_path.read_text()))
    times = [number / FPS for number in range(frames)]

    def convert(tile: Tile, picture: stage_page.Rgba) -> YuvPatch:
        started = time.thread_time()
        patch = to_yuv(tile, picture, SPACE)
        spent["convert to YUV"] += time.thread_time() - started
        return patch

    overlay = Overlay(scenario, times, size=size, fonts=faces_of(scenario), chromium="", convert=convert)
    overlay.start()
    started = time.thread_time()
    for t in times:
        overlay.at(t)
    spent["assemble"] = time.thread_time() - started
    overlay.close()
    spent["python, all"] = time.process_time()
    return {"frames": frames, "states": overlay.drawn, "cpu_s": {name: round(cpu, 3) for name, cpu in spent.items()}}


def watch(spent: Counter[str], title: str, owner: Any, name: str) -> None:
    """Count a function's CPU seconds in the thread that calls it."""
    function: Callable[..., Any] = getattr(owner, name)

    def timed(*arguments: Any, **named: Any) -> Any:
        started = time.thread_time()
        try:
            return function(*arguments, **named)
        finally:
            spent[title] += time.thread_time() - started

    setattr(owner, name, timed)


def watch_browser(spent: Counter[str]) -> None:
    """Read what the browser's processes used just before they end."""
    dispose = stage_page.StagePage.__exit__

    def read_and_dispose(self: stage_page.StagePage, *reason: Any) -> None:
        for pid in tree(os.getpid())[1:]:
            spent[kind_of(pid)] += cpu_of(pid)
        dispose(self, *reason)

    setattr(stage_page.StagePage, "__exit__", read_and_dispose)  # noqa: B010 -- replaced for the measurement


def kind_of(pid: int) -> str:
    """Return which of the browser's processes it is."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return "gone"
    return next((f"browser: {kind}" for kind in KINDS if f"--type={kind}" in command), "browser: main")


def cpu_of(pid: int) -> float:
    """Return a process's CPU seconds so far."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS


if __name__ == "__main__":
    assert browser.find_chromium()
    width, height = (int(part) for part in sys.argv[2].split("x"))
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 600
    print(json.dumps(draw(Path(sys.argv[1]), (width, height), count)))
