"""Body of the step that makes an uploaded font safe."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from tasks.attempt import StepContext
from tasks.errors import PermanentError, TransientError
from tasks.fonts.sanitize import REFUSED, TIMEOUT_S
from tasks.sandbox import clean_environment, confine, ended_by


def sanitize_font(context: StepContext) -> dict[str, Any]:
    """Fetch a font, parse and write it anew in a child process, store the safe copy; raise ``font.*``."""
    context.plan_stages(download=2, sanitize=5, upload=1)
    folder = context.scratch / "clean"
    folder.mkdir()
    clean = folder / "font.ttf"
    with context.source_copy() as path:
        command: list[str | Path] = [sys.executable, "-m", "tasks.fonts.sanitize", path, clean]
        walled = confine(context.settings.sandbox, command, reads=path, writes=folder)
        done = context.run_child(walled, timeout_s=TIMEOUT_S, env=clean_environment())
    context.progress(1, 1, stage="sanitize", unit="fonts")
    told = read_outcome(done.returncode, done.stdout)
    data = clean.read_bytes()
    key = context.put_output("font.ttf", clean, content_type="font/ttf")
    return {**told, "object_key": key, "size_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def read_outcome(returncode: int, output: bytes) -> dict[str, Any]:
    """Return what the child told of a font; raise what it refused, and ``font.unreadable`` when the font killed it."""
    if returncode == 0:
        told: dict[str, Any] = json.loads(output)
        return told
    if returncode == REFUSED:
        refusal = json.loads(output)
        raise PermanentError(refusal["code"], refusal["detail"])
    if returncode > 0 and not ended_by(returncode) and not output:
        raise TransientError("font.checker_failed", f"The process that checks fonts ended with {returncode}")
    raise PermanentError("font.unreadable", "Reading the font took more memory or time than any font needs")
