"""Run one command and measure it whole: wall time, CPU of every process it started, peak memory of the tree."""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
SAMPLE_S = 0.2


@dataclass(frozen=True)
class Measurement:
    """CPU in seconds (user + system), memory in MB (proportional set size, summed over the tree)."""

    returncode: int
    wall_s: float
    cpu_s: float
    peak_mb: float
    output: str

    def figures(self) -> dict[str, float]:
        """Return the numbers as they are kept."""
        return {"cpu_s": round(self.cpu_s, 3), "wall_s": round(self.wall_s, 3), "peak_mb": round(self.peak_mb, 1)}


def measure(command: list[str], *, cwd: Path | None = None, environ: dict[str, str] | None = None) -> Measurement:
    """Run ``command`` to its end, and all that it leaves behind.

    Being the subreaper, this process inherits orphans (a browser's helpers), so that their CPU counts as well.
    """
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    process = subprocess.Popen(
        command, cwd=cwd, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    peak = PeakMemory(process.pid)
    output, _ = process.communicate()
    wall_s = time.monotonic() - started
    peak_mb = peak.stop()
    reap_orphans()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Measurement(process.returncode, wall_s, cpu_s, peak_mb, output)


class PeakMemory:
    """Samples the memory of a process tree until stopped."""

    def __init__(self, pid: int) -> None:
        self._pid, self._peak_kb = pid, 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def stop(self) -> float:
        """Return the peak in MB."""
        self._stop.set()
        self._thread.join()
        return self._peak_kb / 1024

    def _sample(self) -> None:
        while not self._stop.wait(SAMPLE_S):
            self._peak_kb = max(self._peak_kb, sum(memory_kb(pid) for pid in tree(self._pid)))


def tree(root: int) -> list[int]:
    """Return ``root`` and all its descendants that are alive."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            children.setdefault(int(stat.rsplit(")", 1)[1].split()[1]), []).append(int(entry.name))
    found, queue = [], [root]
    while queue:
        pid = queue.pop()
        found.append(pid)
        queue += children.get(pid, [])
    return found


def memory_kb(pid: int) -> int:
    """Return the proportional set size of a process, 0 when it is gone."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")), 0)


def reap_orphans() -> None:
    """Wait for every orphan that this process inherited."""
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return
