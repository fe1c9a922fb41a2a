"""Child processes of one attempt: each leads its own process group and dies with us or with the attempt (ring 1)."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import IO, Any

from tasks.errors import FencedError, TransientError

_PR_SET_PDEATHSIG = 1
# Loaded before any fork: between fork and exec nothing may import or allocate more than it must.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class ChildGroup:
    """Registry of an attempt's processes; once closed by :meth:`kill_all` it starts no more.

    A child gets SIGKILL from the kernel when the thread that started it ends, so start children from a thread that
    outlives them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._roots: set[int] = set()
        self._closed = False

    def start(self, argv: Sequence[str | Path], **options: Any) -> subprocess.Popen[bytes]:
        """Start a process in its own group; the caller waits for it and then calls :meth:`forget`."""
        with self._lock:
            if self._closed:
                raise FencedError("step.fenced", "This attempt has ended")
            process = subprocess.Popen(
                [str(part) for part in argv], preexec_fn=die_with_parent(), start_new_session=True, **options
            )
            self._roots.add(process.pid)
        return process

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        timeout_s: float,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a process to its end and return its output; TransientError ``child.timeout`` when it takes too long."""
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = self.start(argv, cwd=cwd, env=env, **pipes)
        try:
            output, errors = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            raise TransientError(
                "child.timeout", f"{Path(str(argv[0])).name} took longer than {timeout_s:g} s"
            ) from error
        finally:
            kill_tree(process.pid)
            process.wait()
            _close(process.stdout, process.stderr)
            self.forget(process.pid)
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def adopt(self, pid: int) -> None:
        """Watch a process that somebody else started (a browser); it dies with the attempt."""
        with self._lock:
            self._roots.add(pid)
            closed = self._closed
        if closed:
            kill_tree(pid)

    def forget(self, pid: int) -> None:
        """Stop watching a process that has been waited for, since its number may be given to another."""
        with self._lock:
            self._roots.discard(pid)

    def kill_all(self) -> None:
        """Kill every watched process with all its descendants, and refuse new ones."""
        with self._lock:
            self._closed = True
            roots = list(self._roots)
        for pid in roots:
            kill_tree(pid)


_current: ContextVar[ChildGroup | None] = ContextVar("children", default=None)


@contextlib.contextmanager
def children_of_attempt(children: ChildGroup) -> Iterator[None]:
    """Have what is started in here die with the attempt, also where the code that starts it does not know of any."""
    token = _current.set(children)
    try:
        yield
    finally:
        _current.reset(token)


def current_children() -> ChildGroup:
    """Return the group of the attempt that this thread works on; outside of any, one of the caller's own."""
    return _current.get() or ChildGroup()


def die_with_parent() -> Callable[[], None]:
    """Return a ``preexec_fn`` that asks the kernel to kill the child when its parent dies (Linux)."""
    parent = os.getpid()

    def ask() -> None:
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != parent:  # it died before we asked
                os._exit(1)

    return ask


def end_with_parent() -> None:
    """Ask the kernel to kill this process when its parent dies (Linux): a pool child must not outlive its worker."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def kill_tree(pid: int) -> None:
    """Send SIGKILL to a process, its group when it leads one, and every descendant that left the group."""
    for member in [*_descendants(pid), pid]:
        try:
            if os.getpgid(member) == member and member != os.getpgrp():
                os.killpg(member, signal.SIGKILL)
            else:
                os.kill(member, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    for child in _children(pid):
        found += [*_descendants(child), child]
    return found


def _children(pid: int) -> list[int]:
    """Return what a process has started and still runs. It may end while it is looked at, and so may its threads."""
    try:
        tables = list(Path(f"/proc/{pid}/task").glob("*/children"))
    except OSError:
        return []
    found: list[int] = []
    for table in tables:
        with contextlib.suppress(OSError):
            found += [int(child) for child in table.read_text().split()]
    return found


def _close(*streams: IO[bytes] | None) -> None:
    for stream in streams:
        if stream is not None:
            stream.close()
