"""How an attempt ended whose process could not say so: killed for memory, crashed, or stuck (ring 1).

The main process of a worker sees how its pool processes die. What they worked on stands in their notes
(:mod:`tasks.slots`), so that it can tell the API at once: without that the step would wait for its lease to end, and
nobody would know what its job does to workers. A process that holds the interpreter for ever cannot even keep its
lease; it is ended once the lease is over.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from billiard.exceptions import WorkerLostError
from celery.worker.request import Request

from tasks.client import ControlClient
from tasks.config import WorkerSettings, worker_settings
from tasks.contracts import StepFailure, StepReport
from tasks.contracts.step import CRASHED, OUT_OF_MEMORY, OVERDUE
from tasks.errors import ReelyardError
from tasks.slots import Note, find_notes, read_note, sweep_notes

GRACE_S = 5.0
"""Seconds that a process may work on after its lease, in which its own fence should have ended it."""

SEEN_FOR_S = 2.0
"""A process is ended only if it was late so long ago: a worker that was itself stopped wakes late as a whole."""

UNSEEN_S = 0.5
"""So long a process may be dead before it is told of here: Celery's pool may miss an end, or see it 5 s late."""

JUST_NOW_S = 5.0
"""The kernel counts what it kills for memory; a process that is found dead so soon after was it."""

_EXIT = re.compile(r"prematurely: (.*) Job:")
_log = logging.getLogger(__name__)


class MemoryKills:
    """Tells whether the kernel has killed something in this process's control group for want of memory."""

    def __init__(self, counter: Path | None) -> None:
        self._counter = counter
        self._seen, self._last = self._read(), float("-inf")

    def just_now(self) -> bool:
        """Tell whether it did a moment ago; asked again and again, so that what was long ago is known as such."""
        before, self._seen = self._seen, self._read()
        if self._seen > before:
            self._last = time.monotonic()
        return time.monotonic() - self._last < JUST_NOW_S

    def _read(self) -> int:
        if self._counter is None:
            return 0
        with suppress(OSError, ValueError):
            lines = (line.split() for line in self._counter.read_text().splitlines())
            return sum(int(words[1]) for words in lines if words[0] == "oom_kill")
        return 0


def find_counter(table: str, root: Path) -> Path | None:
    """Return the file of a control group in which the kernel counts what it killed for memory; pure but for a look.

    :param table: what ``/proc/self/cgroup`` says: lines of ``number:controllers:path`` (cgroups(7)).
    :param root: where control groups are mounted; of version 1 each controller is a folder of its own there.
    """
    for line in table.splitlines():
        _, controllers, path = line.split(":", 2)
        own = path.lstrip("/")
        if "memory" in controllers.split(","):
            found = root / "memory" / own / "memory.oom_control"
        elif not controllers:
            found = root / own / "memory.events"
        else:
            continue
        if found.exists():
            return found
    return None


def own_counter() -> Path | None:
    """Return :func:`find_counter`'s file of this process."""
    try:
        return find_counter(Path("/proc/self/cgroup").read_text(), Path("/sys/fs/cgroup"))
    except (OSError, ValueError):
        return None


