"""What is built: small, without inline scripts, of pinned packages, with all its words in one place."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from cli.studio import STUDIO

SOURCES = [path for path in (STUDIO / "src").rglob("*.tsx") if path.is_file()]
MOST_FIRST_BYTES = 150 * 1024


def test_every_package_is_pinned_to_one_version() -> None:
    package = json.loads((STUDIO / "package.json").read_text())
    wanted = {**package["dependencies"], **package["devDependencies"]}
    locked = json.loads((STUDIO / "package-lock.json").read_text())["packages"]

    assert {name: version for name, version in wanted.items() if not re.fullmatch(r"\d+\.\d+\.\d+", version)} == {}
    assert {name: locked[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    assert all(entry.get("integrity", "").startswith("sha512-") for name, entry in locked.items() if name)


def test_no_server_is_named_for_packages() -> None:
    locked = json.loads((STUDIO / "package-lock.json").read_text())["packages"]

    assert {name for name, entry in locked.items() if "resolved" in entry} == set()


def test_the_first_page_loads_little(built: Path) -> None:
    manifest: dict[str, Any] = json.loads((built / ".vite" / "manifest.json").read_text())
    entries, found = ["index.html"], set()
    while entries:
        entry = manifest[entries.pop()]
        found.add(entry["file"])
        entries += entry.get("imports", [])

    sizes = {name: len(gzip.compress((built / name).read_bytes())) for name in found}
    assert sum(sizes.values()) <= MOST_FIRST_BYTES, sizes


def test_the_page_has_no_inline_script_and_asks_no_other_server(built: Path) -> None:
    page = (built / "index.html").read_text()

    assert re.findall(r"<script(?![^>]*\bsrc=)", page) == []
    assert re.findall(r"\son\w+=", page) == []
    assert re.findall(r"(?:src|href)=\"(?!/studio/)", page) == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_what_the_studio_says_stands_in_one_file(path: Path) -> None:
    said = re.findall(r">\s*([A-Z][a-z]+(?: [a-z]+)+)\s*<", path.read_text())

    assert said == []


def test_nothing_keeps_tokens_or_runs_text_as_code() -> None:
    for path in (STUDIO / "src").rglob("*.ts*"):
        text = path.read_text()
        assert "dangerouslySetInnerHTML" not in text, path
        assert "innerHTML" not in text, path
        assert not re.search(r"(local|session)Storage\.setItem\([^)]*token", text), path
