"""Which Reelyard runs: the version that the tags of its checkout say, and the commit where that is known."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

RELEASE = "0.1.0"
"""The release that this tree is, or is on the way to: what holds without tags, as in an image or a shallow clone."""
ROOT = Path(__file__).parents[1]
TAG = re.compile(r"v(\d+(?:\.\d+)+(?:(?:a|b|rc)\d+)?)-(\d+)-g[0-9a-f]+")
DIGITS = 12


@cache
def version(root: Path = ROOT) -> str:
    """Return what runs, as 0.1.0+g5d9f0b6abcde: a checkout knows its commit, and so does an image that was told it."""
    commit = _commit(root)[:DIGITS]
    return number(root) + (f"+g{commit}" if re.fullmatch(r"[0-9a-f]{7,}", commit) else "")


def number(root: Path = ROOT) -> str:
    """Return the tag of a checkout, or how far it has come since; what has no tags is ``RELEASE``. Packages are it."""
    found = TAG.fullmatch(_describe(root)) if (root / ".git").exists() else None
    if found is None:
        return RELEASE
    tag, further = found[1], int(found[2])
    return tag if not further else f"{RELEASE}.post{further}" if tag == RELEASE else f"{RELEASE}.dev{further}"


def _describe(root: Path) -> str:
    ask = ["git", "-C", str(root), "describe", "--tags", "--long", "--match", "v[0-9]*"]
    try:
        return subprocess.run(ask, capture_output=True, text=True, check=False, timeout=10).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _commit(root: Path) -> str:
    """Return the commit of an image's ``COMMIT`` file or of ``.git``, whose own files say it without a program."""
    head = _read(root / "COMMIT") or _read(root / ".git/HEAD")
    if not head.startswith("ref: "):
        return head
    name = head.removeprefix("ref: ")
    packed = re.search(rf"^([0-9a-f]+) {re.escape(name)}$", _read(root / ".git/packed-refs"), re.MULTILINE)
    return _read(root / ".git" / name) or (packed[1] if packed else "")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""