class Slots:
    """The main process's view of its pool processes."""

    def __init__(self, settings: Callable[[], WorkerSettings] = worker_settings) -> None:
        self._settings = settings
        self._kills = MemoryKills(own_counter())
        self._seen: dict[tuple[int, int, bool], float] = {}
        self._told: set[tuple[int, int]] = set()

    def look(self) -> None:
        """End processes that are stuck, tell of those that died unseen; called again and again."""
        root = self._settings().scratch_dir
        self._kills.just_now()
        notes = {pid: note for pid in find_notes(root) if (note := read_note(root, pid))}
        now, seen = time.monotonic(), {}
        for pid, note in notes.items():
            is_dead = _is_dead(pid)
            if not is_dead and (now < note.lease_until + GRACE_S or not _is_stuck(pid)):
                continue
            first = seen[pid, note.token, is_dead] = self._seen.get((pid, note.token, is_dead), now)
            if is_dead and now - first >= UNSEEN_S:
                self._tell_once(pid, note, self.describe(_exit_of(pid)))
            elif not is_dead and now - first >= SEEN_FOR_S:
                _log.error("process outlived its lease; it is killed", extra={"pid": pid, "step_id": note.step_id})
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self._seen = seen
        self._told &= {(pid, note.token) for pid, note in notes.items()}
        sweep_notes(root)

    def tell_death(self, pid: int, failure: StepFailure) -> None:
        """Tell the API, beside whatever else there is to do, what died with a process."""
        note = read_note(self._settings().scratch_dir, pid)
        if note is not None:
            self._tell_once(pid, note, failure)

    def _tell_once(self, pid: int, note: Note, failure: StepFailure) -> None:
        if (pid, note.token) in self._told:
            return
        self._told.add((pid, note.token))
        report = StepReport(note.job_id, note.step_id, note.token, failure=failure)
        threading.Thread(target=self._tell, args=(pid, report), name="slot-death", daemon=True).start()

    def describe(self, exit_status: str) -> StepFailure:
        """Say why a process died, by how billiard tells its end."""
        if "signal 9" in exit_status and self._kills.just_now():
            return StepFailure(
                OUT_OF_MEMORY, "The kernel killed the step's process for want of memory", permanent=False
            )
        return StepFailure(CRASHED, f"The step's process ended by {exit_status}", permanent=False)

    def _tell(self, pid: int, report: StepReport) -> None:
        settings = self._settings()
        _wait_until_gone(pid)
        client = ControlClient(settings.api_url, settings.callback_secret, node=settings.node_name)
        try:
            client.report_death(report)
        except ReelyardError as error:
            _log.info("death not told", extra={"code": error.code, "step_id": report.step_id})
        finally:
            client.close()


def _wait_until_gone(pid: int) -> None:
    """Wait while a process that is being killed still works, at most as long as it may."""
    deadline = time.monotonic() + GRACE_S
    while _state_of(pid) not in ("", "Z", "X") and time.monotonic() < deadline:
        time.sleep(0.05)


def _is_stuck(pid: int) -> bool:
    """Tell whether a process lives and nobody stopped it; one that was stopped finds its fence when it wakes."""
    return _state_of(pid) not in ("", "Z", "X", "T", "t")


def _is_dead(pid: int) -> bool:
    return _state_of(pid) in ("", "Z", "X")


def _exit_of(pid: int) -> str:
    """Return how a process ended that nobody has waited for yet, by the status in proc(5), field 52."""
    try:
        status = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[49])
        number = os.WTERMSIG(status)
        return f"signal {number} ({signal.Signals(number).name})" if number else f"exitcode {os.WEXITSTATUS(status)}"
    except (OSError, IndexError, ValueError):
        return "an end that nobody saw"


def _state_of(pid: int) -> str:
    """Return the letter that proc(5) gives a process; nothing when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return ""


slots = Slots()
"""Those of this worker."""


class WatchedRequest(Request):
    """Celery's view, in the main process, of one message at a pool process."""

    def on_failure(self, exc_info: Any, send_failed_event: bool = True, return_ok: bool = False) -> None:
        """Have the death of a process told."""
        super().on_failure(exc_info, send_failed_event, return_ok)
        error = getattr(exc_info.exception, "exc", exc_info.exception)  # billiard wraps what it raised itself
        if isinstance(error, WorkerLostError) and self.worker_pid:
            status = _EXIT.search(str(error))
            slots.tell_death(self.worker_pid, slots.describe(status.group(1) if status else str(error)))

    def on_timeout(self, soft: bool, timeout: float) -> None:
        """Have it told that a process is about to be killed for taking too long."""
        super().on_timeout(soft, timeout)
        if not soft and self.worker_pid:
            told = f"The step's process was killed after {timeout:g} s, the hard limit of its task"
            slots.tell_death(self.worker_pid, StepFailure(OVERDUE, told, permanent=False))
