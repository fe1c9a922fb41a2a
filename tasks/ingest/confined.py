"""Has an uploaded file read by a process that can do no harm: limits, and a sandbox where there is one (ring 3)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO, Any

from tasks.attempt import StepContext
from tasks.children import kill_tree
from tasks.media.apart import judge
from tasks.media.limits import limits_of
from tasks.sandbox import clean_environment, confine

Progress = Callable[[float, float], None]


def read_confined(
    context: StepContext, what: str, path: Path, *, kind: str = "media", progress: Progress | None = None
) -> tuple[dict[str, Any], Path]:
    """Run :mod:`tasks.ingest.reader` on a file; return what it told, and the file that it may have written.

    :param kind: begins the code ``….damaged`` of a file that crashes its reader or uses up what it may have.
    Errors are the reader's own; TransientError ``node.out_of_memory`` and ``media.reader_failed`` are this host's.
    """
    folder = context.scratch / f"read-{what}"
    folder.mkdir()
    target = folder / "out.png"
    limits = json.dumps(asdict(replace(limits_of(context.settings), walls="")))
    command: list[str | Path] = [sys.executable, "-m", "tasks.ingest.reader", what, path, target, limits]
    walled = confine(context.settings.sandbox, command, reads=path, writes=folder)
    with (context.scratch / f"{what}.log").open("w+b") as complaints:
        process = context.children.start(
            walled, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=complaints, env=clean_environment()
        )
        try:
            told = listen(process.stdout, progress or (lambda done, total: None))
        finally:
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=5)  # it has closed its output; kill what lingers
            kill_tree(process.pid)
            returncode = process.wait()
            if process.stdout:
                process.stdout.close()
            context.children.forget(process.pid)
        context.check()
        return judge(told, returncode, complaints, kind=kind), target


def listen(answers: IO[bytes] | None, progress: Progress) -> dict[str, Any]:
    """Pass progress on as it is told; return the last line, empty when there is none that can be read."""
    last: dict[str, Any] = {}
    for line in answers or ():
        try:
            told = json.loads(line)
        except ValueError:
            return {}
        if not isinstance(told, dict):
            return {}
        if "progress" in told:
            progress(*told["progress"])
        else:
            last = told
    return last
