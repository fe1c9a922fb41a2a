"""What Chromium draws with: the processor, or a GPU that was seen to draw."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from render_node.frames.browser import OFF, Browser, open_browser
from render_node.frames.page import Page
from render_node.frames.stage_page import decode_png
from tasks.environment import read_environment
from tasks.errors import ReelyardError

WAYS = {OFF: (), "auto": ("vulkan", "gl"), "gl": ("gl",), "vulkan": ("vulkan",)}
IN_SOFTWARE = ("swiftshader", "llvmpipe", "lavapipe", "softpipe", "software")
URL = "http://probe.invalid/"
LEFT, RIGHT, SIDE = (224, 64, 32), (32, 96, 192), 64
HTML = (
    f"<body style='margin:0;background:rgb{RIGHT}'>"
    f"<div style='width:{SIDE // 2}px;height:{SIDE}px;background:rgb{LEFT};will-change:transform'></div>"
)


@dataclass(frozen=True)
class Graphics:
    """What is drawn with: a key of ``browser.GRAPHICS``; ``reason`` says why not with the GPU that was asked for."""

    mode: str = OFF
    reason: str = ""


def choose_graphics(wanted: str, probe: Callable[[str], str]) -> Graphics:
    """Return the first way that works of those wanted, else the processor.

    :param probe: tries a way; returns an empty string or what is wrong.
    """
    problems = []
    for mode in WAYS[wanted]:
        problem = probe(mode)
        if not problem:
            return Graphics(mode)
        problems.append(f"{mode}: {problem}")
    return Graphics(OFF, "; ".join(problems))


@cache
def own_graphics(configured: str = "") -> Graphics:
    """Return what this node draws with, by ``REELYARD_CHROMIUM_GPU`` and by trying.

    :param configured: the browser, as for ``open_browser``.
    """
    wanted = read_environment(os.environ, ("REELYARD_CHROMIUM_GPU",))["REELYARD_CHROMIUM_GPU"]
    return choose_graphics(wanted, partial(probe_graphics, configured))


@cache
def probe_graphics(configured: str, mode: str) -> str:
    """Draw a picture; return an empty string when a GPU drew it right, else what is wrong."""
    try:
        with (
            open_browser(configured, graphics=mode) as browser,
            Page(browser, {URL: (HTML.encode(), "text/html")}) as page,
        ):
            device = device_of(browser)
            page.go(URL)
            picture = decode_png(page.screenshot())
    except ReelyardError as error:
        return error.detail
    if is_software(device):
        return f"it draws on the processor ({device or 'no device'})"
    is_right = np.abs(picture[SIDE // 2, [SIDE // 4, SIDE * 3 // 4], :3].astype(int) - (LEFT, RIGHT)).max() <= 1
    return "" if is_right else f"{device} draws other colours than were asked for"


def device_of(browser: Browser) -> str:
    """Return the name of what a browser draws on, as its GL or Vulkan driver tells it."""
    attributes = browser.connection.call("SystemInfo.getInfo")["gpu"].get("auxAttributes", {})
    return str(attributes.get("glRenderer", ""))


def is_software(device: str) -> bool:
    """Tell whether a driver's name is one of a rasteriser that runs on the processor."""
    return not device or any(word in device.lower() for word in IN_SOFTWARE)
