"""Keeping results: one JSON line for each run, with commit, seed and versions."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.chaos.check import Verdict

RESULTS = Path(__file__).parents[1] / "results" / "chaos.jsonl"
PACKAGES = ("reelyard", "celery", "kombu", "redis", "sqlalchemy", "psycopg2-binary", "gunicorn")


def add_result(
    trial: str, asked: dict[str, Any], *, verdict: Verdict, measured: dict[str, Any], passed: bool, path: Path = RESULTS
) -> None:
    """Add the result of a run to a file.

    :param trial: what was tried, :param asked: its parameters, :param measured: its own figures.
    """
    entry = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        "trial": trial,
        **asked,
        **verdict.to_json(),
        "passed": passed,
        "measured": measured,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(entry) + "\n")


def show(verdict: Verdict) -> None:
    """Print what was found wrong, and among what."""
    for name, found in verdict.wrong.items():
        print(f"  {name:20} {len(found):4}   {'; '.join(found[:3])}")
    for name, value in verdict.counts.items():
        print(f"  {name}: {value}")


def commit() -> str:
    """Return what is checked out, with a plus sign when files differ from it; of an exported tree what it says."""
    root = Path(__file__).parents[2]
    exported = root / ".commit"
    if exported.exists():
        return exported.read_text().strip()
    ask = ["git", "describe", "--always", "--abbrev=7", "--dirty=+", "--exclude=*"]
    told = subprocess.run(ask, cwd=root, capture_output=True, text=True, check=False)
    return told.stdout.strip() or "unknown"
