"""Starts the programs that judge what deploy/ holds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def judge(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program that a development package brings, beside this Python."""
    command = [str(Path(sys.executable).parent / name), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
