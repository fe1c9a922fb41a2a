"""Builds the TypeScript client for tests."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

from tests.conftest import require

CLIENTS = Path(__file__).parents[2] / "clients"
TYPESCRIPT = CLIENTS / "typescript"


@cache
def built_typescript() -> Path:
    """Compile the TypeScript client and its example; return where they are."""
    require((TYPESCRIPT / "node_modules").is_dir(), "the TypeScript client's tools (make clients-tools)")
    npm("run", "--silent", "build")
    return TYPESCRIPT / "dist"


def npm(*arguments: str) -> None:
    """Run npm in the TypeScript client's folder."""
    done = subprocess.run(["npm", *arguments], cwd=TYPESCRIPT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def node(*arguments: str, given: str = "") -> str:
    """Run a program of the TypeScript client and return what it printed."""
    done = subprocess.run(
        ["node", *arguments], cwd=TYPESCRIPT, input=given, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
