"""Scenarios of every kind, and fingerprints of their frames: drawn in order at once, or shuffled and in chunks.

``python -m tests.render.identity CHROMIUM SEED`` draws them shuffled and prints the fingerprints as JSON.
"""

from __future__ import annotations

import hashlib
import json
import random
import sys
from functools import cache
from typing import Any

import numpy as np

from render_node.alpha import RgbaPatch, blend_rgba, empty_canvas, pixels_of, to_rgba
from render_node.frames.browser import open_browser
from render_node.frames.plan import FramePlan
from render_node.frames.sheets import cut
from render_node.frames.stage_page import StagePage
from render_node.overlay import assemble
from render_node.stills import encode_png
from tasks.fonts import faces_of
from tasks.scenario import motions, parse, presets
from tests.render.contact import SCRIPTS
from tests.render.looks import SAYING, in_motion, look
from tests.unit.scenario.scenes import cue, scene, word

SIZE = (180, 320)
WIDE = {"width": SIZE[0], "height": SIZE[1]}
SHORT, LONG = (0.06, 0.23, 0.5, 0.9, 1.31, 1.55), tuple(n / 15 for n in range(24))
"""Seconds of a caption that lasts 1.6 s: what comes, what is spoken, what goes; and every frame of 15 a second."""
CHUNKS = 3
Document = dict[str, Any]
Fingerprints = dict[str, list[str]]


@cache
def documents() -> dict[str, tuple[Document, tuple[float, ...]]]:
    """Return scenarios by their names, each with the times that are drawn."""
    made = {f"motion {entry['name']}": in_motion(entry["name"], **WIDE) for entry in motions()}
    made |= {f"look {entry['name']}": look(entry["name"], **WIDE, texts=SAYING[:4]) for entry in presets()}
    made |= {f"script {name}": in_script(name) for name in ("arabic", "japanese", "emoji")}
    made["pictures, bar and pill"] = with_pictures()
    often = {"look pop", "motion wave", "motion flip", "pictures, bar and pill"}
    return {name: (document, LONG if name in often else SHORT) for name, document in made.items()}


def in_script(name: str) -> Document:
    """Return a caption whose letters come one by one and whose words are swept; its last word has an emoji."""
    texts = SCRIPTS[name].split()
    said = [word(n, text, n * 0.4, n * 0.4 + 0.4) for n, text in enumerate(texts)]
    said[-1]["emoji"] = "🔥"
    motion = {"enter": {"type": "pop", "unit": "letter"}, "activeWord": {"type": "karaoke", "color": "#FFD400"}}
    return scene(cue(*said, end=1.6, animation=motion), **WIDE, style={"fontSize": 24})


def with_pictures() -> Document:
    """Return a picture behind, a logo that slides and turns, a bar with a gradient, and a pill that moves."""
    document = scene(cue(end=1.6), **WIDE, style={"fontSize": 24}, animation={"activeWord": {"type": "pill-move"}})
    during = {"start": 0, "end": 1.6}
    behind = {"id": "b", **during, "image": "noise", "width": 0.9, "opacity": 0.5, "loop": {"type": "float"}}
    logo = {"id": "l", **during, "image": "logo", "width": 0.3, "rotate": 12, "position": {"x": 0.8, "y": 0.1}}
    logo |= {"enter": {"type": "slide"}, "exit": {"type": "fade"}, "borderRadius": 8}
    fade = {"stops": [{"offset": 0, "color": "#FF0000"}, {"offset": 1, "color": "#0000FF"}]}
    bar = {"id": "p", "type": "progress", **during, "height": 0.02, "borderRadius": 3}
    bar |= {"x": 0.07, "width": 0.83, "gradient": fade, "background": "#FFFFFF80"}
    document["images"] = {name: {"source": f"asset:{name}"} for name in pictures()}
    document["tracks"] += [{"id": "i", "type": "image", "items": [behind, logo]}, bar]
    return document


@cache
def pictures() -> dict[str, bytes]:
    """Return PNG files: noise, and a logo with a soft edge."""
    noise = np.random.default_rng(7).integers(0, 256, (90, 160, 4), np.uint8)
    logo = np.full((40, 40, 4), (20, 90, 220, 255), np.uint8)
    logo[..., 3] = np.linspace(0, 255, 40, dtype=np.uint8)
    return {"noise": encode_png(noise), "logo": encode_png(logo)}


def fingerprints(chromium: str, seed: int | None = None) -> Fingerprints:
    """Return the fingerprints of every document's frames in the order of their times; "" where nothing is drawn.

    :param seed: documents, times and tiles are taken in an order of chance, the times in chunks planned on their own.
    """
    chance = None if seed is None else random.Random(seed)
    made = list(documents().items())
    if chance:
        chance.shuffle(made)
    with open_browser(chromium) as browser:
        drawn = {}
        for name, (document, times) in made:
            scenario = parse(document)
            with StagePage(browser, scenario, **WIDE, fonts=faces_of(scenario), images=pictures()) as stage:
                stage.load()
                drawn[name] = shuffled(stage, times, chance) if chance else draw(stage, times)
    return drawn


def shuffled(stage: StagePage, times: tuple[float, ...], chance: random.Random) -> list[str]:
    """Draw chunks of frames, each planned on its own, times and tiles in an order of chance."""
    order = chance.sample(times, len(times))
    found: dict[float, str] = {}
    for first in range(CHUNKS):
        chunk = tuple(order[first::CHUNKS])
        found |= zip(chunk, draw(stage, chunk, chance), strict=True)
    return [found[t] for t in times]


def draw(stage: StagePage, times: tuple[float, ...], chance: random.Random | None = None) -> list[str]:
    """Return the fingerprint of each frame: of its pixels (height, width, 4), layers laid over each other."""
    plan = stage.plan(list(times))
    tiles = list(plan.tiles)
    if chance:
        chance.shuffle(tiles)
    patches = {}
    for sheet, drawn in stage.capture_all(cut(tiles)):
        patches |= {tile.id: to_rgba(tile, picture) for tile, picture in zip(sheet, drawn, strict=True)}
    return [fingerprint(frame, patches) for frame in plan.frames]


def fingerprint(layers: FramePlan, patches: dict[int, RgbaPatch]) -> str:
    """Return the SHA-256 of a frame; "" when nothing is on it."""
    frame = empty_canvas(*SIZE)
    for layer in layers:
        blend_rgba(frame, assemble(layer, patches.__getitem__, to_rgba))
    pixels = pixels_of(frame)
    return hashlib.sha256(np.ascontiguousarray(pixels)).hexdigest() if pixels[..., 3].any() else ""


if __name__ == "__main__":
    json.dump(fingerprints(sys.argv[1], int(sys.argv[2])), sys.stdout)
