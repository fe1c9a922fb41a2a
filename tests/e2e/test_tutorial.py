"""Every command of the tutorial and of the pages that go on from it works, in its order, on a running system."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
import textwrap
from pathlib import Path

from fontTools.ttLib import TTFont

from cli.verify import check_render
from tasks.fonts import find_face
from tests.conftest import require
from tests.e2e.stack import Stack

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("guides/tutorial.rst", "howto/style.rst", "howto/font.rst")
BLOCK = re.compile(r"^\.\. code-block:: sh\n\n((?:   .*\n|\n)+)", re.MULTILINE)


def commands() -> str:
    """Return what the pages have their reader type."""
    return "\n".join(textwrap.dedent(block) for page in PAGES for block in BLOCK.findall((DOCS / page).read_text()))


def make_font(path: Path) -> None:
    """Write a real font under a name of its own."""
    face = find_face("Bebas Neue", weight=400, style="normal")
    assert face is not None
    with TTFont(face.path) as font:
        for name in (1, 4, 16):
            font["name"].setName("Brand Neue", name, 3, 1, 0x409)
        font.save(path)


def test_the_tutorial_ends_in_a_captioned_video(stack: Stack, clips: Path, tmp_path: Path) -> None:
    require(bool(shutil.which("jq") and shutil.which("curl")), "curl and jq")
    shutil.copy(clips / "spoken.mp4", tmp_path / "talk.mp4")
    make_font(tmp_path / "brand.ttf")
    script = commands().replace("you@example.com", f"tutorial-{secrets.token_hex(4)}@example.com")
    environ = {"PATH": os.environ["PATH"], "API": f"{stack.system.layout.api_url}/api/v1", "NO_PROXY": "*"}

    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, timeout=180,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "best of times" in done.stdout.lower()
    assert check_render(clips / "spoken.mp4", tmp_path / "captioned.mp4").width == 320
