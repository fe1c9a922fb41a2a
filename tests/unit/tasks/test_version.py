"""What runs says which it is: by its checkout, by its image, or by its package alone."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tasks.version import version

COMMIT = "5d9f0b6abcde0123456789012345678901234567"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "setup.cfg").write_text("[metadata]\nname = reelyard\nversion = 7.8.9\n")
    return tmp_path


def test_without_a_commit_it_is_the_version_alone(root: Path) -> None:
    assert version(root) == "7.8.9"


def test_an_image_that_was_told_its_commit_says_it(root: Path) -> None:
    (root / "COMMIT").write_text(f"{COMMIT}\n")

    assert version(root) == "7.8.9+g5d9f0b6abcde"


@pytest.mark.parametrize("told", ["", "\n", "unknown", "<script>"])
def test_what_is_no_commit_is_not_said(root: Path, told: str) -> None:
    (root / "COMMIT").write_text(told)

    assert version(root) == "7.8.9"


@pytest.mark.parametrize("is_packed", [False, True])
@pytest.mark.parametrize("is_detached", [False, True])
def test_a_checkout_says_its_commit(root: Path, is_packed: bool, is_detached: bool) -> None:
    git = ["git", "-C", str(root), "-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    if is_packed:
        subprocess.run([*git, "pack-refs", "--all"], check=True)
    if is_detached:
        subprocess.run([*git, "checkout", "-q", "--detach"], check=True)
    head = subprocess.check_output([*git, "rev-parse", "HEAD"], text=True)

    assert version(root) == f"7.8.9+g{head[:12]}"


def test_a_package_without_a_checkout_says_what_it_was_installed_as(tmp_path: Path) -> None:
    assert version(tmp_path) == "0.1.0"
