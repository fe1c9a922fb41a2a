"""What one writes first: a screenshot of a transparent page for every frame, each laid over its frame of footage.

    python bench/naive.py SCENARIO.json WIDTHxHEIGHT [CLIP OUT.mp4]

It draws with our own stage, so that the ratio to our render is the price of the loop alone. Without a clip the pictures
are thrown away.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import av
import av.filter
from playwright.sync_api import Page, sync_playwright

from render_node.frames.browser import find_chromium
from render_node.frames.stage_page import ORIGIN, SERVED, STAGE, decode_png
from tasks.fonts import faces_of
from tasks.scenario import parse

FPS, FRAMES = 30, 600
ARGUMENTS = ["--no-sandbox", "--font-render-hinting=none", "--hide-scrollbars", "--disable-gpu"]


def serve(route: Any) -> None:
    """Answer with one of the stage's files."""
    found = SERVED.get(route.request.url.removeprefix(ORIGIN))
    if found is None:
        route.abort()
    else:
        route.fulfill(body=(STAGE / found[0]).read_bytes(), content_type=found[1])


def open_stage(page: Page, scenario_path: Path, width: int) -> None:
    """Load a scenario into the page."""
    scenario = parse(json.loads(scenario_path.read_text()))
    fonts = [
        {
            "family": face.family,
            "weight": f"{face.weight_min} {face.weight_max}",
            "style": face.style,
            "data": base64.b64encode(face.path.read_bytes()).decode(),
        }
        for face in faces_of(scenario)
    ]
    page.route("**/*", serve)
    page.goto(f"{ORIGIN}/")
    page.wait_for_function("() => window.reelyard !== undefined")
    page.evaluate(
        "([scenario, scale, fonts]) => window.reelyard.open(scenario, scale, fonts)",
        [scenario.to_stage(), width / scenario.width, fonts],
    )


def shoot(page: Page, number: int) -> bytes:
    """Return the captions of a frame as a PNG."""
    page.evaluate("(t) => window.reelyard.stage.drawAt(t)", number / FPS)
    return page.screenshot(type="png", omit_background=True)


def overlay_all(page: Page, clip: str, target: str) -> None:
    """Lay a picture over each frame and encode."""
    with av.open(clip) as reader, av.open(target, "w", options={"movflags": "+faststart"}) as writer:
        video = reader.streams.video[0]
        video.thread_type = "AUTO"
        out = writer.add_stream("libx264", rate=video.average_rate, options={"preset": "medium", "crf": "18"})
        out.width, out.height, out.pix_fmt = video.width, video.height, "yuv420p"
        graph = Overlaying(video)
        for number, frame in enumerate(reader.decode(video)):
            mixed = graph.mix(frame, decode_png(shoot(page, number)), number)
            writer.mux(out.encode(mixed))
        writer.mux(out.encode(None))


class Overlaying:
    """FFmpeg's overlay filter."""

    def __init__(self, video: av.VideoStream) -> None:
        self._graph = av.filter.Graph()
        base = self._graph.add_buffer(template=video)
        size = {"width": video.width, "height": video.height}
        self._time_base = video.time_base
        over = self._graph.add_buffer(format="rgba", time_base=video.time_base, **size)
        mixer = self._graph.add("overlay", "shortest=0:eof_action=pass")
        base.link_to(mixer, 0, 0)
        over.link_to(mixer, 0, 1)
        last = self._graph.add("format", "pix_fmts=yuv420p")
        mixer.link_to(last)
        last.link_to(self._graph.add("buffersink"))
        self._graph.configure()
        self._base, self._over = base, over

    def mix(self, frame: av.VideoFrame, picture: Any, number: int) -> av.VideoFrame:
        """Return the frame with the picture over it."""
        layer = av.VideoFrame.from_ndarray(picture, format="rgba")
        layer.pts, layer.time_base = frame.pts, self._time_base
        self._over.push(layer)
        self._base.push(frame)
        mixed = self._graph.pull()
        assert isinstance(mixed, av.VideoFrame)
        mixed.pict_type = av.video.frame.PictureType.NONE
        return mixed


def main() -> None:
    """Run from the command line."""
    width, height = (int(part) for part in sys.argv[2].split("x"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        page = browser.new_page(viewport={"width": width, "height": height})
        open_stage(page, Path(sys.argv[1]), width)
        if len(sys.argv) > 3:
            overlay_all(page, sys.argv[3], sys.argv[4])
        else:
            for number in range(FRAMES):
                shoot(page, number)
        browser.close()


if __name__ == "__main__":
    main()
