"""Building the studio: with the Node that there is, or openly not at all."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path

import pytest

from cli import studio
from tasks.errors import PermanentError


@pytest.fixture
def nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without Node; its folder of programs."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    return tmp_path


def put_node(folder: Path, version: str) -> None:
    """Put a Node of a version and its npm into a folder."""
    for name, said in (("node", version), ("npm", "11.0.0")):
        (folder / name).write_text(f"#!/bin/sh\necho {said}\n")
        (folder / name).chmod(0o755)


def test_without_node_it_says_how_to_get_one(nothing_here: Path) -> None:
    with pytest.raises(PermanentError, match="needs Node") as caught:
        studio.find_npm()

    assert caught.value.code == "studio.no_node"


def test_without_node_the_rest_goes_on_where_it_may(
    nothing_here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["studio", "--if-possible"])

    assert studio.main() == 0
    said = capsys.readouterr()
    assert "No studio: The studio needs Node" in said.out + said.err


@pytest.mark.parametrize(("version", "is_taken"), [("v20.18.9", False), ("v20.19.0", True), ("v24.1.0", True)])
def test_an_old_node_is_not_taken(nothing_here: Path, version: str, is_taken: bool) -> None:
    put_node(nothing_here, version)

    if is_taken:
        assert studio.find_npm() == [str(nothing_here / "npm")]
    else:
        with pytest.raises(PermanentError):
            studio.find_npm()


def test_what_is_newer_than_its_sources_is_not_built_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "scripts").mkdir()
    (tmp_path / "dist").mkdir()
    for name in (*studio.SOURCES, "src/main.tsx", "dist/index.html"):
        (tmp_path / name).write_text("")
        os.utime(tmp_path / name, (1000, 1000))
    monkeypatch.setattr(studio, "STUDIO", tmp_path)
    monkeypatch.setattr(studio, "BUILT", tmp_path / "dist" / "index.html")
    assert studio.is_fresh()

    os.utime(tmp_path / "src/main.tsx", (2000, 2000))

    assert not studio.is_fresh()


def test_the_types_are_made_of_the_present_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studio, "STUDIO", tmp_path)
    studio.write_document()
    before = (tmp_path / "openapi.json").stat().st_mtime_ns
    studio.write_document()

    assert "/api/v1/scenario/stage" in json.loads((tmp_path / "openapi.json").read_text())["paths"]
    assert (tmp_path / "openapi.json").stat().st_mtime_ns == before


def test_the_build_starts_no_npm_of_its_own() -> None:
    """The pinned package of Node has npm only as a file to be named: as a program on the path it does not start."""
    scripts = json.loads((studio.STUDIO / "package.json").read_text())["scripts"]

    assert not [name for name, script in scripts.items() if "npm" in script or "npx" in script]
