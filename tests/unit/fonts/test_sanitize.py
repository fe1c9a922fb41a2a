"""Uploaded fonts: parsed in a process of small means, cut to known tables, refused when broken or forbidden."""

from __future__ import annotations

import json
import random
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fontTools.ttLib import TTFont, newTable

from tasks.fonts import find_face
from tasks.fonts.sanitize import KEPT, sanitize


def some_font(path: Path, change: Callable[[TTFont], None] = lambda font: None, flavor: str | None = None) -> Path:
    """Write a small real font, changed."""
    face = find_face("Bebas Neue", weight=400, style="normal")
    assert face is not None
    with TTFont(face.path, recalcTimestamp=False) as font:
        change(font)
        font.flavor = flavor
        font.save(path)
    return path


def run(source: Path, target: Path) -> tuple[int, dict[str, Any]]:
    """Sanitize as the worker does: in a process of its own."""
    command = [sys.executable, "-m", "tasks.fonts.sanitize", str(source), str(target)]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    return done.returncode, json.loads(done.stdout) if done.stdout else {}


@pytest.mark.parametrize(("flavor", "kind"), [(None, "ttf"), ("woff", "woff"), ("woff2", "woff2")])
def test_every_wrapping_comes_out_as_a_plain_font(tmp_path: Path, flavor: str | None, kind: str) -> None:
    source, target = some_font(tmp_path / "in", flavor=flavor), tmp_path / "out"
    code, told = run(source, target)
    assert (code, told["family"], told["kind"], told["weight_min"]) == (0, "Bebas Neue", kind, 400)
    assert told["may_subset"] is True
    assert [65, 90] in [[max(65, low), min(90, high)] for low, high in told["characters"]]
    with TTFont(target) as font:
        assert font.flavor is None
        assert {tag.strip() for tag in font.keys()} - {"GlyphOrder"} <= KEPT  # noqa: SIM118


def test_programs_pictures_and_unknown_tables_are_dropped(tmp_path: Path) -> None:
    def add(font: TTFont) -> None:
        for tag in ("fpgm", "evil", "SVG ", "DSIG"):
            font[tag] = table = newTable("evil")
            table.tableTag, table.data = tag, b"\0" * 64
        font["name"].setName("https://example.invalid/", 11, 3, 1, 0x409)

    sanitize(some_font(tmp_path / "in.ttf", add), tmp_path / "out.ttf")
    with TTFont(tmp_path / "out.ttf") as font:
        assert not {"fpgm", "prep", "cvt ", "evil", "SVG ", "DSIG", "gasp"} & set(font.keys())
        assert {name.nameID for name in font["name"].names} <= {1, 2, 4, 6, 16, 17}
        assert not any(getattr(font["glyf"][name], "program", None) for name in ("A", "B", "a"))


def test_same_font_gives_the_same_bytes(tmp_path: Path) -> None:
    source = some_font(tmp_path / "in.ttf")
    sanitize(source, tmp_path / "one.ttf")
    sanitize(source, tmp_path / "two.ttf")
    assert (tmp_path / "one.ttf").read_bytes() == (tmp_path / "two.ttf").read_bytes()


@pytest.mark.parametrize(
    ("bits", "code"),
    [(0x0002, "font.embedding_refused"), (0x0200, "font.embedding_refused"), (0x0000, ""), (0x0004, ""), (0x0008, "")],
)
def test_what_a_fonts_maker_forbids_is_not_done(tmp_path: Path, bits: int, code: str) -> None:
    source = some_font(tmp_path / "in.ttf", lambda font: setattr(font["OS/2"], "fsType", bits))
    assert run(source, tmp_path / "out.ttf")[1].get("code", "") == code


def test_a_font_that_may_not_be_cut_says_so(tmp_path: Path) -> None:
    source = some_font(tmp_path / "in.ttf", lambda font: setattr(font["OS/2"], "fsType", 0x0100))
    assert sanitize(source, tmp_path / "out.ttf")["may_subset"] is False


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "font.unreadable"),
        (b"<svg/>" * 100, "font.unreadable"),
        (b"\0\1\0\0" + b"\xff" * 200, "font.unreadable"),
        (b"ttcf" + b"\0" * 200, "font.unreadable"),
        (b"wOF2OTTO" + b"\0" * 8 + struct.pack(">I", 4_000_000_000) + b"\0" * 100, "font.too_large"),
        (b"OTTO" + b"\0" * (8 * 1024 * 1024), "font.too_large"),
    ],
)
def test_what_is_no_font_is_refused(tmp_path: Path, content: bytes, code: str) -> None:
    (tmp_path / "in").write_bytes(content)
    returned, told = run(tmp_path / "in", tmp_path / "out")
    assert (returned, told["code"]) == (3, code)


def test_a_font_without_outlines_is_refused(tmp_path: Path) -> None:
    source = some_font(tmp_path / "in.ttf")
    data = source.read_bytes().replace(b"glyf", b"gxxf", 1)
    source.write_bytes(data)
    assert run(source, tmp_path / "out.ttf")[1]["code"] == "font.unreadable"


def test_torn_fonts_are_refused_or_made_whole_but_never_crash_the_parent(tmp_path: Path) -> None:
    whole = some_font(tmp_path / "in.ttf").read_bytes()
    draw = random.Random(7)
    outcomes = set()
    for number in range(6):
        torn = bytearray(whole)
        for _ in range(40):
            torn[draw.randrange(len(torn))] = draw.randrange(256)
        (tmp_path / "torn").write_bytes(bytes(torn))
        returned, told = run(tmp_path / "torn", tmp_path / f"out{number}")
        outcomes.add(returned)
        assert returned < 0 or told.get("family") or told.get("code", "").startswith("font.")
    assert outcomes <= {0, 3, -6, -9, -11, -24}
