"""One version: the tree's, the clients', the studio's, the images', the tag's."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.version import RELEASE
from tests.deploy.manifests import ROOT

COMPOSED = sorted(ROOT.glob("docker-compose*.yml"))
KUSTOMIZED = sorted((ROOT / "deploy/kubernetes").glob("*/kustomization.yaml"))
NODE = ("clients/typescript", "studio")
PAGE = ROOT / "docs/operations/releasing.rst"


def typed() -> Iterator[tuple[str, str]]:
    """Yield every version that people type, with where it is."""
    python = "clients/python/pyproject.toml"
    yield python, tomllib.loads((ROOT / python).read_text())["project"]["version"]
    for folder in NODE:
        yield f"{folder}/package.json", json.loads((ROOT / folder / "package.json").read_text())["version"]
        lock = json.loads((ROOT / folder / "package-lock.json").read_text())
        yield f"{folder}/package-lock.json", lock["version"]
        yield f"{folder}/package-lock.json, packages", lock["packages"][""]["version"]
    for path in [*COMPOSED, ROOT / "deploy/env.example"]:
        for name, tag in re.findall(r"(?::-|=|image: )(reelyard/\w+)(?::([\w.-]+))?", path.read_text()):
            yield f"{path.relative_to(ROOT)}, {name}", tag
    for path in KUSTOMIZED:
        for line in re.findall(r"^ *- \{name: reelyard/.*$", path.read_text(), re.MULTILINE):
            found = re.search(r"newTag: ([\w.-]+)", line)
            yield f"{path.relative_to(ROOT)}, {line.split(',')[0]}", found[1] if found else ""
    for command in re.findall(r"^ +(git (?:tag|push) .*)$", PAGE.read_text(), re.MULTILINE):
        yield f"releasing.rst, {command}", command.partition(" v")[2].split()[0]


def test_everything_has_the_trees_version() -> None:
    found = list(typed())

    assert [(where, version) for where, version in found if version != RELEASE] == []
    assert {where.partition(",")[0] for where, _ in found} >= {
        *("clients/python/pyproject.toml", "clients/typescript/package.json", "studio/package.json"),
        *("docker-compose.yml", "docker-compose.gpu.yml", "deploy/env.example", "releasing.rst"),
        *(str(path.relative_to(ROOT)) for path in KUSTOMIZED),
    }
    assert f"\n{RELEASE} " in (ROOT / "CHANGES.rst").read_text()


def test_the_page_about_releasing_names_every_file_that_has_the_version() -> None:
    step = PAGE.read_text().partition("\n2. ")[0]
    files = {where.partition(",")[0] for where, _ in typed()} - {"releasing.rst"}
    files = {re.sub(r"^deploy/kubernetes/\w+/", "deploy/kubernetes/*/", path) for path in files}
    beside = {f"{folder}/package-lock.json" for folder in NODE}

    assert [path for path in sorted(files - beside) if f"``{path}``" not in step] == []
    assert "``tasks/version.py``" in step and "``package-lock.json`` beside each" in step


def test_packages_have_the_version_of_the_tag_and_without_one_the_trees(tmp_path: Path) -> None:
    for name in ("setup.cfg", "pyproject.toml", "README.rst", "tasks/__init__.py", "tasks/version.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text((ROOT / name).read_text())
    ask = [sys.executable, "-W", "ignore", "-c", "import setuptools; setuptools.setup()", "--version"]

    def built() -> str:
        return subprocess.check_output(ask, cwd=tmp_path, text=True).split()[-1]

    without = built()
    git = repository(tmp_path)
    untagged = built()
    subprocess.run([*git, "tag", "-a", "v7.8.9", "-m", "x"], check=True)

    assert (without, untagged, built()) == (RELEASE, RELEASE, "7.8.9")


def repository(folder: Path) -> list[str]:
    """Make a repository with a commit; return how git is called on it."""
    git = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    return git


@pytest.mark.parametrize(("tag", "good"), [("v{}", True), ("v{}.1", False), ("", False)])
def test_a_release_has_its_tag(tmp_path: Path, tag: str, good: bool) -> None:
    (tmp_path / "tasks").mkdir()
    for name in ("Makefile", "tasks/version.py"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    git = repository(tmp_path)
    if tag:
        subprocess.run([*git, "tag", tag.format(RELEASE)], check=True)

    done = subprocess.run(["make", "release-check"], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert (done.returncode == 0) is good, done.stdout + done.stderr
