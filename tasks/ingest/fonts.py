"""Body of the step that makes an uploaded font safe."""

from __future__ import annotations

import hashlib
import json
import sys
from typing import Any

from tasks.attempt import StepContext
from tasks.errors import PermanentError, TransientError
from tasks.fonts.sanitize import REFUSED, TIMEOUT_S


def sanitize_font(context: StepContext) -> dict[str, Any]:
    """Fetch a font, parse and write it anew in a child process, store the safe copy; raise ``font.*``."""
    context.plan_stages(download=2, sanitize=5, upload=1)
    clean = context.scratch / "font.ttf"
    with context.source_copy() as path:
        done = context.run_child([sys.executable, "-m", "tasks.fonts.sanitize", path, clean], timeout_s=TIMEOUT_S)
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
    if returncode > 0 and not output:
        raise TransientError("font.checker_failed", f"The process that checks fonts ended with {returncode}")
    raise PermanentError("font.unreadable", "Reading the font took more memory or time than any font needs")
