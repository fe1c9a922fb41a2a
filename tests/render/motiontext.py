"""The package ``motiontext-renderer`` itself in a browser, and our stage beside it: where is which word, and when."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cli.samples import samples_folder
from cli.studio import find_npm
from render_node.frames.browser import Browser
from render_node.frames.page import Page
from render_node.frames.stage_page import StagePage, data_url
from render_node.stills import encode_png
from tasks.errors import PermanentError
from tasks.fonts import FontFace, faces_of, find_face
from tasks.scenario import parse
from tests.conftest import require

PACKAGE = "motiontext-renderer@1.5.0"
INTEGRITY = "sha512-QbA/p+XzE4sjKSZQI/oK1j8628FBDVZ/ivpv0U6Cn+4pibhZz/ZQg9DWnAwS7Q5VByF93w0lbK6OtTtJjE2qgA=="
MEMBER = "package/dist/index.js"
ORIGIN = "http://motiontext.invalid"
FAMILIES = {"Montserrat": "Montserrat", "Inter": "Inter", "Anton": "Anton", "Poppins": "Poppins", "Arial": "Arimo"}
HERE = Path(__file__).parent
ASSETS = {
    name: encode_png(np.full((high, wide, 4), (220, 40, 40, 255), np.uint8))
    for name, wide, high in (("wide", 160, 90), ("square", 64, 64), ("tall", 60, 120))
}
"""Pictures that scenes show, by the id of their asset."""
Json = dict[str, Any]


@dataclass(frozen=True)
class Shown:
    """A word on screen: left, top, width and height of its text in pixels."""

    text: str
    box: tuple[float, float, float, float]

    def reach(self) -> tuple[float, float, float, float]:
        """Return left, top, right, bottom."""
        x, y, width, height = self.box
        return x, y, x + width, y + height


def get_package(folder: Path | None = None) -> Path:
    """Return the package's module, fetched by npm the first time and checked.

    Where the system has no npm the pinned package of Node has one (``requirements/studio.txt``, which CI installs).
    Without npm or a net the test skips; in CI it fails.
    """
    home = folder or samples_folder()
    target = home / f"{PACKAGE}.js"
    if not target.exists():
        npm = _npm()
        require(npm, "npm")
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home) as work:
            command = [*npm, "pack", "--silent", PACKAGE, "--pack-destination", work]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
            archives = sorted(Path(work).glob("*.tgz"))
            require(not done.returncode and archives, f"way to fetch {PACKAGE}")
            digest = hashlib.sha512(archives[0].read_bytes()).digest()
            found = f"sha512-{base64.b64encode(digest).decode()}"
            assert found == INTEGRITY, f"{found} is not the package that is pinned"
            with tarfile.open(archives[0]) as archive:
                member = archive.extractfile(MEMBER)
                assert member is not None
                draft = Path(work) / "draft.js"
                draft.write_bytes(member.read())
            draft.replace(target)
    return target


def _npm() -> list[str]:
    system = shutil.which("npm")
    if system:
        return [system]
    with suppress(PermanentError):
        return find_npm()
    return []


class Theirs:
    """A page that plays documents with the package. Only local files are served to it."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._page.go(f"{ORIGIN}/")
        self._page.evaluate("(fonts) => window.loadFonts(fonts)", [*_fonts()])

    def load(self, document: Json, width: int, height: int) -> None:
        """Play another document on a stage of this size."""
        self._page.resize(width, height)
        self._page.evaluate("([doc, width, height]) => window.play(doc, width, height)", [document, width, height])

    def at(self, t: float) -> list[Shown]:
        """Return the words on screen at a time."""
        return [Shown(word["text"], tuple(word["box"])) for word in self._page.evaluate("(t) => window.words(t)", t)]

    def boxes(self) -> list[Shown]:
        """Return the boxes behind groups at the time that was asked for last."""
        return [Shown("", tuple(box)) for box in self._page.evaluate("window.boxes()")]

    def pictures(self) -> list[Shown]:
        """Return the pictures on screen at the time that was asked for last."""
        assets = {f"asset:{name}": data_url(content) for name, content in ASSETS.items()}
        return [Shown("", tuple(box)) for box in self._page.evaluate("(assets) => window.pictures(assets)", assets)]


