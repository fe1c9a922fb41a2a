"""One child process that never outlives us: own session, log file, parent-death signal, clean stop then kill."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cli.services.account import Account

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass
class Child:
    """A command that can be started, stopped and started again.

    :param stop_signal: asks it to end in order; SIGKILL to its whole session follows after ``stop_s`` seconds.
    :param death_signal: sent by the kernel when our process dies in any way (Linux); None lets it live on.
    :param keep_open: file descriptors it inherits, such as the lock of the home folder it works in.
    """

    name: str
    command: Sequence[str]
    environ: Mapping[str, str]
    log: Path
    cwd: Path = Path("/")
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals | None = signal.SIGTERM
    stop_s: float = 10.0
    keep_open: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start the command; its output goes to the end of the log file."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        drop = self.account if self.account and self.account.drops else None
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.cwd,
                env=dict(self.environ),
                start_new_session=True,
                pass_fds=self.keep_open,
                user=drop.uid if drop else None,
                group=drop.gid if drop else None,
                extra_groups=[] if drop else None,
                preexec_fn=_die_with_parent(self.death_signal),
            )

    @property
    def pid(self) -> int:
        """Process id, 0 before the first start."""
        return self.process.pid if self.process else 0

    def is_running(self) -> bool:
        """Tell whether the process is alive."""
        return self.process is not None and self.process.poll() is None

    def ask_to_stop(self) -> None:
        """Send the stop signal and return at once."""
        if self.process and self.is_running():
            self.process.send_signal(self.stop_signal)

    def stop(self) -> None:
        """Stop the process and everything in its session; harmless when it is not running."""
        if self.process is None:
            return
        self.ask_to_stop()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(self.stop_s)
        self.kill()

    def kill(self) -> None:
        """Kill the whole session with SIGKILL."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):  # nobody is left in that group
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def log_tail(self, lines: int = 15) -> str:
        """Return the last lines of the log."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that has ended and waits to be collected (a zombie) does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return not status.parent.parent.joinpath("self").exists()  # no /proc on this system: the signal has told


def _die_with_parent(death_signal: signal.Signals | None) -> Callable[[], None] | None:
    if _LIBC is None or death_signal is None:
        return None
    parent, prctl = os.getpid(), _LIBC.prctl

    def arrange() -> None:
        prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:  # it died between fork and prctl
            os._exit(1)

    return arrange
