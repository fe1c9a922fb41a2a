"""Has an uploaded file read by a process that can do no harm: limits, and a sandbox where there is one (ring 3)."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from tasks.attempt import StepContext
from tasks.children import kill_tree
from tasks.errors import PermanentError, TransientError
from tasks.ingest.reader import OUT_OF_MEMORY
from tasks.media.limits import limits_of
from tasks.sandbox import clean_environment, confine, ended_by

_CRASHES = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE)
Progress = Callable[[float, float], None]
_log = logging.getLogger(__name__)


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
    limits = json.dumps(asdict(limits_of(context.settings)))
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


def judge(told: dict[str, Any], returncode: int, complaints: IO[bytes], *, kind: str) -> dict[str, Any]:
    """Return the result, or raise what the reader refused or how it ended."""
    if returncode == 0 and "result" in told:
        result: dict[str, Any] = told["result"]
        return result
    if returncode == 0 and "refusal" in told:
        refusal = told["refusal"]
        raise PermanentError(refusal["code"], refusal["detail"], refusal["extra"])
    ended = ended_by(returncode)
    if returncode == OUT_OF_MEMORY or ended == signal.SIGXCPU:
        raise PermanentError(f"{kind}.damaged", "Reading the file takes more memory or time than any file may")
    if ended in _CRASHES:
        raise PermanentError(f"{kind}.damaged", "The file cannot be read: it breaks what reads it")
    if ended == signal.SIGKILL:
        raise TransientError("node.out_of_memory", "The process that reads files was killed")
    complaints.seek(0)
    _log.error(
        "reader failed", extra={"returncode": returncode, "said": complaints.read()[-2000:].decode(errors="replace")}
    )
    raise TransientError("media.reader_failed", f"The process that reads files ended with {returncode}")