@contextmanager
def open_theirs(browser: Browser, package: Path) -> Iterator[Theirs]:
    """Open a page with the package."""
    files = {
        f"{ORIGIN}/": ((HERE / "motiontext.html").read_bytes(), "text/html; charset=utf-8"),
        f"{ORIGIN}/motiontext.js": (package.read_bytes(), "text/javascript; charset=utf-8"),
        f"{ORIGIN}/plugins.js": ((HERE / "motiontext_plugins.js").read_bytes(), "text/javascript; charset=utf-8"),
    }
    with Page(browser, files) as page:
        yield Theirs(page)


def _fonts() -> Iterator[Json]:
    for name, family in FAMILIES.items():
        for weight in (400, 700):
            face = find_face(family, weight=weight, style="normal")
            if face is not None:
                yield _font_data(name, face)


def _font_data(name: str, face: FontFace) -> Json:
    data = base64.b64encode(face.path.read_bytes()).decode()
    return {"family": name, "weight": f"{face.weight_min} {face.weight_max}", "data": data}


WORDS_OF_OURS = """(t) => {
  window.reelyard.stage.drawAt(t);
  return [...document.querySelectorAll('.word')].map((word) => {
    const inks = [...word.querySelectorAll('div.ink:not(.shade)')].filter((ink) => ink.firstChild?.nodeType === 3);
    const pieces = word.querySelector('.letter') ? inks : inks.slice(0, 1);
    const rects = pieces.map((ink) => { const range = document.createRange(); range.selectNodeContents(ink);
      return range.getBoundingClientRect(); });
    const left = Math.min(...rects.map((r) => r.left)), top = Math.min(...rects.map((r) => r.top));
    return {text: pieces.map((ink) => ink.textContent).join(''), box: [left, top,
      Math.max(...rects.map((r) => r.right)) - left, Math.max(...rects.map((r) => r.bottom)) - top]};
  });
}"""

BOXES_OF_OURS = """() => [...document.querySelectorAll('.shape:not(img), svg > path')].map((shape) => {
  const {x, y, width, height} = shape.getBoundingClientRect();
  return [x, y, width, height];
})"""


PICTURES_OF_OURS = """() => [...document.querySelectorAll('img.shape')].map((picture) => {
  const {x, y, width, height} = picture.getBoundingClientRect();
  return [x, y, width, height];
})"""


class Ours:
    """Our stage with a scenario."""

    def __init__(self, page: StagePage) -> None:
        self._page = page._page

    def at(self, t: float) -> list[Shown]:
        """Return the words on screen at a time."""
        return [Shown(word["text"], tuple(word["box"])) for word in self._page.evaluate(WORDS_OF_OURS, t)]

    def boxes(self) -> list[Shown]:
        """Return the boxes behind captions at the time that was asked for last."""
        return [Shown("", tuple(box)) for box in self._page.evaluate(BOXES_OF_OURS)]

    def pictures(self) -> list[Shown]:
        """Return the pictures on screen at the time that was asked for last."""
        return [Shown("", tuple(box)) for box in self._page.evaluate(PICTURES_OF_OURS)]


@contextmanager
def open_ours(browser: Browser, document: Json, width: int, height: int) -> Iterator[Ours]:
    """Show a scenario of ours on the stage."""
    scenario = parse(document)
    images = {name: ASSETS[source.removeprefix("asset:")] for name, source in scenario.images.items()}
    with StagePage(browser, scenario, width=width, height=height, fonts=faces_of(scenario), images=images) as page:
        page.load()
        yield Ours(page)
