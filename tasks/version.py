"""Which Reelyard runs: the version that ``setup.cfg`` has, and the commit where that is known."""

from __future__ import annotations

import importlib.metadata
import re
from configparser import ConfigParser
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
DIGITS = 12


@cache
def version(root: Path = ROOT) -> str:
    """Return what runs, as 0.1.0+g5d9f0b6abcde: a checkout knows its commit, and so does an image that was told it."""
    commit = _commit(root)[:DIGITS]
    return _number(root) + (f"+g{commit}" if re.fullmatch(r"[0-9a-f]{7,}", commit) else "")


def _number(root: Path) -> str:
    told = ConfigParser()
    if told.read(root / "setup.cfg", encoding="utf-8"):
        return told["metadata"]["version"]
    return importlib.metadata.version("reelyard")


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
