"""Which looks, motions and defaults these are: part of every name under which a drawn thing is kept (ring 0)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import cache
from typing import Any

from tasks.scenario.data import load

Load = Callable[[str], Any]
PARTS = {"looks": ("presets",), "motions": ("motions", "effects"), "styles": ("defaults",)}
"""What has a version, and the files that it is told by."""
DIGITS = 12


def data_versions(read: Load = load) -> dict[str, str]:
    """Return the version of each part: what its file says, and a hash, which tells of a change that nobody declared.

    :param read: returns the content of a file of ``tasks/scenario/data`` by its name.
    """
    return {part: _version(names, read) for part, names in PARTS.items()}


@cache
def _version(names: tuple[str, ...], read: Load) -> str:
    contents = [read(name) for name in names]
    text = json.dumps(contents, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    declared = contents[0].get("version", "1")
    return f"{declared}+{hashlib.sha256(text.encode()).hexdigest()[:DIGITS]}"
