"""Decoding in a process apart, which has limits, no secrets, no network and no files but the one it reads (ring 2).

:class:`~tasks.media.limits.MediaLimits` says by ``walls`` whether this is wanted; functions of this package and of
bodies then run themselves over there, by name. What comes back is held against what was asked for: who wrote the file
may speak from over there.
"""

from __future__ import annotations

import json
import logging
import math
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from tasks.children import current_children, kill_tree
from tasks.errors import InvalidInputError, PermanentError, ReelyardError, TransientError
from tasks.media.limits import MediaLimits
from tasks.sandbox import OUT_OF_MEMORY, clean_environment, confine, ended_by

_CRASHES = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGSYS)
_LONGEST_LINE = 64 << 20
_LARGEST_BLOCK = 64 << 20
_KINDS: dict[str, type[ReelyardError]] = {"InvalidInputError": InvalidInputError, "TransientError": TransientError}
Progress = Callable[[float, float], None]
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Budget:
    """What a process may use: bytes of address space, seconds of CPU, bytes of a file that it writes, cores."""

    memory_bytes: int = 4 << 30
    cpu_s: int = 60
    file_bytes: int = 256 << 20
    cores: int = 4


@dataclass(frozen=True)
class Errand:
    """What is to be done over there: ``module:function`` of ours, the file to read, the file that it may write."""

    function: str
    path: Path
    limits: MediaLimits
    arguments: dict[str, Any] = field(default_factory=dict)
    target: Path | None = None
    budget: Budget = Budget()


def call(errand: Errand, progress: Progress | None = None) -> Any:
    """Do it and return the result; errors are the function's own, ``media.damaged`` for a file that breaks its reader,
    and TransientError ``node.out_of_memory`` and ``media.reader_failed`` of this host."""
    talk = _converse(errand, progress or (lambda done, total: None))
    while True:
        try:
            next(talk)
        except StopIteration as end:
            return end.value


def stream(errand: Errand) -> Iterator[bytes]:
    """Do it and yield the blocks that it sends, as they come; errors as those of :func:`call`."""
    yield from _converse(errand, lambda done, total: None)


def _converse(errand: Errand, progress: Progress) -> Generator[bytes, None, Any]:
    """Run the process, yield its blocks, return its result."""
    place = errand.target.parent if errand.target else None  # what is written may be large: it is moved, not copied
    with tempfile.TemporaryDirectory(prefix="apart-", dir=place) as folder, tempfile.TemporaryFile() as complaints:
        made = Path(folder) / f"made{errand.target.suffix if errand.target else ''}"
        command = confine(errand.limits.walls, _command(errand, made), reads=errand.path, writes=Path(folder))
        children = current_children()
        process = children.start(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=complaints, env=clean_environment()
        )
        assert process.stdout is not None
        try:
            told = yield from listen(process.stdout, progress)
        finally:
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0 if sys.exc_info()[0] else 5)  # it has said all; kill what lingers
            kill_tree(process.pid)
            returncode = process.wait()
            process.stdout.close()
            children.forget(process.pid)
        result = judge(told, returncode, complaints)
        if errand.target is not None:
            _fetch(made, errand.target)
        return result


def _command(errand: Errand, made: Path) -> list[str | Path]:
    order = {
        "limits": asdict(replace(errand.limits, walls="")),
        "arguments": errand.arguments,
        "budget": asdict(errand.budget),
    }
    names = [sys.executable, "-m", "tasks.media.walled", errand.function]
    return [*names, errand.path.absolute(), made, json.dumps(order)]


def listen(answers: IO[bytes], progress: Progress) -> Generator[bytes, None, dict[str, Any]]:
    """Yield blocks and pass progress on as they come; return the last line, empty when it cannot be understood."""
    while line := answers.readline(_LONGEST_LINE):
        told = _understand(line)
        if "block" in told:
            size = told["block"]
            if not isinstance(size, int) or not 0 <= size <= _LARGEST_BLOCK:
                return {}
            block = answers.read(size)
            if len(block) != size:
                return {}
            yield block
        elif "progress" in told:
            progress(*told["progress"])
        else:
            return told
    return {}


def _understand(line: bytes) -> dict[str, Any]:
    """Return what a line says, empty when that is nothing that may be said."""
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(told, dict):
        return {}
    heard = told.get("progress", [0, 0])
    return told if isinstance(heard, list) and len(heard) == 2 and all(map(_is_number, heard)) else {}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and 0 <= value < 1 << 53


def judge(told: dict[str, Any], returncode: int, complaints: IO[bytes], *, kind: str = "media") -> Any:
    """Return the result, or raise what the reader refused or how it ended.

    :param kind: begins the code ``….damaged`` of a file that crashes its reader or uses up what it may have.
    """
    if returncode == 0 and "result" in told:
        return told["result"]
    if returncode == 0 and "refusal" in told:
        raise error_of(told["refusal"])
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


def error_of(refusal: dict[str, Any]) -> ReelyardError:
    """Return the error that was told of."""
    kind = _KINDS.get(str(refusal.get("kind")), PermanentError)
    return kind(str(refusal["code"]), str(refusal["detail"]), dict(refusal["extra"]))


def _fetch(made: Path, target: Path) -> None:
    """Take what was written; a link, or nothing, is not taken."""
    if made.is_symlink() or not made.is_file():
        raise TransientError("media.reader_failed", "The process that reads files wrote nothing")
    shutil.move(made, target)
