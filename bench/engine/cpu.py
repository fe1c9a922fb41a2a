"""Processor seconds of running processes by what they are, which other load on the machine does not change (Linux)."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
KINDS = (
    ("gunicorn", "api"),
    ("api.control.engine", "engine"),
    ("celery", "worker"),
    ("postgres", "postgresql"),
    ("valkey", "valkey"),
    ("redis", "valkey"),
)
"""Words in a command line and what they mean; the first that fits counts."""


def used_by_kind(root: int | None = None) -> dict[str, float]:
    """Return the seconds that a process and all below it have used so far; ``bench`` is the process itself.

    Children that have ended count for those that waited for them.
    """
    root = root or os.getpid()
    below: dict[int, list[int]] = defaultdict(list)
    seconds: dict[int, float] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended while we looked
        pid = int(folder.name)
        below[int(fields[1])].append(pid)
        counted = fields[11:13] if pid == root else fields[11:15]
        seconds[pid] = sum(map(int, counted)) / TICKS
    used: dict[str, float] = defaultdict(float)
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        used["bench" if pid == root else kind_of(pid)] += seconds.get(pid, 0.0)
        waiting += below[pid]
    return dict(used)


def kind_of(pid: int) -> str:
    """Say what a process is by its command line."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return "other"
    return next((kind for word, kind in KINDS if word in command), "other")


def milliseconds_each(before: dict[str, float], after: dict[str, float], count: int) -> dict[str, float]:
    """Return the milliseconds between two looks by kind, and in all, for each of ``count`` things."""
    each = {kind: round((after[kind] - before.get(kind, 0.0)) * 1000 / count, 2) for kind in sorted(after)}
    return {**each, "all": round(sum(each.values()), 2)}
