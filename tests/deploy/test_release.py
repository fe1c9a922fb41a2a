"""One version: the package's, the clients', the images', the tag's."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.deploy.manifests import ROOT


def version() -> str:
    package = ConfigParser()
    package.read(ROOT / "setup.cfg")
    return package["metadata"]["version"]


def test_everything_has_the_packages_version() -> None:
    found = {
        "python client": tomllib.loads((ROOT / "clients/python/pyproject.toml").read_text())["project"]["version"],
        "typescript client": json.loads((ROOT / "clients/typescript/package.json").read_text())["version"],
        "its lock": json.loads((ROOT / "clients/typescript/package-lock.json").read_text())["version"],
    }
    images = re.findall(r"reelyard/\w+:([\w.]+)", (ROOT / "docker-compose.yml").read_text())

    assert set(found.values()) == {version()}, found
    assert set(images) == {version()}
    assert f"\n{version()} " in (ROOT / "CHANGES.rst").read_text()


@pytest.mark.parametrize(("tag", "good"), [("v{}", True), ("v{}.1", False), ("", False)])
def test_a_release_has_its_tag(tmp_path: Path, tag: str, good: bool) -> None:
    for name in ("Makefile", "setup.cfg"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    git = ["git", "-C", str(tmp_path), *who]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    if tag:
        subprocess.run([*git, "tag", tag.format(version())], check=True)

    done = subprocess.run(["make", "release-check"], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert (done.returncode == 0) is good, done.stdout + done.stderr
