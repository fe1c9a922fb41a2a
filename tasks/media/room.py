"""A process apart that does several errands over the same files, within the walls of :mod:`tasks.sandbox` (ring 2).

For work that cannot hand its frames over one by one: what decodes a stranger's footage, draws on it and encodes it
stays together behind the walls, and only files and plain JSON come out. What comes out is held against what was asked.
"""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from tasks.children import current_children, kill_tree
from tasks.errors import TransientError
from tasks.media.apart import Budget, Progress, error_of, judge, listen
from tasks.media.walled import ROOM
from tasks.sandbox import clean_environment, confine

_END_S = 2.0
_LEAST_MEMORY = 4 << 30
_LARGEST_FILE = 1 << 40


@dataclass(frozen=True)
class Openings:
    """What leads through the walls besides the room's own folder.

    :param devices: of a GPU, :param environment: variables that its libraries need.
    """

    reads: Sequence[Path] = ()
    writes: Sequence[Path] = ()
    devices: Sequence[Path] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


def whole_host(longest_s: float) -> Budget:
    """Return what drawing and encoding may use: all cores, the step's time on each, three quarters of the memory."""
    cores = os.cpu_count() or 1
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = max(_LEAST_MEMORY, memory // 4 * 3)
    return Budget(memory_bytes=limit, cpu_s=int(longest_s * cores), file_bytes=_LARGEST_FILE, cores=cores)


class Room:
    """A process that does errands; use as a context manager. ``walls`` says what stands around it.

    :param folder: where it may write, and nothing else is; :param mode: as of :func:`tasks.sandbox.confine`.
    :param starts_browser: it may start a browser, whose address space is not limited.
    """

    def __init__(
        self, folder: Path, mode: str, *, budget: Budget, openings: Openings, starts_browser: bool = False
    ) -> None:
        self.folder, self.walls = folder, ""
        plan = {"folder": str(folder.absolute()), "budget": asdict(budget), "starts_browser": starts_browser}
        self._environment = dict(openings.environment)
        self._command = confine(
            mode,
            [sys.executable, "-m", "tasks.media.walled", ROOM, json.dumps(plan)],
            reads=openings.reads,
            writes=[folder, *openings.writes],
            devices=openings.devices,
            environment=self._environment,
        )
        self._children = current_children()

    def __enter__(self) -> Room:
        self._complaints: IO[bytes] = tempfile.TemporaryFile()
        environment = {**clean_environment(), **self._environment}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self._complaints}
        try:
            self._process = self._children.start(self._command, env=environment, **pipes)
        except BaseException:
            self._complaints.close()
            raise
        try:
            self.walls = str(self._answer(lambda done, total: None)) or "limits"
        except BaseException:
            self.__exit__()
            raise
        return self

    def call(self, function: str, arguments: Mapping[str, Any], progress: Progress | None = None) -> Any:
        """Have ``module:function`` of ours done over there and return its result, plain JSON.

        The function is called with the room's folder, the arguments and a :class:`tasks.media.walled.Teller`. Errors
        are its own, and those of :func:`tasks.media.apart.call`; after one of the latter the room is closed.
        """
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # how it ended is told by what follows
            self._process.stdin.write(json.dumps({"function": function, "arguments": arguments}).encode() + b"\n")
            self._process.stdin.flush()
        return self._answer(progress or (lambda done, total: None))

    def take(self, name: str, target: Path) -> Path:
        """Move a file that was written over there to where it cannot be exchanged any more; a link is not taken."""
        try:
            (self.folder / name).rename(target)
            found = target.lstat()
        except OSError as error:
            raise TransientError("media.reader_failed", "The process that reads files wrote nothing") from error
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            raise TransientError("media.reader_failed", "The process that reads files wrote no file of its own")
        return target

    def _answer(self, progress: Progress) -> Any:
        assert self._process.stdout is not None
        talk = listen(self._process.stdout, progress)
        while True:
            try:
                next(talk)
            except StopIteration as end:
                told: dict[str, Any] = end.value
                break
        if "result" in told:
            return told["result"]
        if "refusal" in told:
            raise error_of(told["refusal"])
        ended = self._end()
        return judge({}, self._process.returncode if ended else 0, self._complaints)

    def _end(self) -> bool:
        """End the process; tell whether it had ended by itself."""
        ended = True
        try:
            self._process.wait(timeout=0 if sys.exc_info()[0] else _END_S)
        except subprocess.TimeoutExpired:
            ended = False
        kill_tree(self._process.pid)
        self._process.wait()
        self._children.forget(self._process.pid)
        return ended

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()  # it ends when there are no more errands
        if self._process.returncode is None:
            self._end()
        self._process.stdout.close()
        self._complaints.close()
