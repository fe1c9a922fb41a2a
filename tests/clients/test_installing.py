"""Both clients are installed as their pages say, in a folder that has nothing of this repository's environment."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.building import CLIENTS, TYPESCRIPT
from tests.conftest import require

TYPED = re.compile(r"^ *\$ ((?:npm|pip) install .*)$", re.MULTILINE)
IMPORTED = 'import { Webhook } from "reelyard-client"; console.log(new Webhook("whsec_AAAA").constructor.name)'
NEEDED = ("openapi-fetch", "openapi-typescript-helpers")
"""What the TypeScript client runs on."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of somebody else's, beside a clone that has its tools and nothing built."""
    require((TYPESCRIPT / "node_modules").is_dir(), "the TypeScript client's tools (make clients-tools)")
    clone = tmp_path / "reelyard/clients/typescript"
    shutil.copytree(TYPESCRIPT, clone, symlinks=True)
    shutil.rmtree(clone / "dist", ignore_errors=True)
    project = tmp_path / "project"
    project.mkdir()
    (project / "package.json").write_text(json.dumps({"name": "project", "private": True}))
    return project


def typed(page: str) -> list[str]:
    """Return the command that a page has its reader type to install."""
    (line,) = TYPED.findall((CLIENTS / page).read_text())
    return str(line).split()


def run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_typescript_client_is_installed_from_its_folder(project: Path) -> None:
    run(project, *typed("typescript/README.md"), "--offline", "--no-audit", "--no-fund")

    assert run(project, "node", "--input-type=module", "--eval", IMPORTED) == "Webhook\n"
    assert (project / "node_modules/reelyard-client/dist/src/index.d.ts").is_file()


def test_the_typescript_client_is_installed_from_its_package(project: Path) -> None:
    folder = project.parent / "reelyard/clients/typescript"
    run(folder, "npm", "pack", "--pack-destination", str(project))
    for name in NEEDED:
        run(folder / "node_modules" / name, "npm", "pack", "--ignore-scripts", "--pack-destination", str(project))
    packages = sorted(f"./{path.name}" for path in project.glob("*.tgz"))

    run(project, "npm", "install", "--offline", "--no-audit", "--no-fund", *packages)
    shutil.rmtree(folder)

    assert run(project, "node", "--input-type=module", "--eval", IMPORTED) == "Webhook\n"
    installed = project / "node_modules/reelyard-client"
    assert {path.name for path in installed.iterdir()} == {"README.md", "dist", "package.json"}
    assert {path.name for path in (installed / "dist").iterdir()} == {"src"}


def test_the_python_client_is_installed_from_its_folder(tmp_path: Path) -> None:
    away = shutil.ignore_patterns("build", "*.egg-info", "__pycache__")
    shutil.copytree(CLIENTS / "python", tmp_path / "clients/python", ignore=away)
    command = [sys.executable, "-m", *typed("python/README.rst"), "--no-deps", "--target", str(tmp_path / "installed")]

    done = subprocess.run(
        [*command, "--disable-pip-version-check", "--retries=1", "--timeout=20"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=240,
    )  # fmt: skip
    require("No matching distribution found for setuptools" not in done.stderr, "an index of packages within reach")
    assert done.returncode == 0, done.stdout + done.stderr

    program = "import reelyard_client as client; print(client.__file__, client.Webhook.__name__)"
    found = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": str(tmp_path / "installed")},
        cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    package = tmp_path / "installed/reelyard_client"
    assert found.stdout.split() == [str(package / "__init__.py"), "Webhook"]
    assert (package / "py.typed").is_file()
