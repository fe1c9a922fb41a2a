"""What runs says which it is: by its checkout, by its image, or by its package alone."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tasks.version import RELEASE, number, version

COMMIT = "5d9f0b6abcde0123456789012345678901234567"


def repository(root: Path) -> list[str]:
    """Make a repository with a commit; return how git is called on it."""
    git = ["git", "-C", str(root), "-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    return git


def test_without_a_commit_it_is_the_release_alone(tmp_path: Path) -> None:
    assert version(tmp_path) == RELEASE


def test_an_image_that_was_told_its_commit_says_it(tmp_path: Path) -> None:
    (tmp_path / "COMMIT").write_text(f"{COMMIT}\n")

    assert version(tmp_path) == f"{RELEASE}+g5d9f0b6abcde"


@pytest.mark.parametrize("told", ["", "\n", "unknown", "<script>"])
def test_what_is_no_commit_is_not_said(tmp_path: Path, told: str) -> None:
    (tmp_path / "COMMIT").write_text(told)

    assert version(tmp_path) == RELEASE


@pytest.mark.parametrize("is_packed", [False, True])
@pytest.mark.parametrize("is_detached", [False, True])
def test_a_checkout_says_its_commit(tmp_path: Path, is_packed: bool, is_detached: bool) -> None:
    git = repository(tmp_path)
    if is_packed:
        subprocess.run([*git, "pack-refs", "--all"], check=True)
    if is_detached:
        subprocess.run([*git, "checkout", "-q", "--detach"], check=True)
    head = subprocess.check_output([*git, "rev-parse", "HEAD"], text=True)

    assert version(tmp_path) == f"{RELEASE}+g{head[:12]}"


@pytest.mark.parametrize("how", [["v7.8.9"], ["-a", "v7.8.9", "-m", "x"]], ids=["light", "annotated"])
def test_a_tag_is_the_version_and_commits_after_it_are_counted(tmp_path: Path, how: list[str]) -> None:
    git = repository(tmp_path)
    subprocess.run([*git, "tag", *how], check=True)
    tagged = number(tmp_path), version(tmp_path).partition("+")[0]
    for _ in range(2):
        subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)

    assert tagged == ("7.8.9", "7.8.9")
    assert number(tmp_path) == f"{RELEASE}.dev2"
    subprocess.run([*git, "tag", f"v{RELEASE}", "HEAD~1"], check=True)
    assert number(tmp_path) == f"{RELEASE}.post1"


@pytest.mark.parametrize("tag", ["nightly", "7.8.9", "v7", "v7.8.9-mine", "vendor/v7.8.9"])
def test_other_tags_are_no_version(tmp_path: Path, tag: str) -> None:
    subprocess.run([*repository(tmp_path), "tag", tag], check=True)

    assert number(tmp_path) == RELEASE


@pytest.mark.parametrize("way", ["archive", "clone"])
def test_a_tree_without_tags_or_git_is_the_release(tmp_path: Path, way: str) -> None:
    (tmp_path / "origin").mkdir()
    git = repository(tmp_path / "origin")
    subprocess.run([*git, "tag", "v7.8.9"], check=True)
    tree = tmp_path / "tree"
    if way == "clone":
        subprocess.run(["git", "clone", "-q", "--no-tags", f"file://{tmp_path}/origin", str(tree)], check=True)
    else:
        tree.mkdir()

    assert number(tree) == RELEASE


def test_where_git_is_not_installed_the_release_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subprocess.run([*repository(tmp_path), "tag", "v7.8.9"], check=True)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert number(tmp_path) == RELEASE
